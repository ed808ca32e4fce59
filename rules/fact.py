"""What a measure is: it looks at a record at one of its readings, and gives a fact or none."""

from collections.abc import Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from rules.record import Record


class Fact(NamedTuple):
    """What a ladder is given at one reading."""

    value: float
    clears: bool = True  # it rests on enough good samples: it may reset timers and clear
    uncertain: bool = False  # what it raises is to be verified


class View(NamedTuple):
    """What a measure may look at."""

    record: Record
    others: Mapping[str, Record]  # by subject
    zone: ZoneInfo


class Measure(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all measures."""

    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        """What there is to judge at the reading at ``index``; None if nothing.

        A window that is not complete is judged only where it cannot be wrong: a sum, which can only be too
        small, by a ladder that rises. Such a fact raises and does not clear.
        """
        raise NotImplementedError

    @property
    def reach_ms(self) -> int:
        """How far back before a reading the fact looks."""
        return 0

    @property
    def period_ms(self) -> int:
        """How far apart facts are even if no reading is missing, beyond the readings' own interval."""
        return 0
