"""The courier: sends what the outbox holds, newest at once, the backlog behind it, until acknowledged.

Publishing live never waits for an acknowledgement. What a consumer has not acknowledged in time goes to that
consumer's replay topic, oldest first, a window at a time. A consumer that answers nothing gets one message at
an interval until it does. What the disk refuses is sent from memory, and given to the disk when it takes it.
"""

import asyncio
import random
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from time import monotonic

import structlog

from transport.acks import Ack, decode_ack
from transport.errors import NotConnectedError
from transport.outbox import Outbox
from transport.outbox_file import Append, Entry
from transport.session import Session
from transport.unkept import Unkept

log = structlog.get_logger(__name__)

_WINDOW = 64  # replayed messages without an answer, per consumer
_PATIENCE_S = 2.0  # how long an answer may take before a message goes again
_LOOK_EVERY_S = 0.5  # at the backlog, when no answer comes
_LIVE_QUEUE = 1000  # beyond it the oldest goes by replay instead: it is in the outbox
_DISK_BACKOFF_S = (0.2, 5.0)
_MOST_OWED = 10_000  # acknowledgements that the disk refused; beyond it the oldest will come again
_TOGETHER_BYTES = 16 * 1024  # published in one round trip: a narrow line is not filled for seconds ahead


@dataclass(slots=True)
class _Sent:
    """When and over which connection a message last went; infinitely late while it waits to go."""

    at_s: float
    generation: int


def _give_up_nothing(bodies: Sequence[bytes]) -> None:
    raise AssertionError(f"{len(bodies)} messages were carried that must be kept first")


