"""When to poll: on a grid of event time, so that a restart goes on where the last run would have been."""

import heapq
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from transport.measurement import from_ms

_PHASE_SHARE = 10  # phases spread over a tenth of the interval


class Due(NamedTuple):
    """A poll that is due: which one of those on the grid, and when (epoch milliseconds of event time)."""

    at_ms: int
    place: int

    @property
    def at(self) -> datetime:
        """When, as an instant."""
        return from_ms(self.at_ms)


class Grid:
    """Polls of several instruments, each at ``k x interval + phase``.

    The phase is the instrument's place among its neighbours, so that they do not ask at once; the first
    polls on the full interval. A poll that has not begun when the next is due is missed.
    """

    def __init__(self, intervals: Sequence[timedelta], start_ms: int) -> None:
        self._steps_ms = [max(1, round(interval.total_seconds() * 1000)) for interval in intervals]
        self._phases_ms = [
            step * index // (_PHASE_SHARE * len(self._steps_ms)) for index, step in enumerate(self._steps_ms)
        ]
        self._heap = [Due(self._at_or_after(index, start_ms), index) for index in range(len(self._steps_ms))]
        heapq.heapify(self._heap)

    def next(self) -> Due:
        """The earliest poll."""
        return self._heap[0]

    def advance(self, now_ms: int) -> int:
        """Take the earliest poll off and plan its successor; returns how many were missed in between."""
        due = self._heap[0]
        step = self._steps_ms[due.place]
        missed = max(0, now_ms - due.at_ms) // step
        heapq.heapreplace(self._heap, Due(due.at_ms + (missed + 1) * step, due.place))
        return missed

    def _at_or_after(self, index: int, instant_ms: int) -> int:
        step, phase = self._steps_ms[index], self._phases_ms[index]
        return instant_ms + (phase - instant_ms) % step
