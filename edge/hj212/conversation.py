"""One conversation with HJ 212 stations: bytes in, readings kept, answers out."""

import asyncio
from collections.abc import Callable

import structlog

from edge.counters import Counters
from edge.errors import Hj212Error, NotKeptError
from edge.hj212.frames import Frame, Splitter, encode_frame
from edge.hj212.segments import Segment, answer_to, decode_segment
from edge.hj212.stations import Stations
from edge.intake import Intake
from transport.batch import Reading

log = structlog.get_logger(__name__)

_MOST_REASONS = 100  # refusals that are told of; all are counted
_LOGGED_BYTES = 1024


class Conversation:
    """What is said on one line or connection.

    A station deletes what has been answered, so an answer means that the values are kept. What is refused is
    not answered: the station keeps it and sends it again.
    """

    def __init__(self, name: str, stations: Stations, intake: Intake, counters: Counters) -> None:
        self._name = name
        self._stations = stations
        self._intake = intake
        self._counters = counters
        self._splitter = Splitter()
        self._refused: set[str] = set()
        self._thinking = asyncio.Lock()  # held from hearing something to having answered it

    async def hear(self, data: bytes, send: Callable[[bytes], None]) -> None:
        """Take bytes, keep what they say, then send what they want for an answer."""
        async with self._thinking:
            items = self._splitter.feed(data)
            understood = [each for item in items if (each := self._understand(item)) is not None]
            try:
                await self._intake.keep([reading for _, reading in understood if reading is not None])
            except NotKeptError:
                return  # unanswered, it will come again
            for segment, _ in understood:
                if (answer := answer_to(segment)) is not None:
                    send(encode_frame(answer))

    async def settle(self) -> None:
        """Wait until what has been heard is answered."""
        async with self._thinking:
            return

    def _understand(self, item: Frame | Hj212Error) -> tuple[Segment, Reading | None] | None:
        try:
            if isinstance(item, Hj212Error):
                raise item
            segment = decode_segment(item.segment)
            return segment, self._stations.read(segment)
        except Hj212Error as exc:
            self._counters.frames_refused += 1
            reason = str(exc)
            if reason not in self._refused and len(self._refused) < _MOST_REASONS:
                self._refused.add(reason)  # a station that repeats itself is told of once
                log.warning("frame-refused", where=self._name, reason=reason, raw=exc.raw[:_LOGGED_BYTES])
            return None
