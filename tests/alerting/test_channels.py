"""The contract of every channel: it delivers, or says whether another attempt can help."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from alerting.channels.channel import ReceiptState, Recipient, WarningMessage
from alerting.channels.console import open_console
from alerting.channels.email import SmtpSettings
from alerting.channels.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from alerting.errors import ChannelDownError, ChannelRefusedError
from tests.alerting.benches import (
    IMPATIENT_S,
    SECRET,
    Bench,
    EmailBench,
    WebhookBench,
    apprise_bench,
    console_bench,
    dingtalk_bench,
    email_bench,
    feishu_bench,
    webhook_bench,
    wecom_bench,
)
from tests.alerting.servers import Mood, running_smtp, running_web
from tests.alerting.telephone_benches import aliyun_bench, call_bench, modem_bench, tencent_bench
from tests.alerting.warnings import sample_warning

GROUPS = [dingtalk_bench, wecom_bench, feishu_bench]
PERSONAL = [email_bench, webhook_bench, modem_bench, call_bench, aliyun_bench, tencent_bench, apprise_bench]
REMOTE = [*PERSONAL, *GROUPS]
REFUSING = [one for one in REMOTE if one is not apprise_bench]  # it cannot tell a refusal from trouble
IN_PARTS = [wecom_bench, modem_bench]
LONG = "下溪发生洪水，请立即转移。" * 100


@pytest.fixture(scope="module")
def warning() -> WarningMessage:
    return sample_warning()


@pytest.fixture(params=[console_bench, *REMOTE])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with request.param(folder=tmp_path) as one:
        yield one


@pytest.fixture(params=REMOTE)
async def remote(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A channel with somebody else's server at its end: it can refuse, be slow and be gone."""
    async with request.param(folder=tmp_path) as one:
        yield one


@pytest.fixture(params=[console_bench, *PERSONAL])
async def personal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A channel that reaches each person by themselves."""
    async with request.param(folder=tmp_path) as one:
        yield one


@pytest.fixture(params=GROUPS)
async def group(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A channel that reaches people as members of a group."""
    async with request.param(folder=tmp_path) as one:
        yield one


