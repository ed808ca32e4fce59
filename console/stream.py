"""Server-sent events: each entry of the ledger goes to every screen that may see it, once, in order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from alerting.cap import read_xml
from alerting.errors import CapError
from alerting.ledger import Kind
from alerting.privacy import mask_numbers
from console.journal import Fact, Journal
from console.roles import Reach

_PULSE_S = 2.0  # wall time; a screen that hears nothing for five seconds says so
_WAITING = 2000  # events for one screen; whoever lags further is cut off, comes back and gets what it lacks


class _Listener:
    """One screen."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING + 1)
        self._sees: dict[str, bool] = {}

    def sees(self, thread: str) -> bool:
        """Whether a story lies within the screen's reach; what is no story's concerns everybody."""
        known = self._sees.get(thread)
        if known is None:
            known = not thread or self.reach.covers_asset(thread.partition("--")[2])
            self._sees[thread] = known
        return known


class Stream:
    """Tells every screen what is new."""

    def __init__(self, journal: Journal, *, now_ms: Callable[[], int]) -> None:
        self._journal = journal
        self._now_ms = now_ms
        self._listeners: set[_Listener] = set()
        self._closed = False
        journal.on_news(self._tell)

    @property
    def screens(self) -> int:
        """How many are listening."""
        return len(self._listeners)

    def close(self) -> None:
        """End every screen's stream: a server that stops waits for nobody."""
        self._closed = True
        for listener in self._listeners:
            _cut(listener)

    async def listen(self, reach: Reach, after: int) -> AsyncIterator[bytes]:
        """Everything after entry number ``after``, then everything as it comes, until the reader goes."""
        listener = _Listener(reach)
        self._listeners.add(listener)
        upto = self._journal.last  # what follows is in the queue
        try:
            yield b"retry: 1000\n\n" + self._pulse()
            while after < upto and not self._closed:
                for fact in await self._journal.after(after):
                    after = fact.seq
                    if after <= upto and listener.sees(fact.thread):
                        yield encode_event(fact)
            while not self._closed:
                try:
                    event = await asyncio.wait_for(listener.waiting.get(), _PULSE_S)
                except TimeoutError:
                    yield self._pulse()
                    continue
                if event is None:
                    return
                yield event
        finally:
            self._listeners.discard(listener)

    def _pulse(self) -> bytes:
        body = msgspec.json.encode({"now_ms": self._now_ms(), "seq": self._journal.last})
        return b"event: pulse\ndata: " + body + b"\n\n"

    def _tell(self, facts: Sequence[Fact]) -> None:
        if not self._listeners:
            return
        for fact in facts:
            event = encode_event(fact)
            for listener in self._listeners:
                if listener.waiting.qsize() >= _WAITING:
                    _cut(listener)
                elif listener.sees(fact.thread):
                    listener.waiting.put_nowait(event)


def _cut(listener: _Listener) -> None:
    if not listener.waiting.full():
        listener.waiting.put_nowait(None)


def encode_event(fact: Fact) -> bytes:
    """An entry as an event; its number is the event's id."""
    data = msgspec.json.encode(describe(fact))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (fact.seq, fact.kind.encode(), data)


def describe(fact: Fact) -> dict[str, object]:
    """An entry as pages and programs read it: telephone numbers masked, a message by its headlines."""
    body = msgspec.json.decode(fact.body)
    if fact.kind == Kind.WARNING and "cap_xml" in body:
        body["headline"] = headlines(body.pop("cap_xml"))
    return {
        "seq": fact.seq,
        "at_ms": fact.at_ms,
        "kind": fact.kind,
        "name": fact.name,
        "thread": fact.thread,
        "episode": fact.episode,
        "body": mask_numbers(body),
    }


def headlines(cap_xml: str) -> dict[str, str]:
    """What a message says in one line, by language."""
    try:
        cap = read_xml(cap_xml.encode())
    except CapError:
        return {}
    return {language: cap.info(language).headline for language in ("zh", "en")}
