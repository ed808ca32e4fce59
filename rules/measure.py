"""What a ladder judges: the value itself, or what can be said of the record at one of its samples.

Pure: a record and the index of a reading in, a fact out. The fact depends on no reading taken later, so late
readings change only what comes after them.
"""

from bisect import bisect_right
from math import ceil
from typing import Literal

import msgspec
from typing_extensions import override

from rules import windows
from rules.fact import Fact, Measure, View
from rules.record import Record
from rules.windows import DECIMALS, Amount, Clock, Share

_HOUR_MS = 3_600_000
_LONGEST_DAY_MS = 25 * _HOUR_MS  # when clocks are put back


class Value(Measure, frozen=True, kw_only=True):
    """The reading, on its datum."""

    zero: float = 0.0

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        good = view.record.marks[index].is_good
        return Fact(view.record.values[index] + self.zero, good, not good)


class Change(Measure, frozen=True, kw_only=True):
    """The value minus the value W earlier, interpolated; none before there was one."""

    over_ms: int

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        moved = view.record.change(index, self.over_ms)
        return Fact(round(moved.value, DECIMALS), moved.good, not moved.good) if moved is not None else None

    @property
    @override
    def reach_ms(self) -> int:
        return self.over_ms


class Slope(Measure, frozen=True, kw_only=True):
    """The robust slope (Theil-Sen) over [t - W, t] times W.

    None with fewer samples than ``min_points``, or with none from before the window: what a part of it shows
    is not stretched over the whole.
    """

    over_ms: int
    min_points: int

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        if view.record.change(index, self.over_ms) is None:
            return None
        found = windows.slopes(view.record, index, self.over_ms, self.min_points)
        return Fact(found.middle * self.over_ms, found.good, not found.good) if found is not None else None

    @property
    @override
    def reach_ms(self) -> int:
        return self.over_ms


class Forecast(Measure, frozen=True, kw_only=True):
    """The value to come after so long if the slopes over [t - W, t] go on; what it raises is to be verified.

    Of the slopes between all pairs of samples it takes, for a ladder that rises, the one that three quarters
    reach, for one that falls the one that three quarters do not exceed: noise around a level raises nothing.
    """

    over_ms: int
    ahead_ms: int
    min_points: int
    zero: float = 0.0

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        found = windows.slopes(view.record, index, self.over_ms, self.min_points)
        if found is None:
            return None
        moved = found.quarter(upper=not rising) * self.ahead_ms
        value = round(view.record.values[index] + self.zero + moved, DECIMALS)
        return Fact(value, found.good, uncertain=True)

    @property
    @override
    def reach_ms(self) -> int:
        return self.over_ms


class Sum(Measure, frozen=True, kw_only=True):
    """The sum of the increments in the window; of a counter, how far it has come."""

    over_ms: int
    span_ms: int  # the longest time one sample stands for
    complete: float  # so much of the window must be covered, 0 to 1
    counter: bool = False

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        add = windows.counted if self.counter else windows.total
        amount = add(view.record, index, self.over_ms, self.span_ms)
        return _fact(amount, self.over_ms, self.complete, bound=rising)

    @property
    @override
    def reach_ms(self) -> int:
        return self.over_ms


class Statistic(Measure, frozen=True, kw_only=True):
    """Mean, minimum, maximum or a percentile of the window; by time, not by count."""

    kind: Literal["mean", "minimum", "maximum", "percentile"]
    over_ms: int
    span_ms: int  # the longest time one sample stands for
    complete: float  # so much of the window must be covered, 0 to 1
    zero: float = 0.0
    per_cent: float = 0.0  # of a percentile

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        return self.read_at(view.record, view.record.at_ms[index], rising=rising)

    def read_at(self, record: Record, end_ms: int, *, rising: bool) -> Fact | None:
        """The fact of the window that ends at an instant, whether or not a reading was taken then."""
        found = list(windows.shares(record, end_ms - self.over_ms, end_ms, self.span_ms))
        if not found:
            return None
        bound = self.kind == ("maximum" if rising else "minimum")
        return _fact(_amount(self._of(found) + self.zero, found), self.over_ms, self.complete, bound=bound)

    def _of(self, found: list[Share]) -> float:
        match self.kind:
            case "mean":
                return windows.mean(found)
            case "percentile":
                return windows.percentile(found, self.per_cent)
            case "minimum":
                return min(each.value for each in found)
            case "maximum":
                return max(each.value for each in found)

    @property
    @override
    def reach_ms(self) -> int:
        return self.over_ms


