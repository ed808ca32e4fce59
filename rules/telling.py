"""What is said of a value beside its level: what it is, over which window, and where its alarm ends."""

from collections.abc import Mapping
from typing import NamedTuple

from rules.ladder import Ladder, Rung
from rules.measure import AnyMeasure, Change, Faults, Slope, Statistic, Still, Sum, Value
from rules.transition import Level, Measured

_MEASURED: Mapping[type[AnyMeasure], Measured] = {
    Value: Measured.VALUE,
    Change: Measured.CHANGE,
    Slope: Measured.CHANGE,
    Sum: Measured.SUM,
    Faults: Measured.FAULTS,
    Still: Measured.STILL,
}


class Told(NamedTuple):
    """Of a value that changed a level."""

    cleared: float | None  # of a level left: its `clear`, if the value lies past it
    measured: Measured
    over_ms: int | None
    reading: float | None  # of a change: the value itself, on its datum


def told_of(ladder: Ladder | None, before: Level, to: Level, value: float | None, reading: float) -> Told:
    """What is to be said of the value by which a level changed; ``reading`` is the sample judged."""
    rung = ladder.rung(max(before, to)) if ladder is not None else None
    if ladder is None or rung is None:
        return Told(None, Measured.OTHER, None, None)
    measured, over_ms = _measured(rung.measure)
    cleared = _cleared(ladder, rung, value) if to < before else None
    return Told(cleared, measured, over_ms, reading if measured is Measured.CHANGE else None)


def _measured(measure: AnyMeasure) -> tuple[Measured, int | None]:
    over_ms = measure.over_ms if isinstance(measure, Change | Slope | Sum | Statistic | Faults) else None
    return _MEASURED.get(type(measure), Measured.OTHER), over_ms


def _cleared(ladder: Ladder, rung: Rung, value: float | None) -> float | None:
    return rung.clear if value is not None and ladder.past(rung, value) else None
