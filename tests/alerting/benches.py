"""One bench a channel: the channel, and the outside thing that it speaks to."""

import asyncio
import errno
import io
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from alerting.channels.channel import Channel, Recipient, Texts, WarningMessage
from alerting.channels.console import ConsoleChannel
from alerting.channels.dingtalk import DingtalkApi
from alerting.channels.email import EmailChannel, SmtpSettings
from alerting.channels.feishu import FeishuApi
from alerting.channels.longtail import open_apprise
from alerting.channels.robots import Robot, RobotApi, RobotChannel
from alerting.channels.webhook import KEY_HEADER, WebhookChannel
from alerting.channels.wecom import WecomApi
from tests.alerting.robot_servers import (
    SECRET as ROBOT_SECRET,
)
from tests.alerting.robot_servers import (
    TOKEN as ROBOT_TOKEN,
)
from tests.alerting.robot_servers import (
    DingtalkServer,
    FeishuServer,
    RobotServer,
    WecomServer,
    running_robots,
)
from tests.alerting.servers import Mood, Receiver, running_smtp, running_web
from tests.servers import free_port

PATIENT_S = 20.0  # machines that run tests are busy
IMPATIENT_S = 0.3
SECRET = b"only for tests"


class Bench(ABC):
    """One channel and the outside thing that it speaks to."""

    channel: Channel

    @abstractmethod
    def recipient(self, number: int = 0) -> Recipient:
        """One of many people that the channel can reach."""

    @abstractmethod
    def turns(self, mood: Mood) -> None: ...

    @abstractmethod
    def delivered(self) -> list[str]:
        """The keys of what arrived, each time it arrived."""

    def dead(self) -> Recipient:
        """Whoever is behind a server that is not there."""
        raise NotImplementedError

    def fails_after(self, parts: int | None) -> None:
        """Take so many parts of messages, then be busy."""
        raise NotImplementedError

    def parts(self) -> list[str]:
        """What arrived, part for part."""
        raise NotImplementedError


class ConsoleBench(Bench):
    def __init__(self, channel: ConsoleChannel, disk: "Disk", path: Path) -> None:
        self.channel = channel
        self._disk = disk
        self._path = path

    def recipient(self, number: int = 0) -> Recipient:
        return person(number, "", "console")

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
    def __init__(self, receiver: Receiver, patience_s: float = PATIENT_S) -> None:
        self._patience_s = patience_s
        self.channel = EmailChannel(self._settings(receiver.port))
        self._receiver = receiver

    def _settings(self, port: int) -> SmtpSettings:
        return SmtpSettings(
            host="127.0.0.1", port=port, sender="warning@linjiang.example", timeout_s=self._patience_s
        )

    def recipient(self, number: int = 0) -> Recipient:
        return person(number, "w@x.example", "email")

    def turns(self, mood: Mood) -> None:
        self._receiver.mood = mood

    def delivered(self) -> list[str]:
        return [mail["Message-ID"].strip("<>").split("@")[0] for mail in self._receiver.mails]

    def dead(self) -> Recipient:
        self.channel = EmailChannel(self._settings(free_port()))
        return self.recipient()


class WebhookBench(Bench):
    def __init__(
        self, receiver: Receiver, http: aiohttp.ClientSession, patience_s: float = PATIENT_S
    ) -> None:
        self.channel = WebhookChannel(http, secret=SECRET, timeout_s=patience_s)
        self._receiver = receiver

    def recipient(self, number: int = 0) -> Recipient:
        return replace(person(number, self._receiver.url, "webhook"), language="en")

    def turns(self, mood: Mood) -> None:
        self._receiver.mood = mood

    def delivered(self) -> list[str]:
        return [headers[KEY_HEADER] for headers, _ in self._receiver.posts]

    def dead(self) -> Recipient:
        return replace(self.recipient(), address=f"http://127.0.0.1:{free_port()}/warnings")


