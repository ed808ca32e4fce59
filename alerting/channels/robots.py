"""Group robots: what DingTalk, WeCom and Feishu have in common.

A robot posts to a group, not to a person. However many people of one group a warning is for, the group is
told once in each of their languages; each of them gets the receipt of that post. A text that is too long
goes in numbered parts; after a failure in between, the next attempt begins at the part that failed.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import aiohttp
import msgspec

from alerting.channels.channel import Receipt, ReceiptState, Recipient, WarningMessage
from alerting.channels.http import post
from alerting.channels.pace import Limit, Pace
from alerting.channels.parts import split_text
from alerting.errors import ChannelDownError, ChannelRefusedError
from rules.transition import Level

_PATIENCE_S = 2.0  # a place in the provider's pace that is nearer than this is waited for
_POSTS_KEPT = 512
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Robot:
    """One robot of one group."""

    token: str = field(repr=False)  # whoever knows it may post
    secret: str | None = field(default=None, repr=False)  # with it posts are signed


class Request(NamedTuple):
    """What goes over the wire."""

    path: str
    body: Mapping[str, Any]


class RobotApi(Protocol):
    """What differs between the providers."""

    @property
    def name(self) -> str:
        """The channel's name."""
        ...

    @property
    def limits(self) -> Sequence[Limit]:
        """How fast one robot may post."""
        ...

    @property
    def longest_bytes(self) -> int:
        """The longest text of one post, in bytes of UTF-8."""
        ...

    def request(self, robot: Robot, text: str, *, everybody: bool, at_s: float) -> Request:
        """The request that posts ``text`` at wall time ``at_s``; ``everybody`` is called by name."""
        ...

    def judge(self, answer: Mapping[str, Any]) -> None:
        """Read the verdict in an answer's body.

        Raises:
            ChannelDownError: Worth another attempt.
            ChannelRefusedError: Not worth one.
        """
        ...


@dataclass(slots=True)
class _Post:
    """One message to one group in one language, as far as it has come."""

    parts: tuple[str, ...]
    posted: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RobotChannel:
    """Posts to groups; a recipient's address is the name of a robot."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        api: RobotApi,
        server: str,
        robots: Mapping[str, Robot],
        *,
        timeout_s: float = _TIMEOUT_S,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._api = api
        self._server = server
        self._robots = robots
        self._timeout_s = timeout_s
        self._now_s = now_s  # wall time: providers refuse what is old by their own clocks
        self._paces = {name: Pace(api.limits, now_s=time.monotonic) for name in robots}
        self._posts: dict[tuple[str, str, str], _Post] = {}

    async def send(self, warning: WarningMessage, to: Recipient) -> Receipt:
        """Post the message to the recipient's group, unless it has been.

        Raises:
            ChannelDownError: No answer, too many posts, or a provider that says so.
            ChannelRefusedError: Any other verdict than success.
        """
        if to.address not in self._robots:
            raise ChannelRefusedError(f"{self._api.name}: no robot {to.address!r} is set up")
        message = self._message(warning, to)
        async with message.lock:
            before = message.posted == len(message.parts)
            while message.posted < len(message.parts):
                await self._post(to.address, message, red=warning.level is Level.RED)
        return Receipt(ReceiptState.SENT, "the group was told" if before else "posted to the group")

    def _message(self, warning: WarningMessage, to: Recipient) -> _Post:
        key = (warning.identifier, to.address, to.language)
        message = self._posts.get(key)
        if message is None:
            texts = warning.texts[to.language]
            text = "\n\n".join((*texts, warning.identifier))
            message = self._posts[key] = _Post(split_text(text, self._api.longest_bytes))
            while len(self._posts) > _POSTS_KEPT:
                del self._posts[next(iter(self._posts))]
        return message

    async def _post(self, name: str, message: _Post, *, red: bool) -> None:
        await self._wait_for_turn(name, red=red)
        request = self._api.request(
            self._robots[name],
            message.parts[message.posted],
            everybody=red and message.posted == 0,
            at_s=self._now_s(),
        )
        answer = await post(
            self._http,
            self._api.name,
            self._server + request.path,
            msgspec.json.encode(request.body),
            {"Content-Type": "application/json; charset=utf-8"},
            timeout_s=self._timeout_s,
        )
        self._api.judge(answer)
        message.posted += 1

    async def _wait_for_turn(self, name: str, *, red: bool) -> None:
        while wait_s := self._paces[name].take(red=red):
            if wait_s > _PATIENCE_S:
                raise ChannelDownError(
                    f"{self._api.name}: robot {name} has spent its posts; {wait_s:.0f} s until the next"
                )
            await asyncio.sleep(wait_s)


def verdict(
    channel: str, answer: Mapping[str, Any], code_key: str, words_key: str, passing: frozenset[int]
) -> None:
    """Judge an answer by its code: 0 is success, ``passing`` ones may succeed later, others never will.

    Raises:
        ChannelDownError: A code that may pass; or no code at all, which is nobody's documented answer.
        ChannelRefusedError: Any other code.
    """
    code = answer.get(code_key)
    if code == 0:
        return
    said = f"{channel}: {code} {answer.get(words_key, '')}".rstrip()
    raise (ChannelDownError if code is None or code in passing else ChannelRefusedError)(said)
