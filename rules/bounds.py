"""Between what bounds a measure lies at every reading of a series, all of them at once.

Bounds leave most readings without a question: both on one side of a limit. Where they do not, the measure
itself is asked, so that its meaning stands in one place. A kind that has no bounds here is asked everywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from zoneinfo import ZoneInfo

import numpy as np

from rules.measure import (
    AnyMeasure,
    Change,
    ClockMean,
    Curved,
    Difference,
    Faults,
    NthOfDay,
    Statistic,
    Still,
    Sum,
    Value,
)
from rules.record import Mark
from rules.series import Bools, Floats, Ints, Series
from rules.windows import clock_span

_SLACK = 1e-8  # more than rounding to nine decimals moves a figure
_EPSILON = 1e-12  # more than one addition does, as a share of what is added
_HOUR_MS = 3_600_000
_MOST_SORTED = 1024  # samples of a window
_AT_ONCE = 20_000  # windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is known of a measure at each reading judged; without both bounds, a fact may be there or not."""

    present: Bools  # there may be a fact
    low: Floats
    high: Floats
    clears: Bools


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A series, the readings of it that are judged, and what else a measure may look at."""

    series: Series
    rows: Ints  # of the readings judged
    others: Mapping[str, Series]
    zone: ZoneInfo
    rising: bool
    limits: frozenset[float]  # what the bounds are asked about: tighter than that they need not be

    @property
    def at_ms(self) -> Ints:
        """The instants judged."""
        return self.series.at_ms[self.rows]


def bounds_of(measure: AnyMeasure, ground: Ground) -> Bounds:
    """The bounds of a measure at every reading judged."""
    find = _FINDERS.get(type(measure))
    found = find(measure, ground) if find is not None else None
    return found if found is not None else _anything(ground, np.ones(len(ground.rows), dtype=bool))


def _anything(ground: Ground, present: Bools) -> Bounds:
    count = len(ground.rows)
    return Bounds(
        present=present,
        low=np.full(count, -np.inf),
        high=np.full(count, np.inf),
        clears=np.zeros(count, dtype=bool),
    )


def _about(values: Floats, slack: float, present: Bools, clears: Bools) -> Bounds:
    slacks = slack + _EPSILON * np.abs(values)
    return Bounds(present=present, low=values - slacks, high=values + slacks, clears=clears)


def _never(ground: Ground, low: float, high: float) -> Bounds | None:
    """Bounds of a measure that never comes near a limit: no more need be known of it."""
    if not ground.limits or (high >= min(ground.limits) if ground.rising else low <= max(ground.limits)):
        return None
    count = len(ground.rows)
    return Bounds(
        present=_everywhere(ground),
        low=np.full(count, low),
        high=np.full(count, high),
        clears=np.zeros(count, dtype=bool),
    )


def _everywhere(ground: Ground) -> Bools:
    return np.ones(len(ground.rows), dtype=bool)


def _good(ground: Ground) -> Bools:
    return _is_good(ground.series, ground.rows)


def _value(measure: AnyMeasure, ground: Ground) -> Bounds | None:
    assert isinstance(measure, Value), "chosen by type"  # noqa: S101
    values = ground.series.values[ground.rows]
    values = values + measure.zero if measure.zero else values
    return Bounds(present=_everywhere(ground), low=values, high=values, clears=_good(ground))


def _change(measure: AnyMeasure, ground: Ground) -> Bounds | None:
    assert isinstance(measure, Change), "chosen by type"  # noqa: S101
    series, samples = ground.series, ground.series.samples
    if len(samples) == 0:
        return None
    at_ms, values = series.sampled_ms, series.values[samples]
    farthest = float(values.max() - values.min()) + _SLACK
    never = _never(ground, -farthest, farthest)
    if never is not None:
        return never
    good = _is_good(series, samples)
    then_ms = ground.at_ms - measure.over_ms
    before = np.searchsorted(at_ms, then_ms, side="right") - 1
    present = before >= 0
    left = np.maximum(before, 0)
    right = np.minimum(left + 1, len(samples) - 1)
    exact = at_ms[left] == then_ms
    span_ms = np.where(exact | (right == left), 1, at_ms[right] - at_ms[left])
    share = np.where(exact, 0.0, (then_ms - at_ms[left]) / span_ms)
    then = values[left] + (values[right] - values[left]) * share
    moved = series.values[ground.rows] - then
    largest = float(np.abs(values).max())
    clears = good[left] & (exact | good[right]) & _good(ground)
    return _about(moved, _SLACK + _EPSILON * largest, present, clears)


def _is_good(series: Series, rows: Ints) -> Bools:
    marks = series.marks[rows]
    good: Bools = (marks == Mark.GOOD) | (marks == Mark.CARRIED)
    return good


def _running(values: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum(values)))


def _counted(values: Ints) -> Ints:
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(values)))


def _sum(measure: AnyMeasure, ground: Ground) -> Bounds | None:
    assert isinstance(measure, Sum), "chosen by type"  # noqa: S101
    series, samples = ground.series, ground.series.samples
    if measure.counter or len(samples) == 0 or bool((series.marks == Mark.CARRIED).any()):
        return None
    at_ms, values = series.sampled_ms, series.values[samples]
    window = _Window(at_ms, ground, measure.over_ms, measure.span_ms)
    totals = _running(values)
    total = totals[window.last] - totals[window.first]
    good = _is_good(series, samples)
    covered_ms = window.covered_ms(np.ones(len(samples), dtype=bool))
    good_ms = covered_ms if good.all() else window.covered_ms(good)
    needed_ms = measure.complete * measure.over_ms
    present = _everywhere(ground) if ground.rising else covered_ms >= needed_ms
    slack = _SLACK + _EPSILON * len(samples) * float(np.abs(values).max())
    return _about(total, slack, present, good_ms >= needed_ms)


class _Window:
    """For each reading judged, the samples in (t - W, t] and the time that they cover."""

    def __init__(self, at_ms: Ints, ground: Ground, over_ms: int, span_ms: int) -> None:
        begin_ms = ground.at_ms - over_ms
        self.first = np.searchsorted(at_ms, begin_ms, side="right")
        self.last = np.searchsorted(at_ms, ground.at_ms, side="right")
        self.since_ms = np.minimum(span_ms, np.diff(at_ms, prepend=at_ms[0] - span_ms))
        edge = np.minimum(self.first, len(at_ms) - 1)
        self._edge = edge
        # of the first sample's time, what lies before the window
        self.cut_ms = np.maximum(0, self.since_ms[edge] - (at_ms[edge] - begin_ms))
        self.cut_ms[self.first >= self.last] = 0

    def covered_ms(self, counts: Bools) -> Ints:
        """How much of each window is covered by samples that count."""
        covered = _counted(np.where(counts, self.since_ms, 0))
        return covered[self.last] - covered[self.first] - np.where(counts[self._edge], self.cut_ms, 0)


def _statistic(measure: AnyMeasure, ground: Ground) -> Bounds | None:
    assert isinstance(measure, Statistic), "chosen by type"  # noqa: S101
    series, samples = ground.series, ground.series.samples
    if len(samples) == 0:
        return None
    at_ms, values = series.sampled_ms, series.values[samples]
    zero = measure.zero
    never = _never(ground, float(values.min()) + zero - _SLACK, float(values.max()) + zero + _SLACK)
    if never is not None:
        return never
    window = _Window(at_ms, ground, measure.over_ms, measure.span_ms)
    good = _is_good(series, samples)
    covered_ms = window.covered_ms(np.ones(len(samples), dtype=bool))
    good_ms = covered_ms if good.all() else window.covered_ms(good)
    needed_ms = measure.complete * measure.over_ms
    any_there = window.last > window.first
    bound = measure.kind == ("maximum" if ground.rising else "minimum")
    present = any_there if bound else any_there & (covered_ms >= needed_ms)
    clears = good_ms >= needed_ms
    if measure.kind == "mean":
        totals = _running(values * window.since_ms)
        edge = np.minimum(window.first, len(values) - 1)
        total = totals[window.last] - totals[window.first]
        total -= values[edge] * np.where(any_there, window.cut_ms, 0)
        mean = total / np.maximum(covered_ms, 1) + measure.zero
        largest = float(np.abs(values).max()) * float(window.since_ms.max())
        slack = _SLACK + _EPSILON * len(values) * largest / max(
            1, int(covered_ms[any_there].min(initial=2**62))
        )
        return _about(mean, slack, present, clears)
    low, high = _extremes(values, window.first, np.maximum(window.last, window.first + 1))
    if measure.kind == "percentile":
        asked = np.zeros(len(low), dtype=bool)
        for limit in ground.limits:
            asked |= (low + measure.zero <= limit) & (high + measure.zero >= limit)
        _narrow(low, high, values, window, asked & present, measure.per_cent)
    low, high = low + measure.zero, high + measure.zero
    if measure.kind == "minimum":
        high = low
    elif measure.kind == "maximum":
        low = high
    return Bounds(present=present, low=low, high=high, clears=clears)


def _narrow(  # noqa: PLR0917  (the columns of one window)
    low: Floats, high: Floats, values: Floats, window: _Window, asked: Bools, per_cent: float
) -> None:
    """Narrow the bounds of a percentile where all samples of a window weigh the same."""
    counts = window.last - window.first
    if len(values) < 2 or bool((window.since_ms != window.since_ms[0]).any()):  # noqa: PLR2004  (a difference)
        return
    usual = int(np.bincount(counts).argmax())
    if not 0 < usual <= _MOST_SORTED:
        return
    middle = ceil(per_cent / 100 * usual) - 1
    below, above = max(0, middle - 1), min(usual - 1, middle + 1)  # whichever way a figure is rounded
    windows = np.lib.stride_tricks.sliding_window_view(values, usual)
    mine = np.flatnonzero(asked & (counts == usual) & (window.cut_ms == 0))
    for begun in range(0, len(mine), _AT_ONCE):
        rows = mine[begun : begun + _AT_ONCE]
        ascending = np.partition(windows[window.first[rows]], sorted({below, above}), axis=1)
        low[rows], high[rows] = ascending[:, below], ascending[:, above]


def _extremes(values: Floats, first: Ints, last: Ints) -> tuple[Floats, Floats]:
    """The lowest and the highest of each stretch, by stretches of powers of two laid over one another."""
    first = np.minimum(first, len(values) - 1)
    last = np.minimum(np.maximum(last, first + 1), len(values))
    power = np.floor(np.log2(last - first)).astype(np.int64)
    low, high = np.empty(len(first)), np.empty(len(first))
    lows, highs = values, values
    for level in range(int(power.max(initial=0)) + 1):
        mine = power == level
        left, right = first[mine], last[mine] - (1 << level)
        low[mine] = np.minimum(lows[left], lows[right])
        high[mine] = np.maximum(highs[left], highs[right])
        step = 1 << level
        if len(lows) <= step:
            break
        lows, highs = np.minimum(lows[:-step], lows[step:]), np.maximum(highs[:-step], highs[step:])
    return low, high


def _clock(measure: AnyMeasure, ground: Ground) -> Bounds | None:
    assert isinstance(measure, ClockMean), "chosen by type"  # noqa: S101
    return _anything(ground, _first_after(measure, ground))


def _first_after(measure: ClockMean, ground: Ground) -> Bools:
    """The readings that are the first after an hour or a day by the clock."""
    samples = ground.series.samples
    at_ms = ground.series.sampled_ms
    if len(at_ms) == 0:
        return np.zeros(len(ground.rows), dtype=bool)
    edges_ms = [clock_span(int(at_ms[0]), measure.each, ground.zone)[1]]
    while edges_ms[-1] <= at_ms[-1]:
        edges_ms.append(clock_span(edges_ms[-1], measure.each, ground.zone)[1])
    number = np.searchsorted(edges_ms, at_ms, side="right")
    first = np.diff(number, prepend=number[0]) > 0
    chosen = np.zeros(len(ground.series.at_ms), dtype=bool)
    chosen[samples[first]] = True
    return chosen[ground.rows]


def _still(measure: AnyMeasure, ground: Ground) -> Bounds | None:
    """Samples that differ by more than twice what counts as none cannot both be near a third."""
    assert isinstance(measure, Still), "chosen by type"  # noqa: S101
    series, samples = ground.series, ground.series.samples
    at_ms, values = series.sampled_ms, series.values[samples]
    if len(samples) == 0:
        return None
    moved = np.abs(np.diff(values, prepend=values[0])) > 2 * measure.within + _SLACK
    begun = np.maximum.accumulate(np.where(moved, np.arange(len(values)), 0))
    longest_h = np.minimum(at_ms - at_ms[begun], measure.horizon_ms) / _HOUR_MS
    high = longest_h[np.searchsorted(samples, ground.rows)] + _SLACK
    return Bounds(
        present=_everywhere(ground), low=np.full(len(high), -_SLACK), high=high, clears=_good(ground)
    )


def _faults(measure: AnyMeasure, ground: Ground) -> Bounds | None:
    assert isinstance(measure, Faults), "chosen by type"  # noqa: S101
    marks = ground.series.marks
    counts = marks != Mark.EMPTY
    faults = marks == Mark.BAD
    if measure.doubtful_too:
        faults |= marks == Mark.UNCERTAIN
    first = np.searchsorted(ground.series.at_ms, ground.at_ms - measure.over_ms, side="right")
    last = ground.rows + 1
    counted, faulty = _counted(counts.astype(np.int64)), _counted(faults.astype(np.int64))
    share = 100 * (faulty[last] - faulty[first]) / (counted[last] - counted[first])
    return Bounds(present=_everywhere(ground), low=share, high=share, clears=_everywhere(ground))


def _difference(measure: AnyMeasure, ground: Ground) -> Bounds | None:
    assert isinstance(measure, Difference), "chosen by type"  # noqa: S101
    other = ground.others.get(measure.reference)
    if isinstance(measure.of, ClockMean):
        return _anything(ground, _first_after(measure.of, ground))
    if not isinstance(measure.of, Value) or other is None or len(other.samples) == 0:
        return None
    there_ms = other.sampled_ms
    newest = np.searchsorted(there_ms, ground.at_ms, side="right") - 1
    at = np.maximum(newest, 0)
    present = (newest >= 0) & (ground.at_ms - there_ms[at] <= measure.stale_after_ms)
    values = ground.series.values[ground.rows] + measure.of.zero
    values = values - (other.values[other.samples][at] + measure.reference_zero)
    clears = _good(ground) & _is_good(other, other.samples)[at]
    return _about(values, _SLACK, present, clears)


def _curved(measure: AnyMeasure, ground: Ground) -> Bounds | None:
    assert isinstance(measure, Curved), "chosen by type"  # noqa: S101
    if isinstance(measure.of, ClockMean):
        return _anything(ground, _first_after(measure.of, ground))
    if measure.whole or not isinstance(measure.of, Value):
        return None
    xs, ys = (np.array(column) for column in zip(*measure.points, strict=True))
    values = ground.series.values[ground.rows] + measure.of.zero
    beyond = (values < xs[0]) | (values > xs[-1])
    slack = _SLACK + _EPSILON * float(np.abs(ys).max())
    return _about(np.interp(values, xs, ys), slack, _everywhere(ground), _good(ground) & ~beyond)


def _nth(measure: AnyMeasure, ground: Ground) -> Bounds | None:
    """The n-th of a day lies within the day's extremes, so within those of the longest day before."""
    assert isinstance(measure, NthOfDay), "chosen by type"  # noqa: S101
    of = bounds_of(measure.of, ground)
    if len(ground.rows) == 0:
        return of
    edge = of.high if measure.highest else of.low
    nothing = -np.inf if measure.highest else np.inf
    at_ms = ground.at_ms
    first = np.searchsorted(at_ms, at_ms - measure.reach_ms)
    low, high = _extremes(np.where(of.present, edge, nothing), first, np.arange(1, len(at_ms) + 1))
    unknown = _anything(ground, of.present)
    return replace(unknown, high=high) if measure.highest else replace(unknown, low=low)


_FINDERS: Mapping[type[AnyMeasure], Callable[[AnyMeasure, Ground], Bounds | None]] = {
    Value: _value,
    Change: _change,
    Sum: _sum,
    Statistic: _statistic,
    ClockMean: _clock,
    Still: _still,
    Faults: _faults,
    Difference: _difference,
    Curved: _curved,
    NthOfDay: _nth,
}
