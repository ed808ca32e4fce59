"""One conversation with stations that report by themselves: bytes in, readings kept, answers out."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import structlog

from edge.counters import Counters
from edge.errors import FrameError, NotKeptError
from edge.intake import Intake
from transport.batch import Reading

log = structlog.get_logger(__name__)

_MOST_REASONS = 100  # refusals that are told of; all are counted
_LOGGED_BYTES = 1024


class Heard(NamedTuple):
    """What one frame said, and the frames that answer it once that is kept."""

    readings: Sequence[Reading]
    answers: Sequence[bytes]


class Hearer(Protocol):
    """Understands one protocol on one line or connection."""

    def hear(self, data: bytes) -> list[Heard | FrameError]:
        """Take bytes; returns what each complete frame said, and an error for each stretch that is none."""
        ...


class Conversation:
    """What is said on one line or connection.

    A station deletes what has been answered, so an answer means that the values are kept. What is refused is
    not answered: the station keeps it and sends it again.
    """

    def __init__(self, name: str, hearer: Hearer, intake: Intake, counters: Counters) -> None:
        self._name = name
        self._hearer = hearer
        self._intake = intake
        self._counters = counters
        self._refused: set[str] = set()
        self._thinking = asyncio.Lock()  # held from hearing something to having answered it

    async def hear(self, data: bytes, send: Callable[[bytes], None]) -> None:
        """Take bytes, keep what they say, then send what they want for an answer."""
        async with self._thinking:
            understood: list[Heard] = []
            for item in self._hearer.hear(data):
                if isinstance(item, FrameError):
                    self._note_refused(item)
                else:
                    understood.append(item)
            try:
                await self._intake.keep([reading for heard in understood for reading in heard.readings])
            except NotKeptError:
                return  # unanswered, it will come again
            for heard in understood:
                for answer in heard.answers:
                    send(answer)

    async def settle(self) -> None:
        """Wait until what has been heard is answered."""
        async with self._thinking:
            return

    def _note_refused(self, exc: FrameError) -> None:
        self._counters.frames_refused += 1
        reason = str(exc)
        if reason not in self._refused and len(self._refused) < _MOST_REASONS:
            self._refused.add(reason)  # a station that repeats itself is told of once
            log.warning("frame-refused", where=self._name, reason=reason, raw=exc.raw[:_LOGGED_BYTES])
