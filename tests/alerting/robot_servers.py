"""Strict fakes of the three robots' services: they refuse what the documentation says is refused.

Written from the public documentation, not from our channels. Every answer has HTTP status 200, refusals too.
"""

import asyncio
import base64
import hashlib
import hmac
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.alerting.servers import Mood

TOKEN = "6d1f0d2a-token"  # noqa: S105
SECRET = "SEConly-for-tests"  # noqa: S105
HOUR_S = 3600


def hmac_base64(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()


class RobotServer(ABC):
    """One provider with one robot in one group."""

    path: str
    posts_a_minute: int

    def __init__(self) -> None:
        self.mood = Mood.TAKES
        self.url = ""
        self.group: list[str] = []  # what the group reads
        self.called_everybody = 0
        self.fails_after: int | None = None  # posts
        self.hurry = asyncio.Event()
        self._at: list[float] = []

    async def answer(self, request: web.Request) -> web.Response:
        if self.mood is Mood.SLOW:
            await self.hurry.wait()
        body = await request.read()
        if request.content_type != "application/json":
            return web.json_response(self.bad_form("Content-Type"))
        content = await request.json()
        if refused := self.check(request, content, body):
            return web.json_response(refused)
        now = time.monotonic()
        self._at = [at for at in self._at if now - at < 60]
        if len(self._at) >= self.posts_a_minute:
            return web.json_response(self.too_fast())
        if self.mood is Mood.BUSY or (self.fails_after is not None and len(self.group) >= self.fails_after):
            return web.json_response(self.busy())
        if self.mood is Mood.REFUSES:
            return web.json_response(self.keyword_missing())
        self._at.append(now)
        self.group.append(self.read(content))
        return web.json_response(self.taken())

    @abstractmethod
    def check(self, request: web.Request, content: Any, body: bytes) -> dict[str, Any] | None: ...

    @abstractmethod
    def read(self, content: Any) -> str: ...

    @abstractmethod
    def taken(self) -> dict[str, Any]: ...

    @abstractmethod
    def bad_form(self, what: str) -> dict[str, Any]: ...

    @abstractmethod
    def too_fast(self) -> dict[str, Any]: ...

    @abstractmethod
    def busy(self) -> dict[str, Any]: ...

    @abstractmethod
    def keyword_missing(self) -> dict[str, Any]: ...


class DingtalkServer(RobotServer):
    path = "/robot/send"
    posts_a_minute = 20

    def check(self, request: web.Request, content: Any, body: bytes) -> dict[str, Any] | None:
        query = request.query
        if query.get("access_token") != TOKEN:
            return {"errcode": 300005, "errmsg": "token is not exist"}
        timestamp = query.get("timestamp", "0")
        if not timestamp.isdigit() or abs(int(timestamp) / 1000 - time.time()) > HOUR_S:
            return {"errcode": 310000, "errmsg": "invalid timestamp"}
        if query.get("sign") != hmac_base64(SECRET, f"{timestamp}\n{SECRET}"):
            return {"errcode": 310000, "errmsg": "sign not match"}
        if content.get("msgtype") != "text" or not content.get("text", {}).get("content"):
            return {"errcode": 400105, "errmsg": "unsupported msgtype"}
        if len(body) > 20_000:
            return {"errcode": 460101, "errmsg": "message too long, exceed 20000 bytes"}
        return None

    def read(self, content: Any) -> str:
        self.called_everybody += content["at"]["isAtAll"]
        return str(content["text"]["content"])

    def taken(self) -> dict[str, Any]:
        return {"errcode": 0, "errmsg": "ok"}

    def bad_form(self, what: str) -> dict[str, Any]:
        return {"errcode": 43004, "errmsg": f"invalid {what}"}

    def too_fast(self) -> dict[str, Any]:
        return {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}

    def busy(self) -> dict[str, Any]:
        return {"errcode": -1, "errmsg": "系统繁忙"}

    def keyword_missing(self) -> dict[str, Any]:
        return {"errcode": 310000, "errmsg": "keywords not in content"}


class WecomServer(RobotServer):
    path = "/cgi-bin/webhook/send"
    posts_a_minute = 20

    def check(self, request: web.Request, content: Any, body: bytes) -> dict[str, Any] | None:
        del body
        if request.query.get("key") != TOKEN:
            return {"errcode": 93000, "errmsg": "invalid webhook url"}
        text = content.get("text", {}).get("content")
        if content.get("msgtype") != "text" or not text:
            return {"errcode": 40008, "errmsg": "invalid message type"}
        if len(text.encode()) > 2048:
            return {"errcode": 40058, "errmsg": "text.content exceed max length 2048"}
        return None

    def read(self, content: Any) -> str:
        self.called_everybody += "@all" in content["text"].get("mentioned_list", [])
        return str(content["text"]["content"])

    def taken(self) -> dict[str, Any]:
        return {"errcode": 0, "errmsg": "ok"}

    def bad_form(self, what: str) -> dict[str, Any]:
        return {"errcode": 43004, "errmsg": f"invalid {what}"}

    def too_fast(self) -> dict[str, Any]:
        return {"errcode": 45009, "errmsg": "api freq out of limit"}

    def busy(self) -> dict[str, Any]:
        return {"errcode": -1, "errmsg": "system busy"}

    def keyword_missing(self) -> dict[str, Any]:
        return {"errcode": 93017, "errmsg": "chat id invalid"}


class FeishuServer(RobotServer):
    path = f"/open-apis/bot/v2/hook/{TOKEN}"
    posts_a_minute = 100

    def check(self, request: web.Request, content: Any, body: bytes) -> dict[str, Any] | None:
        del request
        timestamp = str(content.get("timestamp", "0"))
        expected = hmac_base64(f"{timestamp}\n{SECRET}", "")
        if abs(int(timestamp) - time.time()) > HOUR_S or content.get("sign") != expected:
            said = "sign match fail or timestamp is not within one hour from current time"
            return {"code": 19021, "data": {}, "msg": said}
        if content.get("msg_type") != "text" or len(body) > 20 * 1024:
            return self.bad_form("body")
        return None

    def read(self, content: Any) -> str:
        text = str(content["content"]["text"])
        self.called_everybody += '<at user_id="all">' in text
        return text

    def taken(self) -> dict[str, Any]:
        return {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}

    def bad_form(self, what: str) -> dict[str, Any]:
        del what
        return {"code": 9499, "msg": "Bad Request", "data": {}}

    def too_fast(self) -> dict[str, Any]:
        return {"code": 9499, "msg": "too many request", "data": {}}

    def busy(self) -> dict[str, Any]:
        return {"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform_runtime]", "data": {}}

    def keyword_missing(self) -> dict[str, Any]:
        return {"code": 19024, "msg": "Key Words Not Found", "data": {}}


@asynccontextmanager
async def running_robots(server: RobotServer) -> AsyncIterator[RobotServer]:
    app = web.Application(client_max_size=2**20)
    app.router.add_post(server.path, server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.hurry.set()
        await runner.cleanup()