class Courier:
    """Carries one outbox's messages to its consumers.

    Args:
        outbox: Keeps them.
        session: Sends them.
        live_topic: Where a message goes first.
        replay_topics: Where it goes again, by consumer.
        given_up: Hears the bodies of messages that neither disk nor memory could hold; needed by whoever
            calls :meth:`carry`.
    """

    def __init__(
        self,
        outbox: Outbox,
        session: Session,
        *,
        live_topic: str,
        replay_topics: Mapping[str, str],
        given_up: Callable[[Sequence[bytes]], None] = _give_up_nothing,
    ) -> None:
        self._outbox = outbox
        self._session = session
        self._live_topic = live_topic
        self._replay_topics = dict(replay_topics)
        self._live: deque[tuple[int, bytes]] = deque()
        self._waiting = asyncio.Event()
        self._sent_live: dict[tuple[str, int], _Sent] = {}
        self._answers = {consumer: asyncio.Event() for consumer in replay_topics}
        self._unkept = Unkept(outbox.epoch, outbox.consumers, given_up=given_up)
        self._owed: deque[Ack] = deque(maxlen=_MOST_OWED)
        self._refused = asyncio.Event()
        self._released = asyncio.Event()
        self._released.set()

    @property
    def unkept(self) -> int:
        """How many messages are in memory alone."""
        return len(self._unkept)

    async def send(self, seq: int, body: bytes, *, urgent: bool = False) -> None:
        """Keep a message durably, then let it go; returns once it is kept.

        Raises:
            sqlite3.Error: The disk refuses; the message is neither kept nor sent.
        """
        self._note_live(seq, inf)
        await self._outbox.append(seq, body, urgent=urgent)
        self._go_live(seq, body)

    def carry(self, seq: int, body: bytes, *, urgent: bool = False) -> None:
        """Let a message go that the disk refuses; it is kept as soon as the disk takes it."""
        self._note_live(seq, inf)
        self._unkept.hold(Append(seq, body, urgent))
        self._refused.set()
        self._go_live(seq, body)

    def hold(self) -> None:
        """Send nothing until :meth:`release`; everything is kept meanwhile."""
        self._released.clear()

    def release(self) -> None:
        """Send again. What was kept meanwhile goes as it is kept now."""
        if not self._released.is_set():
            self._live.clear()
            self._sent_live.clear()
            self._released.set()

    def give_up_unkept(self) -> None:
        """Forget what is in memory alone, for the process ends."""
        self._unkept.give_up_all()

    def _go_live(self, seq: int, body: bytes) -> None:
        if len(self._live) == _LIVE_QUEUE:
            self._leave_to_backlog(self._live.popleft()[0])
        self._live.append((seq, body))
        self._waiting.set()

    async def heard(self, payload: bytes) -> None:
        """Take an acknowledgement that came on the acknowledgement topic.

        Raises:
            WireError: The payload is none.
        """
        ack = decode_ack(payload)
        self._unkept.acknowledge(ack)
        try:
            await self._outbox.acknowledge(ack)
        except sqlite3.Error:
            self._owed.append(ack)
            self._refused.set()
        answer = self._answers.get(ack.consumer)
        if answer is not None:
            answer.set()

    async def run(self) -> None:
        """Carry messages until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._carry_live(), name="courier:live")
            tasks.create_task(self._settle(), name="courier:settle")
            for consumer, topic in self._replay_topics.items():
                tasks.create_task(self._carry_backlog(consumer, topic), name=f"courier:{consumer}")

    async def drained(self) -> None:
        """Wait until every consumer has acknowledged everything."""
        while self._unkept or await self._outbox.depth():
            self._outbox.acknowledged.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._outbox.acknowledged.wait()

    async def _carry_live(self) -> None:
        while True:
            await self._released.wait()
            await self._waiting.wait()
            self._waiting.clear()
            while self._live and self._released.is_set():
                await asyncio.gather(*(self._publish_live(seq, body) for seq, body in _portion(self._live)))

    async def _publish_live(self, seq: int, body: bytes) -> None:
        if await self._published(self._live_topic, body):
            self._note_live(seq, monotonic())
        else:
            self._leave_to_backlog(seq)

    async def _settle(self) -> None:
        """Give the disk what it refused, as soon as it takes it."""
        shortest_s, longest_s = _DISK_BACKOFF_S
        while True:
            await self._refused.wait()
            self._refused.clear()
            backoff_s = shortest_s
            while self._unkept or self._owed:
                await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
                backoff_s = min(longest_s, backoff_s * 2)
                with suppress(sqlite3.Error):
                    await self._settle_all()
                    log.info("spool-accepts-again", spool=self._outbox.path)

    async def _settle_all(self) -> None:
        """Keep everything that is in memory alone, then note who has what.

        Raises:
            sqlite3.Error: The disk still refuses; what it has not taken stays in memory.
        """
        for message in self._unkept:
            await self._outbox.append(message.seq, message.body, urgent=message.urgent)
            self._unkept.drop(message.seq)
        while self._owed:
            await self._outbox.acknowledge(self._owed[0])
            self._owed.popleft()

    async def _carry_backlog(self, consumer: str, topic: str) -> None:
        sent: dict[int, _Sent] = {}
        silent = False
        answer = self._answers[consumer]
        while True:
            await self._released.wait()
            await self._session.connected.wait()
            answered = answer.is_set()
            answer.clear()
            if answered and silent:
                silent = False
                sent.clear()  # what went while the consumer was away is lost
            backlog = await self._backlog(consumer)
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

    async def _backlog(self, consumer: str) -> list[Entry]:
        """The oldest messages that a consumer lacks, on disk or in memory."""
        held = self._unkept.backlog(consumer, most=_WINDOW)
        kept = await self._outbox.backlog(consumer, most=_WINDOW)
        if self._owed:
            kept = [entry for entry in kept if not self._is_owed(consumer, entry)]
        return [*kept, *held][:_WINDOW]

    def _is_owed(self, consumer: str, entry: Entry) -> bool:
        """Whether the consumer has it, though the disk could not note so."""
        return any(
            ack.consumer == consumer
            and ack.epoch == entry.epoch
            and any(first <= entry.seq <= last for first, last in ack.ranges)
            for ack in self._owed
        )

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
