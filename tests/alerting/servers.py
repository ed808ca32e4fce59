"""Real receivers of warnings: an SMTP server and a web server, each on a port of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from enum import Enum
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope


class Mood(Enum):
    """How a server answers."""

    TAKES = "takes"
    BUSY = "busy"
    REFUSES = "refuses"
    SLOW = "slow"


@dataclass
class Receiver:
    """What a server has received, and how it answers."""

    url: str = ""
    port: int = 0
    mood: Mood = Mood.TAKES
    attempts: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)  # ends the slowness
    mails: list[EmailMessage] = field(default_factory=list)
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


class MailHandler:
    """Takes mail as its receiver's mood tells."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def handle_RCPT(  # noqa: N802  (aiosmtpd calls it by this name, and so)
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        receiver = self._receiver
        receiver.attempts += 1
        receiver.came.set()
        if receiver.mood is Mood.REFUSES:
            return "550 5.1.1 no such mailbox"
        if receiver.mood is Mood.BUSY:
            return "451 4.3.2 try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        del server, session
        receiver = self._receiver
        if receiver.mood is Mood.SLOW:
            await receiver.hurry.wait()
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=default)
        assert isinstance(mail, EmailMessage)
        receiver.mails.append(mail)
        return "250 2.0.0 taken"


@asynccontextmanager
async def running_smtp() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(MailHandler(receiver), hostname="tests.example", loop=loop, enable_SMTPUTF8=True),
        "127.0.0.1",
        0,
    )
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.hurry.set()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def running_web() -> AsyncIterator[Receiver]:
    receiver = Receiver()

    async def post(request: web.Request) -> web.Response:
        receiver.attempts += 1
        receiver.came.set()
        body = await request.read()
        if receiver.mood is Mood.SLOW:
            await receiver.hurry.wait()
        if receiver.mood is Mood.BUSY:
            return web.Response(status=503)
        if receiver.mood is Mood.REFUSES:
            return web.Response(status=410)
        receiver.posts.append((dict(request.headers), body))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/warnings", post)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.port = runner.addresses[0][1]
    receiver.url = f"http://127.0.0.1:{receiver.port}/warnings"
    try:
        yield receiver
    finally:
        receiver.hurry.set()
        await runner.cleanup()
