"""When to poll: on a grid of event time, so that a restart goes on where the last run would have been."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from transport.measurement import from_ms

_PHASE_SHARE = 10  # phases spread over a tenth of the shortest interval


class Due(NamedTuple):
    """A poll that is due: which of those on the grid, and since when (epoch milliseconds of event time)."""

    at_ms: int
    place: int

    @property
    def at(self) -> datetime:
        """When, as an instant."""
        return from_ms(self.at_ms)


class Turn(NamedTuple):
    """A poll that begins: which intervals it serves, and how many polls before it were missed."""

    steps: frozenset[timedelta]
    missed: int


class Grid:
    """Polls of several instruments, each at ``k x interval + phase`` for every interval among its points.

    The phase is the instrument's place among its neighbours, so that they do not ask at once; the first
    polls on the full interval. All intervals of one instrument share its phase, so that what coincides is
    asked together. A poll that has not begun when the next is due is missed; what only it would have served
    is served by the next.
    """

    def __init__(self, steps: Sequence[Sequence[timedelta]], start_ms: int) -> None:
        self._steps = [{_ms(step): step for step in own} for own in steps]
        self._phases_ms = [
            min(own) * place // (_PHASE_SHARE * len(steps)) for place, own in enumerate(self._steps)
        ]
        self._due_ms = [self._first_after(place, start_ms - 1) for place in range(len(steps))]

    def next(self) -> Due:
        """The earliest poll."""
        return min(Due(at_ms, place) for place, at_ms in enumerate(self._due_ms))

    def ready(self, now_ms: int) -> list[Due]:
        """Every poll that is due by now, the longest waiting first."""
        return sorted(Due(at_ms, place) for place, at_ms in enumerate(self._due_ms) if at_ms <= now_ms)

    def take(self, place: int, now_ms: int) -> Turn:
        """Begin a poll that is due and plan its successor."""
        due_ms, phase_ms = self._due_ms[place], self._phases_ms[place]
        now_ms = max(now_ms, due_ms)
        own = self._steps[place]
        served = {
            step for ms, step in own.items() if (now_ms - phase_ms) // ms > (due_ms - 1 - phase_ms) // ms
        }
        self._due_ms[place] = self._first_after(place, now_ms)
        return Turn(frozenset(served), (now_ms - due_ms) // min(own))

    def _first_after(self, place: int, instant_ms: int) -> int:
        phase_ms = self._phases_ms[place]
        return min(instant_ms + ms - (instant_ms - phase_ms) % ms for ms in self._steps[place])


def _ms(step: timedelta) -> int:
    return max(1, round(step.total_seconds() * 1000))
