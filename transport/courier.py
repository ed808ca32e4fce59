"""The courier: sends what the outbox holds, newest at once, the backlog behind it, until acknowledged.

Publishing live never waits for an acknowledgement. What a consumer has not acknowledged in time goes to that
consumer's replay topic, oldest first, a window at a time.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from transport.acks import decode_ack
from transport.errors import NotConnectedError
from transport.outbox import Outbox
from transport.session import Session

_WINDOW = 64  # replayed messages without an answer, per consumer
_PATIENCE_S = (2.0, 30.0)  # how long an answer may take before a message goes again: at first, at most
_LIVE_QUEUE = 1000  # beyond it the oldest goes by replay instead: it is in the outbox


@dataclass(slots=True)
class _Sent:
    """When and over which connection a message last went."""

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
        self._live: deque[tuple[int, bytes]] = deque(maxlen=_LIVE_QUEUE)
        self._waiting = asyncio.Event()
        self._sent_live: dict[tuple[str, int], _Sent] = {}
        self._nudges = {consumer: asyncio.Event() for consumer in replay_topics}

    async def send(self, seq: int, body: bytes) -> None:
        """Keep a message durably, then let it go; returns once it is kept.

        Raises:
            sqlite3.Error: The disk refuses; the message is neither kept nor sent.
        """
        self._note_live(seq)
        await self._outbox.append(seq, body)
        self._live.append((seq, body))
        self._waiting.set()

    async def heard(self, payload: bytes) -> None:
        """Take an acknowledgement that came on the acknowledgement topic.

        Raises:
            WireError: The payload is none.
        """
        ack = decode_ack(payload)
        await self._outbox.acknowledge(ack)
        nudge = self._nudges.get(ack.consumer)
        if nudge is not None:
            nudge.set()

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
                async with asyncio.timeout(_PATIENCE_S[0]):
                    await self._outbox.acknowledged.wait()

    async def _carry_live(self) -> None:
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            while self._live:
                seq, body = self._live.popleft()
                key = (self._outbox.epoch, seq)
                try:
                    await self._session.publish(self._live_topic, body)
                    self._note_live(seq)
                except NotConnectedError:
                    self._sent_live.pop(key, None)  # the backlog's business now

    async def _carry_backlog(self, consumer: str, topic: str) -> None:
        patience_s, longest_s = _PATIENCE_S
        sent: dict[int, _Sent] = {}
        nudge = self._nudges[consumer]
        while True:
            await self._session.connected.wait()
            backlog = await self._outbox.backlog(consumer, most=_WINDOW)
            answered = sent.keys() - {entry.number for entry in backlog}
            if answered or not sent:
                patience_s = _PATIENCE_S[0]
            sent = {number: when for number, when in sent.items() if number not in answered}
            for entry in backlog:
                last = sent.get(entry.number) or self._sent_live.get((entry.epoch, entry.seq))
                if last is not None and not self._overdue(last, patience_s):
                    continue
                if entry.number in sent:
                    patience_s = min(longest_s, patience_s * 1.2)
                try:
                    await self._session.publish(topic, entry.body)
                except NotConnectedError:
                    break
                sent[entry.number] = _Sent(monotonic(), self._session.generation)
            nudge.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S[0] / 4):
                    await nudge.wait()

    def _note_live(self, seq: int) -> None:
        """Remember that a message goes live, so that its replay waits for the answer."""
        self._sent_live[self._outbox.epoch, seq] = _Sent(monotonic(), self._session.generation)
        if len(self._sent_live) > 2 * _LIVE_QUEUE:
            del self._sent_live[next(iter(self._sent_live))]

    def _overdue(self, last: _Sent, patience_s: float) -> bool:
        return last.generation != self._session.generation or monotonic() - last.at_s > patience_s
