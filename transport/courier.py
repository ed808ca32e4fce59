"""The courier: sends what the outbox holds, newest at once, the backlog behind it, until acknowledged.

Publishing live never waits for an acknowledgement. What a consumer has not acknowledged in time goes to that
consumer's replay topic, oldest first, a window at a time. A consumer that answers nothing gets one message at
an interval until it does.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from time import monotonic

from transport.acks import decode_ack
from transport.errors import NotConnectedError
from transport.outbox import Entry, Outbox
from transport.session import Session

_WINDOW = 64  # replayed messages without an answer, per consumer
_PATIENCE_S = 2.0  # how long an answer may take before a message goes again
_LOOK_EVERY_S = 0.5  # at the backlog, when no answer comes
_LIVE_QUEUE = 1000  # beyond it the oldest goes by replay instead: it is in the outbox
_TOGETHER_BYTES = 16 * 1024  # published in one round trip: a narrow line is not filled for seconds ahead


@dataclass(slots=True)
class _Sent:
    """When and over which connection a message last went; infinitely late while it waits to go."""

    at_s: float
    generation: int


class Courier:
    """Carries one outbox's messages to its consumers."""

    def __init__(
        self, outbox: Outbox, session: Session, *, live_topic: str, replay_topics: Mapping[str, str]
    ) -> None:
        self._outbox = outbox
        self._session = session
        self._live_topic = live_topic
        self._replay_topics = dict(replay_topics)
        self._live: deque[tuple[int, bytes]] = deque()
        self._waiting = asyncio.Event()
        self._sent_live: dict[tuple[str, int], _Sent] = {}
        self._answers = {consumer: asyncio.Event() for consumer in replay_topics}

    async def send(self, seq: int, body: bytes) -> None:
        """Keep a message durably, then let it go; returns once it is kept.

        Raises:
            sqlite3.Error: The disk refuses; the message is neither kept nor sent.
        """
        self._note_live(seq, inf)
        await self._outbox.append(seq, body)
        if len(self._live) == _LIVE_QUEUE:
            self._leave_to_backlog(self._live.popleft()[0])
        self._live.append((seq, body))
        self._waiting.set()

    async def heard(self, payload: bytes) -> None:
        """Take an acknowledgement that came on the acknowledgement topic.

        Raises:
            WireError: The payload is none.
            sqlite3.Error: The disk refuses; the acknowledgement will come again.
        """
        ack = decode_ack(payload)
        await self._outbox.acknowledge(ack)
        answer = self._answers.get(ack.consumer)
        if answer is not None:
            answer.set()

    async def run(self) -> None:
        """Carry messages until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._carry_live(), name="courier:live")
            for consumer, topic in self._replay_topics.items():
                tasks.create_task(self._carry_backlog(consumer, topic), name=f"courier:{consumer}")

    async def drained(self) -> None:
        """Wait until every consumer has acknowledged everything."""
        while await self._outbox.depth():
            self._outbox.acknowledged.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._outbox.acknowledged.wait()

    async def _carry_live(self) -> None:
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            while self._live:
                await asyncio.gather(*(self._publish_live(seq, body) for seq, body in _portion(self._live)))

    async def _publish_live(self, seq: int, body: bytes) -> None:
        if await self._published(self._live_topic, body):
            self._note_live(seq, monotonic())
        else:
            self._leave_to_backlog(seq)

    async def _carry_backlog(self, consumer: str, topic: str) -> None:
        sent: dict[int, _Sent] = {}
        silent = False
        answer = self._answers[consumer]
        while True:
            await self._session.connected.wait()
            answered = answer.is_set()
            answer.clear()
            if answered and silent:
                silent = False
                sent.clear()  # what went while the consumer was away is lost
            backlog = await self._outbox.backlog(consumer, most=_WINDOW)
            sent = {entry.number: sent[entry.number] for entry in backlog if entry.number in sent}
            due = [entry for entry in backlog if self._is_due(entry, sent.get(entry.number))]
            silent = silent or (not answered and any(entry.number in sent for entry in due))
            now = _Sent(monotonic(), self._session.generation)
            sent.update((entry.number, now) for entry in due)
            if not await self._replay(topic, due[:1] if silent else due):
                sent.clear()  # all of it goes again over the next connection
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await answer.wait()

    async def _replay(self, topic: str, entries: list[Entry]) -> bool:
        """Send entries again; whether the broker has them all."""
        waiting = deque((entry.number, entry.body) for entry in entries)
        while waiting:
            if not all(
                await asyncio.gather(*(self._published(topic, body) for _, body in _portion(waiting)))
            ):
                return False
        return True

    async def _published(self, topic: str, body: bytes) -> bool:
        """Whether the broker has it."""
        try:
            await self._session.publish(topic, body)
        except NotConnectedError:
            return False
        return True

    def _note_live(self, seq: int, at_s: float) -> None:
        """Remember when a message goes live, so that its replay waits for the answer."""
        self._sent_live[self._outbox.epoch, seq] = _Sent(at_s, self._session.generation)
        if len(self._sent_live) > 2 * _LIVE_QUEUE:
            del self._sent_live[next(iter(self._sent_live))]

    def _leave_to_backlog(self, seq: int) -> None:
        self._sent_live.pop((self._outbox.epoch, seq), None)

    def _is_due(self, entry: Entry, replayed: _Sent | None) -> bool:
        last = replayed or self._sent_live.get((entry.epoch, entry.seq))
        return (
            last is None
            or last.generation != self._session.generation
            or monotonic() - last.at_s > _PATIENCE_S
        )


def _portion(waiting: deque[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Take from the front as much as goes in one round trip."""
    portion: list[tuple[int, bytes]] = []
    size = 0
    while waiting and size < _TOGETHER_BYTES:
        portion.append(waiting.popleft())
        size += len(portion[-1][1])
    return portion