class ClockMean(Measure, frozen=True, kw_only=True):
    """The mean of an hour or a day by the district's clock, judged at the first sample after it."""

    each: Clock
    span_ms: int  # the longest time one sample stands for
    complete: float  # so much of the hour or day must be covered, 0 to 1
    zero: float = 0.0

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        ended = self.ended(view, index)
        return self.read_over(view.record, ended) if ended is not None else None

    def ended(self, view: View, index: int) -> tuple[int, int] | None:
        """The hour or day that the sample at ``index`` is the first after."""
        before = view.record.sample_before(index)
        if before is None:
            return None
        span = windows.clock_span(view.record.at_ms[before], self.each, view.zone)
        return span if view.record.at_ms[index] >= span[1] else None

    def read_over(self, record: Record, span: tuple[int, int]) -> Fact | None:
        """The fact of one hour or day."""
        found = list(windows.shares_by_clock(record, *span, self.span_ms))
        if not found:
            return None
        amount = _amount(windows.mean(found) + self.zero, found)
        return _fact(amount, span[1] - span[0], self.complete, bound=False)

    @property
    @override
    def reach_ms(self) -> int:
        return 2 * self.period_ms + self.span_ms

    @property
    @override
    def period_ms(self) -> int:
        return _HOUR_MS if self.each == "hour" else _LONGEST_DAY_MS


class Still(Measure, frozen=True, kw_only=True):
    """For how many hours the samples have stayed within so much of the present one."""

    within: float
    horizon_ms: int  # longer need not be known

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        good = view.record.marks[index].is_good
        still_ms = windows.still_ms(view.record, index, self.within, self.horizon_ms)
        return Fact(still_ms / _HOUR_MS, good, not good)

    @property
    @override
    def reach_ms(self) -> int:
        return self.horizon_ms


class Faults(Measure, frozen=True, kw_only=True):
    """How many per cent of the readings in the window were bad; judged at bad readings too."""

    over_ms: int
    doubtful_too: bool

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        share = windows.share_of_faults(view.record, index, self.over_ms, doubtful_too=self.doubtful_too)
        return Fact(share)

    @property
    @override
    def reach_ms(self) -> int:
        return self.over_ms


class Difference(Measure, frozen=True, kw_only=True):
    """What is measured here minus the same at a reference, over the same time."""

    of: Value | Statistic | ClockMean
    reference: str  # subject
    reference_zero: float
    stale_after_ms: int  # an older value of the reference is none

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        here = self.of.read(view, index, rising=rising)
        there = self._there(view, index, rising=rising) if here is not None else None
        if here is None or there is None:
            return None
        clears, uncertain = here.clears and there.clears, here.uncertain or there.uncertain
        return Fact(round(here.value - there.value, DECIMALS), clears, uncertain)

    def _there(self, view: View, index: int, *, rising: bool) -> Fact | None:
        """The reference's fact as of the reading at ``index``."""
        other, at_ms = view.others[self.reference], view.record.at_ms[index]
        of = msgspec.structs.replace(self.of, zero=self.reference_zero)
        if isinstance(of, Statistic):
            return of.read_at(other, at_ms, rising=rising)
        if isinstance(of, ClockMean):
            ended = of.ended(view, index)
            return of.read_over(other, ended) if ended is not None else None
        newest = other.sample_before(bisect_right(other.at_ms, at_ms))
        if newest is None or at_ms - other.at_ms[newest] > self.stale_after_ms:
            return None
        return of.read(View(other, view.others, view.zone), newest, rising=rising)

    @property
    @override
    def reach_ms(self) -> int:
        return self.of.reach_ms + self.stale_after_ms

    @property
    @override
    def period_ms(self) -> int:
        return self.of.period_ms


