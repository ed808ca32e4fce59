"""Delivery: bounded attempts, then the next channel; nobody twice, nobody forgotten, everything in order."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from alerting.channels.channel import Channel
from alerting.channels.console import open_console
from alerting.channels.email import EmailChannel, SmtpSettings
from alerting.channels.settings import ChannelsSpec
from alerting.channels.webhook import KEY_HEADER, WebhookChannel
from alerting.contacts import Contacts, HolderSpec, PersonSpec
from alerting.database import Database, open_database
from alerting.delivery import waiting
from alerting.dispatch import Dispatcher, Retry
from alerting.ledger import WarningRecord, read_warnings
from district.fields import Names
from rules.transition import Level
from tests.alerting.offices import Office, open_office
from tests.alerting.samples import NOON_MS, demo_contacts, transition
from tests.alerting.servers import Mood, Receiver, running_smtp, running_web

QUICK = Retry(attempts=3, first_s=0.01, longest_s=0.02)
PATIENT = Retry(attempts=1000, first_s=0.01, longest_s=0.02)


def one_person(url: str, *, email: str | None = "anna@x.example", via: tuple[str, ...]) -> Contacts:
    """The demo's contacts, but with one person and one route."""
    person = PersonSpec(
        id="anna",
        name=Names(zh="安娜", en="Anna"),
        roles=(HolderSpec(role="duty", area="linjiang"),),
        channels=ChannelsSpec(console=True, email=email, webhook=url),
    )
    contacts = demo_contacts()
    route = contacts.routes[0].model_copy(update={"via": via})
    return contacts.model_copy(update={"people": (person,), "routes": (route,)})


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition of a database that tells nobody when it changes."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@asynccontextmanager
async def dispatching(
    folder: Path, contacts: Contacts, channels: Mapping[str, Channel], *, retry: Retry = QUICK
) -> AsyncIterator[tuple[Dispatcher, Database]]:
    async with open_database(folder / "alerting.sqlite") as database:
        dispatcher = Dispatcher(
            database,
            channels,
            {person.id: person for person in contacts.people},
            now_ms=lambda: NOON_MS,
            retry=retry,
            last_resort="+8657112345678",
        )
        dispatcher.enqueue(await database.read(waiting))
        try:
            yield dispatcher, database
        finally:
            await dispatcher.close(grace_s=1.0)


@pytest.fixture
async def web() -> AsyncIterator[Receiver]:
    async with running_web() as receiver:
        yield receiver


@pytest.fixture
async def webhook() -> AsyncIterator[Channel]:
    async with aiohttp.ClientSession() as http:
        yield WebhookChannel(http, secret=b"only for tests", timeout_s=5.0)


def states(warning: WarningRecord) -> list[tuple[str, str]]:
    return [(receipt.channel, receipt.state) for receipt in warning.receipts]


def mail_channel(receiver: Receiver) -> Channel:
    return EmailChannel(SmtpSettings(host="127.0.0.1", port=receiver.port, sender="w@linjiang.example"))


def has_ended(office: Office) -> bool:
    return not office.waiting


async def test_a_channel_that_refuses_is_followed_by_the_persons_next(
    tmp_path: Path, web: Receiver, webhook: Channel
) -> None:
    contacts = one_person(web.url, via=("webhook", "email"))
    web.mood = Mood.REFUSES
    with open_office(tmp_path, contacts) as office:
        office.hears(transition(Level.RED))
        async with running_smtp() as smtp:
            channels = {"webhook": webhook, "email": mail_channel(smtp)}
            async with dispatching(tmp_path, contacts, channels):
                await until(lambda: has_ended(office))
            assert len(smtp.mails) == 1

    (warning,) = read_warnings(tmp_path / "alerting.sqlite")
    assert states(warning) == [("webhook", "refused"), ("email", "sent")]
    assert web.attempts == 1


