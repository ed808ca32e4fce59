"""Cleaning for the record: what a series' rows give away about themselves, with the name of the method.

Nothing here stands between a reading and the rules, and no raw value is written over: a correction stands
beside it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple

from collector.store import Correction, Method, Row
from district.inventory import Device, Point

_REACH = 3  # rows on each side of the one that Hampel judges
_SIGMAS = 4.0  # beyond which it is a spike
_MAD_TO_SIGMA = 1.4826  # of a normal distribution
_STUCK_ROWS = 12  # a value repeated so often, and for so long, is an instrument's, not the world's
_STUCK_MS = 6 * 3600_000
_GAP_INTERVALS = 3  # longer than this between two rows is a gap
_MOST_FILLED = 12  # rows; a longer gap is left open, for a line across it would be an invention
_NO_SPIKES = frozenset({"mm", "%LEL"})  # rain and gas come at once
_PM = frozenset({"pm25", "pm10", "tsp"})
_MOST_UG_M3 = 5_000.0  # above the worst dust storms
_LEAST_NG_M3 = 1_000.0  # below the cleanest air (1 ug/m3)
_WRAPS = (2**16, 2**32)
_NEAR_WRAP = 0.9  # of it: from here on a fall is a wrap, from below a reset to zero


class Nature(NamedTuple):
    """What is known of a series before its rows are looked at."""

    point: str
    unit: str
    interval_ms: int  # at least so often a row is due
    counter: bool
    resolution: float  # differences below it are noise

    @property
    def spikes_are_real(self) -> bool:
        """Whether the quantity may jump and come back."""
        return self.counter or self.unit in _NO_SPIKES


def nature_of(device: Device, point: Point) -> Nature:
    """The nature of one point of the district."""
    due = point.heartbeat if point.by_exception and point.heartbeat else device.interval
    return Nature(
        point=point.id,
        unit=point.unit,
        interval_ms=round(max(due, device.interval).total_seconds() * 1000),
        counter=point.counter,
        resolution=point.deadband or 0.0,
    )


def clean(rows: Sequence[Row], nature: Nature) -> list[Correction]:
    """Everything that can be said of a series' rows, which are in order of time; bad ones are passed over."""
    believed = [row for row in rows if row.value is not None and not row.quality.is_bad]
    found = [*_wrong_units(believed, nature)]
    if nature.counter:
        found += _resets(believed)
    else:
        if not nature.spikes_are_real and not found:
            found += _spikes(believed, nature)
        found += _stuck(believed)
        found += _gaps(believed, nature)
    return sorted(found, key=lambda correction: correction.at_ms)


def _spikes(rows: Sequence[Row], nature: Nature) -> Iterator[Correction]:
    """Hampel: a row far from the median of its neighbours on both sides becomes that median."""
    values = [_value(row) for row in rows]
    for n in range(_REACH, len(rows) - _REACH):
        window = values[n - _REACH : n + _REACH + 1]
        middle = median(window)
        spread = _MAD_TO_SIGMA * median(abs(value - middle) for value in window)
        if abs(values[n] - middle) > max(_SIGMAS * spread, nature.resolution, 1e-9 * abs(middle)):
            yield Correction(rows[n].at_ms, Method.HAMPEL, middle)


def _stuck(rows: Sequence[Row]) -> Iterator[Correction]:
    """A value that no longer moves, in a series that does; zero is not a value that sticks."""
    runs = [list(run) for _, run in groupby(rows, key=_value)]
    if len(runs) > 1:
        for run in runs:
            long = len(run) >= _STUCK_ROWS and run[-1].at_ms - run[0].at_ms >= _STUCK_MS
            if long and run[0].value != 0:
                yield from (Correction(row.at_ms, Method.STUCK, None) for row in run[1:])


def _gaps(rows: Sequence[Row], nature: Nature) -> Iterator[Correction]:
    """Rows that were due and are not there, on the line between their neighbours."""
    step_ms = nature.interval_ms
    for before, after in pairwise(rows):
        span_ms = after.at_ms - before.at_ms
        missing = round(span_ms / step_ms) - 1
        if span_ms > _GAP_INTERVALS * step_ms and missing <= _MOST_FILLED:
            slope = (_value(after) - _value(before)) / span_ms
            for number in range(1, missing + 1):
                offset_ms = number * span_ms // (missing + 1)
                yield Correction(
                    before.at_ms + offset_ms, Method.INTERPOLATED, _value(before) + slope * offset_ms
                )


def _wrong_units(rows: Sequence[Row], nature: Nature) -> Iterator[Correction]:
    """Dust in ng/m3 where ug/m3 is said, or the other way round: stations in the field send both."""
    if nature.point not in _PM or not rows:
        return
    if nature.unit == "ug/m3":
        for row in rows:
            if _value(row) > _MOST_UG_M3:
                yield Correction(row.at_ms, Method.UNIT_NG, _value(row) / 1000)
    elif nature.unit == "ng/m3" and 0 < median(map(_value, rows)) < _LEAST_NG_M3:
        yield from (Correction(row.at_ms, Method.UNIT_UG, _value(row) * 1000) for row in rows)


def _resets(rows: Iterable[Row]) -> Iterator[Correction]:
    """Where a counter fell: what it would read had it gone on from its reading before."""
    for before, after in pairwise(rows):
        old, new = _value(before), _value(after)
        if new < old:
            wrap = next((wrap for wrap in _WRAPS if _NEAR_WRAP * wrap <= old < wrap), None)
            method = Method.COUNTER_RESET if wrap is None else Method.COUNTER_WRAP
            yield Correction(after.at_ms, method, old + new if wrap is None else wrap + new)


def _value(row: Row) -> float:
    if row.value is None:
        raise ValueError(f"{row}: bad rows are passed over")
    return row.value