class Curved(Measure, frozen=True, kw_only=True):
    """What a curve makes of the value; linear between its points, and beyond its ends uncertain."""

    of: Value | Statistic | ClockMean
    points: tuple[tuple[float, float], ...]
    whole: bool  # what goes in is rounded to a whole number, what comes out is rounded up

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        fact = self.of.read(view, index, rising=rising)
        if fact is None:
            return None
        value = windows.half_up(fact.value) if self.whole else fact.value
        beyond = not self.points[0][0] <= value <= self.points[-1][0]
        found = windows.interpolated(self.points, value)
        return Fact(
            ceil(found) if self.whole else found, fact.clears and not beyond, fact.uncertain or beyond
        )

    @property
    @override
    def reach_ms(self) -> int:
        return self.of.reach_ms

    @property
    @override
    def period_ms(self) -> int:
        return self.of.period_ms


class NthOfDay(Measure, frozen=True, kw_only=True):
    """The n-th highest (lowest) value so far of its day: n - 1 values beyond a limit are allowed each day."""

    of: Value | Change | Slope | Sum | Statistic | ClockMean | Curved | Difference
    number: int
    highest: bool
    apart_ms: int  # the first n - 1 readings of a day give no fact

    @override
    def read(self, view: View, index: int, *, rising: bool) -> Fact | None:
        record = view.record
        if self.of.read(view, index, rising=rising) is None:
            return None
        begin_ms, _ = windows.clock_span(self._about_ms(view, index), "day", view.zone)
        facts = []
        for each in range(index, -1, -1):
            if record.at_ms[each] < begin_ms:
                break
            if record.marks[each].is_sample and self._about_ms(view, each) >= begin_ms:
                fact = self.of.read(view, each, rising=rising)
                facts += [fact] if fact is not None else []
        value = windows.nth([fact.value for fact in facts], self.number, highest=self.highest)
        if value is None:
            return None
        return Fact(value, all(fact.clears for fact in facts), any(fact.uncertain for fact in facts))

    def _about_ms(self, view: View, index: int) -> int:
        """The instant by which a fact belongs to a day: of an hour, its beginning."""
        base = self.of.of if isinstance(self.of, Difference | Curved) else self.of
        ended = base.ended(view, index) if isinstance(base, ClockMean) else None
        return ended[0] if ended is not None else view.record.at_ms[index]

    @property
    @override
    def reach_ms(self) -> int:
        return self.of.reach_ms + 2 * _LONGEST_DAY_MS

    @property
    @override
    def period_ms(self) -> int:
        return self.apart_ms


AnyMeasure = (
    Value
    | Change
    | Slope
    | Forecast
    | Sum
    | Statistic
    | ClockMean
    | Still
    | Faults
    | Curved
    | Difference
    | NthOfDay
)


def references(measure: AnyMeasure) -> tuple[str, ...]:
    """The other subjects that a measure looks at."""
    if isinstance(measure, NthOfDay):
        return references(measure.of)
    return (measure.reference,) if isinstance(measure, Difference) else ()


def _fact(amount: Amount, over_ms: int, complete: float, *, bound: bool) -> Fact | None:
    """An amount as a fact; with ``bound``, what is missing can only make it too harmless."""
    needed_ms = complete * over_ms
    if not bound and amount.covered_ms < needed_ms:
        return None
    return Fact(amount.value, amount.good_ms >= needed_ms, amount.doubtful)


def _amount(value: float, found: list[Share]) -> Amount:
    covered_ms = sum(each.span_ms for each in found)
    good_ms = sum(each.span_ms for each in found if each.good)
    return Amount(value, covered_ms, good_ms, good_ms < covered_ms)
