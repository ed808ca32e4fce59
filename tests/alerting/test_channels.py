"""The contract of every channel: it delivers, or says whether another attempt can help."""

import asyncio
import errno
import io
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from alerting.channels.channel import Channel, ReceiptState, Recipient, WarningMessage
from alerting.channels.console import ConsoleChannel, open_console
from alerting.channels.email import EmailChannel, SmtpSettings
from alerting.channels.webhook import KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, WebhookChannel, sign
from alerting.errors import ChannelDownError, ChannelRefusedError
from rules.transition import Level
from tests.alerting.offices import open_office
from tests.alerting.samples import transition
from tests.alerting.servers import Mood, Receiver, running_smtp, running_web
from tests.servers import free_port

IMPATIENT_S = 0.3
SECRET = b"only for tests"


@pytest.fixture(scope="module")
def warning(tmp_path_factory: pytest.TempPathFactory) -> WarningMessage:
    with open_office(tmp_path_factory.mktemp("office")) as office:
        return office.hears(transition(Level.ORANGE)).messages[0]


class Bench(ABC):
    """One channel and the outside thing that it speaks to."""

    channel: Channel

    @abstractmethod
    def recipient(self) -> Recipient: ...

    @abstractmethod
    def turns(self, mood: Mood) -> None: ...

    @abstractmethod
    def delivered(self) -> list[str]:
        """The keys of what arrived, each time it arrived."""

    def dead(self) -> Recipient:
        """Whoever is behind a server that is not there."""
        raise NotImplementedError


class ConsoleBench(Bench):
    def __init__(self, channel: ConsoleChannel, disk: "Disk", path: Path) -> None:
        self.channel = channel
        self._disk = disk
        self._path = path

    def recipient(self) -> Recipient:
        return Recipient(person="wang-min", name="王敏", language="zh", address="", key="w1.wang-min.console")

    def turns(self, mood: Mood) -> None:
        self._disk.full = mood is not Mood.TAKES

    def delivered(self) -> list[str]:
        return [json.loads(line)["key"] for line in self._path.read_text(encoding="utf-8").splitlines()]


class Disk(io.FileIO):
    """A disk that can be full: it takes half of what it is given, then refuses."""

    full = False

    def write(self, block: Any, /) -> int:
        if self.full:
            super().write(bytes(block)[: len(bytes(block)) // 2])
            raise OSError(errno.ENOSPC, "no space left")
        return super().write(block) or 0


class EmailBench(Bench):
    def __init__(self, receiver: Receiver) -> None:
        self.channel = EmailChannel(self._settings(receiver.port))
        self._receiver = receiver

    @staticmethod
    def _settings(port: int) -> SmtpSettings:
        return SmtpSettings(
            host="127.0.0.1", port=port, sender="warning@linjiang.example", timeout_s=IMPATIENT_S
        )

    def recipient(self) -> Recipient:
        return Recipient(
            person="wang-min", name="王敏", language="zh", address="w@x.example", key="w1.wang-min.email"
        )

    def turns(self, mood: Mood) -> None:
        self._receiver.mood = mood

    def delivered(self) -> list[str]:
        return [mail["Message-ID"].strip("<>").split("@")[0] for mail in self._receiver.mails]

    def dead(self) -> Recipient:
        self.channel = EmailChannel(self._settings(free_port()))
        return self.recipient()


class WebhookBench(Bench):
    def __init__(self, receiver: Receiver, http: aiohttp.ClientSession) -> None:
        self.channel = WebhookChannel(http, secret=SECRET, timeout_s=IMPATIENT_S)
        self._receiver = receiver

    def recipient(self, url: str = "") -> Recipient:
        return Recipient(
            person="wang-min",
            name="Wang Min",
            language="en",
            address=url or self._receiver.url,
            key="w1.wang-min.webhook",
        )

    def turns(self, mood: Mood) -> None:
        self._receiver.mood = mood

    def delivered(self) -> list[str]:
        return [headers[KEY_HEADER] for headers, _ in self._receiver.posts]

    def dead(self) -> Recipient:
        return self.recipient(f"http://127.0.0.1:{free_port()}/warnings")


@asynccontextmanager
async def console_bench(folder: Path) -> AsyncIterator[Bench]:
    path = folder / "console.jsonl"
    disk = Disk(path, "a+b")
    channel = ConsoleChannel(disk, set(), 0, echo=False)
    try:
        yield ConsoleBench(channel, disk, path)
    finally:
        await channel.close()


@asynccontextmanager
async def email_bench(folder: Path) -> AsyncIterator[Bench]:
    del folder
    async with running_smtp() as receiver:
        yield EmailBench(receiver)


@asynccontextmanager
async def webhook_bench(folder: Path) -> AsyncIterator[Bench]:
    del folder
    async with running_web() as receiver, aiohttp.ClientSession() as http:
        yield WebhookBench(receiver, http)


@pytest.fixture(params=[console_bench, email_bench, webhook_bench])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with request.param(tmp_path) as one:
        yield one


@pytest.fixture(params=[email_bench, webhook_bench])
async def remote(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A channel with somebody else's server at its end: it can refuse, be slow and be gone."""
    async with request.param(tmp_path) as one:
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


async def test_a_refusal_is_not_worth_another_attempt(remote: Bench, warning: WarningMessage) -> None:
    remote.turns(Mood.REFUSES)

    with pytest.raises(ChannelRefusedError):
        await remote.channel.send(warning, remote.recipient())
    assert remote.delivered() == []


async def test_a_server_that_is_too_slow_is_down(remote: Bench, warning: WarningMessage) -> None:
    remote.turns(Mood.SLOW)

    with pytest.raises(ChannelDownError):
        await remote.channel.send(warning, remote.recipient())


async def test_a_server_that_is_not_there_is_down(remote: Bench, warning: WarningMessage) -> None:
    nobody = remote.dead()

    with pytest.raises(ChannelDownError):
        await remote.channel.send(warning, nobody)


async def test_many_at_once_all_arrive(bench: Bench, warning: WarningMessage) -> None:
    one = bench.recipient()
    everybody = [
        Recipient(person=f"p{n}", name="某", language="zh", address=one.address, key=f"w1.p{n}")
        for n in range(20)
    ]

    await asyncio.gather(*(bench.channel.send(warning, to) for to in everybody))

    assert sorted(bench.delivered()) == sorted(to.key for to in everybody)


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