async def test_a_channel_that_stays_down_is_tried_so_often_and_no_oftener(
    tmp_path: Path, web: Receiver, webhook: Channel
) -> None:
    contacts = one_person(web.url, via=("webhook", "email"))
    web.mood = Mood.BUSY
    with open_office(tmp_path, contacts) as office:
        office.hears(transition(Level.RED))
        async with running_smtp() as smtp:
            channels = {"webhook": webhook, "email": mail_channel(smtp)}
            async with dispatching(tmp_path, contacts, channels):
                await until(lambda: has_ended(office))

    (warning,) = read_warnings(tmp_path / "alerting.sqlite")
    assert states(warning) == [("email", "sent")]
    assert web.attempts == QUICK.attempts


async def test_whom_no_channel_reaches_is_unreachable_and_the_ledger_says_whom_to_call(
    tmp_path: Path, web: Receiver, webhook: Channel
) -> None:
    contacts = one_person(web.url, email=None, via=("webhook", "email"))
    web.mood = Mood.REFUSES
    with open_office(tmp_path, contacts) as office:
        office.hears(transition(Level.RED))
        async with dispatching(tmp_path, contacts, {"webhook": webhook}):
            await until(lambda: has_ended(office))

    (warning,) = read_warnings(tmp_path / "alerting.sqlite")
    assert states(warning) == [("webhook", "refused"), ("webhook", "unreachable")]
    assert "+8657112345678" in warning.receipts[-1].reason


async def test_a_slow_channel_holds_up_nobody_elses(tmp_path: Path, web: Receiver, webhook: Channel) -> None:
    contacts = one_person(web.url, via=("webhook",))
    web.mood = Mood.SLOW
    other = contacts.people[0].model_copy(update={"id": "bert", "channels": ChannelsSpec(console=True)})
    both = contacts.routes[0].model_copy(update={"via": ("webhook", "console")})
    contacts = contacts.model_copy(update={"people": (*contacts.people, other), "routes": (both,)})
    with open_office(tmp_path, contacts) as office:
        office.hears(transition(Level.RED))
        async with open_console(tmp_path / "console.jsonl") as console:
            channels: dict[str, Channel] = {"webhook": webhook, "console": console}
            async with dispatching(tmp_path, contacts, channels):
                await web.came.wait()
                await until(lambda: [one.person for one in office.waiting] == ["anna"])
                web.hurry.set()
                await until(lambda: has_ended(office))


async def test_a_newer_message_replaces_one_that_is_being_tried_in_vain(
    tmp_path: Path, web: Receiver, webhook: Channel
) -> None:
    contacts = one_person(web.url, via=("webhook",))
    web.mood = Mood.BUSY
    with open_office(tmp_path, contacts) as office:
        office.hears(transition(Level.YELLOW))
        async with dispatching(tmp_path, contacts, {"webhook": webhook}, retry=PATIENT) as (dispatcher, _):
            await web.came.wait()
            in_flight = dispatcher.hold(["flood--river-01"])
            sitting = office.hears(transition(Level.RED, Level.YELLOW, minute=5), in_flight=in_flight)
            dispatcher.drop(sitting.replaced)
            dispatcher.enqueue(sitting.queued.values())
            dispatcher.release()
            web.mood = Mood.TAKES
            await until(lambda: has_ended(office))

    told = [json.loads(body)["level"] for _, body in web.posts]
    assert told[-1] == "red"
    first, second = read_warnings(tmp_path / "alerting.sqlite")
    assert {receipt.state for receipt in second.receipts} == {"delivered"}
    assert len(told) == 1 + ("delivered" in {receipt.state for receipt in first.receipts})


