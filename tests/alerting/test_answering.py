"""What comes back by channels: codes in replies, and receipts after the fact."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerting.answering import Answering, Attached
from alerting.channels.channel import ReceiptState
from alerting.channels.replies import Outcome as ChannelOutcome
from alerting.channels.replies import Reply
from alerting.channels.settings import ChannelsSpec
from alerting.commands import Acknowledge, Command, Outcome
from alerting.contacts import HolderSpec, PersonSpec
from alerting.database import Database, open_database
from alerting.ledger import Kind
from district.fields import Names
from tests.alerting.samples import NOON_MS

WANG = PersonSpec(
    id="wang-min",
    name=Names(zh="王敏", en="Wang Min"),
    roles=(HolderSpec(role="warden", area="xiaxi-1"),),
    channels=ChannelsSpec(telephone="+8613800138000"),
)
AT = datetime(2018, 6, 3, 4, 30, tzinfo=UTC)


class Counter:
    """Takes note of what is asked."""

    def __init__(self) -> None:
        self.served: list[Acknowledge] = []

    async def serve(self, command: Command) -> Outcome:
        assert isinstance(command, Acknowledge)
        self.served.append(command)
        return Outcome(id=command.id, ok=True, en="", zh="")


@asynccontextmanager
async def answering(folder: Path) -> AsyncIterator[tuple[Answering, Counter, Database]]:
    counter = Counter()
    async with open_database(folder / "alerting.sqlite") as database:
        yield Answering(counter, [WANG], database, now_ms=lambda: NOON_MS), counter, database


def reply(text: str, address: str = "+8613800138000", channel: str = "modem-sms") -> Reply:
    return Reply(channel=channel, address=address, text=text, at=AT)


@pytest.mark.parametrize("text", ["4821", "收到 4821", "收到,4821。", "４８２１"])
@pytest.mark.parametrize("address", ["+8613800138000", "8613800138000", "13800138000"])
async def test_a_code_in_a_reply_answers_its_case(tmp_path: Path, text: str, address: str) -> None:
    async with answering(tmp_path) as (one, counter, _):
        await one.heard(reply(text, address))

    (served,) = counter.served
    assert (served.person, served.ref, served.by, served.note) == ("wang-min", "4821", "code", text)


@pytest.mark.parametrize(
    ("text", "address"), [("收到", "+8613800138000"), ("13800138000", "+8613800138000"), ("4821", "10086")]
)
async def test_a_reply_without_a_code_or_from_nobody_we_know_answers_nothing(
    tmp_path: Path, text: str, address: str
) -> None:
    async with answering(tmp_path) as (one, counter, _):
        await one.heard(reply(text, address))

    assert counter.served == []


async def test_every_reply_is_on_record_without_its_whole_number(tmp_path: Path) -> None:
    async with answering(tmp_path) as (one, _, database):
        await one.heard(reply("收到", "+8613900139000"))
        rows = await database.read(
            lambda connection: connection.execute("SELECT kind, body FROM entry").fetchall()
        )

    ((kind, body),) = rows
    assert kind == Kind.REPLY.value
    assert "收到" in body.decode()
    assert b"9000" in body
    assert b"13900139000" not in body


async def test_a_reply_that_is_told_again_has_the_same_id(tmp_path: Path) -> None:
    async with answering(tmp_path) as (one, counter, _):
        for _ in range(2):
            await one.heard(reply("收到 4821 1234"))

    assert [served.ref for served in counter.served] == ["4821", "1234"] * 2
    assert len({served.id for served in counter.served}) == 2


async def test_a_key_pressed_in_a_call_answers_the_calls_thread(tmp_path: Path) -> None:
    async with answering(tmp_path) as (one, counter, _):
        await one.heard(reply("1", channel="modem-call")._replace(ref="flood.river-01"))

    (served,) = counter.served
    assert (served.person, served.ref, served.by) == ("wang-min", "flood.river-01", "keypress")


async def test_what_became_of_a_message_is_a_receipt_in_the_ledger(tmp_path: Path) -> None:
    outcome = ChannelOutcome("3301_1.wang-min.modem-sms.2", ReceiptState.DELIVERED, "on the telephone")
    async with answering(tmp_path) as (one, _, database):
        await one.became(outcome)
        rows = await database.read(
            lambda connection: connection.execute("SELECT kind, name, body FROM entry").fetchall()
        )

    ((kind, name, body),) = rows
    assert (kind, name) == (Kind.RECEIPT.value, "3301_1")
    assert b'"channel":"modem-sms"' in body
    assert b'"state":"delivered"' in body


async def test_replies_wait_until_somebody_takes_them(tmp_path: Path) -> None:
    async with answering(tmp_path) as (one, counter, _):
        attached = Attached()
        attached.attach(one)
        await attached.heard(reply("4821"))

    assert len(counter.served) == 1