@pytest.fixture(params=IN_PARTS)
async def parted(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A channel whose carrier takes a long text in parts."""
    async with request.param(folder=tmp_path) as one:
        yield one


async def test_a_channel_that_is_well_delivers_under_its_key(bench: Bench, warning: WarningMessage) -> None:
    receipt = await bench.channel.send(warning, bench.recipient())

    assert receipt.state in (ReceiptState.SENT, ReceiptState.DELIVERED)
    assert bench.delivered() == [bench.recipient().key]


async def test_a_transient_failure_is_worth_another_attempt_under_the_same_key(
    bench: Bench, warning: WarningMessage
) -> None:
    bench.turns(Mood.BUSY)
    with pytest.raises(ChannelDownError):
        await bench.channel.send(warning, bench.recipient())
    assert bench.delivered() == []

    bench.turns(Mood.TAKES)
    await bench.channel.send(warning, bench.recipient())
    assert bench.delivered() == [bench.recipient().key]


@pytest.mark.parametrize("open_bench", REFUSING)
async def test_a_refusal_is_not_worth_another_attempt(
    open_bench: Any, tmp_path: Path, warning: WarningMessage
) -> None:
    async with open_bench(folder=tmp_path) as refusing:
        refusing.turns(Mood.REFUSES)

        with pytest.raises(ChannelRefusedError):
            await refusing.channel.send(warning, refusing.recipient())
        assert refusing.delivered() == []


@pytest.mark.parametrize("open_bench", REMOTE)
async def test_a_server_that_is_too_slow_is_down(
    open_bench: Any, tmp_path: Path, warning: WarningMessage
) -> None:
    async with open_bench(folder=tmp_path, patience_s=IMPATIENT_S) as impatient:
        impatient.turns(Mood.SLOW)

        with pytest.raises(ChannelDownError):
            await impatient.channel.send(warning, impatient.recipient())


async def test_a_server_that_is_not_there_is_down(remote: Bench, warning: WarningMessage) -> None:
    nobody = remote.dead()

    with pytest.raises(ChannelDownError):
        await remote.channel.send(warning, nobody)


async def test_many_at_once_all_arrive(personal: Bench, warning: WarningMessage) -> None:
    everybody = [personal.recipient(number) for number in range(20)]

    await asyncio.gather(*(personal.channel.send(warning, to) for to in everybody))

    assert sorted(personal.delivered()) == sorted(to.key for to in everybody)


async def test_a_group_is_told_once_however_many_of_its_people_are_to_know(
    group: Bench, warning: WarningMessage
) -> None:
    everybody = [group.recipient(number) for number in range(30)]

    receipts = await asyncio.gather(*(group.channel.send(warning, to) for to in everybody))

    assert {receipt.state for receipt in receipts} == {ReceiptState.SENT}
    assert len(group.delivered()) == 1


async def test_after_a_failure_between_parts_the_next_attempt_begins_where_it_happened(
    parted: Bench, warning: WarningMessage
) -> None:
    texts = {language: words._replace(description=LONG) for language, words in warning.texts.items()}
    long_warning = replace(warning, texts=texts)
    parted.fails_after(1)
    with pytest.raises(ChannelDownError):
        await parted.channel.send(long_warning, parted.recipient())
    assert len(parted.parts()) == 1

    parted.fails_after(None)
    await parted.channel.send(long_warning, parted.recipient())

    assert len(parted.parts()) == len(set(parted.parts())) > 1
    assert "".join(parted.parts()).count("请") == LONG.count("请")


async def test_mail_carries_both_languages_the_persons_first_and_the_cap_message(
    warning: WarningMessage,
) -> None:
    async with running_smtp() as receiver:
        await EmailBench(receiver).channel.send(warning, EmailBench(receiver).recipient())

        (mail,) = receiver.mails
    body = mail.get_body()
    assert body is not None
    text = body.get_content()
    chinese, english = warning.texts["zh"], warning.texts["en"]
    assert mail["Subject"] == chinese.headline
    assert 0 <= text.find(chinese.description) < text.find(english.description)
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == warning.cap_xml


async def test_a_webhooks_body_is_signed_with_its_time(warning: WarningMessage) -> None:
    async with running_web() as receiver, aiohttp.ClientSession() as http:
        bench = WebhookBench(receiver, http)
        await bench.channel.send(warning, bench.recipient())

        ((headers, body),) = receiver.posts
    assert headers[SIGNATURE_HEADER] == sign(SECRET, headers[TIMESTAMP_HEADER], body)
    assert headers[SIGNATURE_HEADER] != sign(b"another", headers[TIMESTAMP_HEADER], body)
    content = json.loads(body)
    assert content["headline"] == warning.texts["en"].headline
    assert content["cap"]["identifier"] == warning.identifier


async def test_the_console_never_writes_one_key_twice_even_after_a_restart(
    tmp_path: Path, warning: WarningMessage
) -> None:
    path = tmp_path / "console.jsonl"
    to = Recipient(person="p", name="某", language="zh", address="", key="w1.p.console")
    for _ in range(3):
        async with open_console(path) as console:
            await console.send(warning, to)
            await console.send(warning, to)

    assert len(path.read_text(encoding="utf-8").splitlines()) == 1


async def test_a_line_that_a_kill_cut_short_is_written_again_whole(
    tmp_path: Path, warning: WarningMessage
) -> None:
    path = tmp_path / "console.jsonl"
    keys = [f"w{n}.p.console" for n in range(2)]
    recipients = [Recipient(person="p", name="某", language="zh", address="", key=key) for key in keys]
    async with open_console(path) as console:
        for to in recipients:
            await console.send(warning, to)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])

    async with open_console(path) as console:
        for to in recipients:
            await console.send(warning, to)

    assert path.read_bytes() == whole


async def test_the_console_says_what_it_writes_when_asked(
    tmp_path: Path, warning: WarningMessage, capsys: pytest.CaptureFixture[str]
) -> None:
    to = Recipient(person="p", name="某", language="en", address="", key="w1.p.console")
    async with open_console(tmp_path / "console.jsonl", echo=True) as console:
        await console.send(warning, to)

    assert warning.texts["en"].headline in capsys.readouterr().out


def test_settings_never_show_their_password() -> None:
    settings = SmtpSettings(host="h", port=25, sender="a@b.example", username="u", password="s3cret")  # noqa: S106

    assert "s3cret" not in repr(settings)