async def test_messages_of_a_thread_reach_a_person_in_order(
    tmp_path: Path, web: Receiver, webhook: Channel
) -> None:
    contacts = one_person(web.url, via=("webhook",))
    web.mood = Mood.SLOW
    with open_office(tmp_path, contacts) as office:
        office.hears(transition(Level.YELLOW))
        async with dispatching(tmp_path, contacts, {"webhook": webhook}) as (dispatcher, _):
            await web.came.wait()
            in_flight = dispatcher.hold(["flood--river-01"])
            assert len(in_flight) == 1
            sitting = office.hears(transition(Level.RED, Level.YELLOW, minute=5), in_flight=in_flight)
            dispatcher.enqueue(sitting.queued.values())
            dispatcher.release()
            web.hurry.set()
            await until(lambda: has_ended(office))

    assert [json.loads(body)["level"] for _, body in web.posts] == ["yellow", "red"]


async def test_nothing_begins_while_a_decision_is_being_made(
    tmp_path: Path, web: Receiver, webhook: Channel
) -> None:
    contacts = one_person(web.url, via=("webhook",))
    with open_office(tmp_path, contacts) as office:
        office.hears(transition(Level.YELLOW))
        async with dispatching(tmp_path, contacts, {"webhook": webhook}) as (dispatcher, _):
            assert dispatcher.hold(["flood--river-01"]) == frozenset()
            sitting = office.hears(transition(Level.RED, Level.YELLOW, minute=5))
            dispatcher.drop(sitting.replaced)
            dispatcher.enqueue(sitting.queued.values(), sitting.messages)
            dispatcher.release()
            await until(lambda: has_ended(office))

    assert [json.loads(body)["level"] for _, body in web.posts] == ["red"]


async def test_a_restart_sends_what_was_not_sent_under_the_same_key(
    tmp_path: Path, web: Receiver, webhook: Channel
) -> None:
    contacts = one_person(web.url, via=("webhook",))
    web.mood = Mood.BUSY
    with open_office(tmp_path, contacts) as office:
        office.hears(transition(Level.RED))
        key = office.waiting[0].key
        async with dispatching(tmp_path, contacts, {"webhook": webhook}, retry=PATIENT):
            await web.came.wait()
        web.mood = Mood.TAKES
        async with dispatching(tmp_path, contacts, {"webhook": webhook}):
            await until(lambda: has_ended(office))

    assert [headers[KEY_HEADER] for headers, _ in web.posts] == [key]


async def test_a_kill_between_the_console_and_the_receipt_tells_nobody_twice(tmp_path: Path) -> None:
    contacts = one_person("http://x.example", via=("console",))
    path = tmp_path / "console.jsonl"
    with open_office(tmp_path, contacts) as office:
        office.hears(transition(Level.RED))
        killed = tmp_path / "before"
        killed.mkdir()
        for name in ("alerting.sqlite", "alerting.sqlite-wal"):
            (killed / name).write_bytes((tmp_path / name).read_bytes())
        async with open_console(path) as console, dispatching(tmp_path, contacts, {"console": console}):
            await until(lambda: has_ended(office))
    written = path.read_bytes()

    async with open_console(path) as console, dispatching(killed, contacts, {"console": console}):
        await until(lambda: bool(read_warnings(killed / "alerting.sqlite")[0].receipts))

    assert path.read_bytes() == written


async def test_somebody_who_left_the_contacts_is_recorded_as_unreachable(
    tmp_path: Path, web: Receiver, webhook: Channel
) -> None:
    contacts = one_person(web.url, via=("webhook",))
    with open_office(tmp_path, contacts) as office:
        office.hears(transition(Level.RED))
        async with dispatching(tmp_path, demo_contacts(), {"webhook": webhook}):
            await until(lambda: has_ended(office))

    (warning,) = read_warnings(tmp_path / "alerting.sqlite")
    assert states(warning) == [("webhook", "unreachable")]


def test_pauses_grow_with_jitter_up_to_a_bound() -> None:
    retry = Retry(attempts=9, first_s=1.0, longest_s=10.0)

    for attempt in range(1, 9):
        longest = min(10.0, 2.0 ** (attempt - 1))
        assert longest / 2 <= retry.pause_s(attempt) <= longest