class RobotBench(Bench):
    """People of one group: what it is told, each of them is."""

    def __init__(
        self, http: aiohttp.ClientSession, api: RobotApi, server: RobotServer, patience_s: float
    ) -> None:
        self._patience_s = patience_s
        self._http = http
        self._api = api
        self.server = server
        self.channel = self.at(server.url)

    def at(
        self, url: str, robot: Robot | None = None, now_s: Callable[[], float] = time.time
    ) -> RobotChannel:
        robot = robot or Robot(token=ROBOT_TOKEN, secret=ROBOT_SECRET)
        return RobotChannel(
            self._http, self._api, url, {"duty-group": robot}, timeout_s=self._patience_s, now_s=now_s
        )

    def recipient(self, number: int = 0) -> Recipient:
        return person(number, "duty-group", self._api.name)

    def turns(self, mood: Mood) -> None:
        self.server.mood = mood

    def delivered(self) -> list[str]:
        return [self.recipient().key for _ in self.server.group]

    def dead(self) -> Recipient:
        self.channel = self.at(f"http://127.0.0.1:{free_port()}")
        return self.recipient()

    def fails_after(self, parts: int | None) -> None:
        self.server.fails_after = parts

    def parts(self) -> list[str]:
        return self.server.group


class AppriseBench(Bench):
    """Services that take JSON, each told by apprise."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.mood = Mood.TAKES
        self.hurry = asyncio.Event()
        self._paths: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        if self.mood is Mood.SLOW:
            await self.hurry.wait()
        if self.mood is not Mood.TAKES:
            return web.Response(status=503 if self.mood is Mood.BUSY else 403)
        self.told.append(await request.json())
        self._paths.append(request.match_info["who"])
        return web.Response()

    def recipient(self, number: int = 0) -> Recipient:
        return person(number, f"p{number}", "apprise")

    def turns(self, mood: Mood) -> None:
        self.mood = mood

    def delivered(self) -> list[str]:
        return [person(int(path[1:]), path, "apprise").key for path in self._paths]

    def dead(self) -> Recipient:
        return person(0, "dead", "apprise")


def with_text(warning: WarningMessage, text: str) -> WarningMessage:
    """The same warning, whose text in a short message is exactly ``text``."""
    texts = Texts(text, "", "")
    return replace(warning, texts={"zh": texts, "en": texts})


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that must come to hold."""
    async with asyncio.timeout(10.0):
        while not holds():  # noqa: ASYNC110  (what is waited for happens in another program)
            await asyncio.sleep(0.005)


def person(number: int, address: str, channel: str) -> Recipient:
    name = f"p{number}"
    return Recipient(person=name, name="某", language="zh", address=address, key=f"w1.{name}.{channel}")


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
async def email_bench(folder: Path, patience_s: float = PATIENT_S) -> AsyncIterator[Bench]:
    del folder
    async with running_smtp() as receiver:
        yield EmailBench(receiver, patience_s)


@asynccontextmanager
async def webhook_bench(folder: Path, patience_s: float = PATIENT_S) -> AsyncIterator[Bench]:
    del folder
    async with running_web() as receiver, aiohttp.ClientSession() as http:
        yield WebhookBench(receiver, http, patience_s)


@asynccontextmanager
async def robot_bench(
    api: Callable[[], RobotApi],
    server: Callable[[], RobotServer],
    folder: Path | None = None,
    patience_s: float = PATIENT_S,
) -> AsyncIterator[RobotBench]:
    del folder
    async with running_robots(server()) as running, aiohttp.ClientSession() as http:
        yield RobotBench(http, api(), running, patience_s)


dingtalk_bench = partial(robot_bench, DingtalkApi, DingtalkServer)


@asynccontextmanager
async def apprise_bench(folder: Path, patience_s: float = PATIENT_S) -> AsyncIterator[AppriseBench]:
    del folder
    bench = AppriseBench()
    app = web.Application()
    app.router.add_post("/{who}", bench.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    urls = {f"p{number}": f"json://127.0.0.1:{port}/p{number}" for number in range(30)}
    try:
        async with open_apprise(
            {**urls, "dead": f"json://127.0.0.1:{free_port()}/"}, timeout_s=patience_s
        ) as bench.channel:
            yield bench
    finally:
        bench.hurry.set()
        await runner.cleanup()


wecom_bench = partial(robot_bench, WecomApi, WecomServer)
feishu_bench = partial(robot_bench, FeishuApi, FeishuServer)
