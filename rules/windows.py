"""What a stretch of a record amounts to: sums, means, extremes, slopes; each with how much of it is known.

A window W at an instant t is (t - W, t]. In it each sample stands for the time since the sample before it,
one span at the most: an interval, or as long as report by exception may be quiet. In an hour or a day by the
clock, [begin, end), it stands for the time until the sample after it, one span at the most.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil, floor, fsum
from statistics import median
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from rules.record import Mark, Record
from transport.measurement import from_ms, to_ms

Clock = Literal["hour", "day"]

DECIMALS = 9  # a sum of figures is meant as people add them, not as binary fractions do
_HOUR_MS = 3_600_000


class Share(NamedTuple):
    """A sample and the time it stands for within a window."""

    value: float
    span_ms: int
    good: bool


class Amount(NamedTuple):
    """What a window amounts to."""

    value: float
    covered_ms: int  # of the window, by samples
    good_ms: int  # of these, by good ones
    doubtful: bool  # an uncertain sample, or an increment spread over a gap, is part of it


def shares(record: Record, begin_ms: int, end_ms: int, span_ms: int) -> Iterator[Share]:
    """The samples of the window (begin, end], each with the time since the one before it."""
    first = bisect_right(record.at_ms, begin_ms)
    before = record.sample_before(first)
    previous_ms = record.at_ms[before] if before is not None else None
    for index in range(first, bisect_right(record.at_ms, end_ms)):
        mark, at_ms = record.marks[index], record.at_ms[index]
        if mark.is_sample:
            since_ms = span_ms if previous_ms is None else min(span_ms, at_ms - previous_ms)
            yield Share(record.values[index], min(since_ms, at_ms - begin_ms), mark.is_good)
            previous_ms = at_ms


def shares_by_clock(record: Record, begin_ms: int, end_ms: int, span_ms: int) -> Iterator[Share]:
    """The samples of [begin, end), each with the time until the one after it."""
    index = bisect_left(record.at_ms, begin_ms)
    last = bisect_left(record.at_ms, end_ms)
    while index < last:
        following = index + 1
        while following < len(record.at_ms) and not record.marks[following].is_sample:
            following += 1
        at_ms, mark = record.at_ms[index], record.marks[index]
        if mark.is_sample:
            until_ms = at_ms + span_ms
            if following < len(record.at_ms):
                until_ms = min(until_ms, record.at_ms[following])
            yield Share(record.values[index], min(until_ms, end_ms) - at_ms, mark.is_good)
        index = following


def total(record: Record, index: int, over_ms: int, span_ms: int) -> Amount:
    """The sum of the increments whose samples lie in the window that ends at a sample.

    Each increment stands for the interval that ends at its sample; a suppressed poll adds nothing. What is
    not covered makes the sum a lower bound.
    """
    end_ms = record.at_ms[index]
    begin_ms = end_ms - over_ms
    values: list[float] = []
    covered_ms = good_ms = 0
    doubtful = False
    first = bisect_right(record.at_ms, begin_ms)
    before = record.sample_before(first)
    previous_ms = record.at_ms[before] if before is not None else None
    for each in range(first, index + 1):
        mark, at_ms = record.marks[each], record.at_ms[each]
        if not mark.is_sample or mark is Mark.CARRIED:
            continue
        since_ms = span_ms if previous_ms is None else min(span_ms, at_ms - previous_ms)
        since_ms = min(since_ms, at_ms - begin_ms)
        previous_ms = at_ms
        values.append(record.values[each])
        covered_ms += since_ms
        good_ms += since_ms if mark.is_good else 0
        doubtful = doubtful or not mark.is_good
    return Amount(round(fsum(values), DECIMALS), covered_ms, good_ms, doubtful)


def counted(record: Record, index: int, over_ms: int, span_ms: int) -> Amount:
    """How far a counter has come in the window that ends at a sample.

    Its increment across more than a span is spread evenly over the time between the two samples, and the part
    within the window counts; that time is not covered. A counter that has fallen began anew at zero: what it
    shows is its increment, and what went before is not covered.
    """
    end_ms = record.at_ms[index]
    begin_ms = end_ms - over_ms
    values: list[float] = []
    covered_ms = good_ms = 0
    doubtful = False
    first = bisect_right(record.at_ms, begin_ms)
    previous = record.sample_before(first)
    for each in range(first, index + 1):
        if not record.marks[each].is_sample:
            continue
        if previous is not None:
            at_ms, since_ms = record.at_ms[each], record.at_ms[each] - record.at_ms[previous]
            inside_ms = at_ms - max(begin_ms, record.at_ms[previous])
            good = record.marks[each].is_good and record.marks[previous].is_good
            risen = record.values[each] - record.values[previous]
            fallen, spread = risen < 0, since_ms > span_ms
            increment = record.values[each] if fallen else risen
            values.append(increment * inside_ms / since_ms if spread else increment)
            doubtful = doubtful or not good or (spread and increment != 0)
            if not (fallen or spread):
                covered_ms += inside_ms
                good_ms += inside_ms if good else 0
        previous = each
    return Amount(round(fsum(values), DECIMALS), covered_ms, good_ms, doubtful)


def mean(found: list[Share]) -> float:
    """The mean, each sample weighing as long as it stands."""
    weight = sum(each.span_ms for each in found)
    return round(fsum(each.value * each.span_ms for each in found) / weight, DECIMALS)


def percentile(found: list[Share], per_cent: float) -> float:
    """The smallest value that was not exceeded for so many per cent of the time covered."""
    ascending = sorted(found)
    needed = per_cent / 100 * sum(each.span_ms for each in found)
    passed = 0
    for each in ascending:
        passed += each.span_ms
        if passed >= needed:
            return each.value
    return ascending[-1].value


class Slopes(NamedTuple):
    """The slopes between all pairs of samples of a window, ascending, in units a millisecond."""

    ascending: list[float]
    good: bool  # all samples are

    @property
    def middle(self) -> float:
        """The median (Theil-Sen)."""
        return median(self.ascending)

    def quarter(self, *, upper: bool) -> float:
        """The slope that a quarter of them do not exceed; with ``upper`` that a quarter do not fall under."""
        rank = ceil(len(self.ascending) / 4) - 1
        return self.ascending[-1 - rank if upper else rank]


def slopes(record: Record, index: int, over_ms: int, min_points: int) -> Slopes | None:
    """The slopes over [t - W, t] for the sample at ``index``; None with fewer samples than ``min_points``."""
    end_ms = record.at_ms[index]
    first = bisect_left(record.at_ms, end_ms - over_ms)
    points = [each for each in range(first, index + 1) if record.marks[each].is_sample]
    if len(points) < min_points:
        return None
    found = [
        (record.values[right] - record.values[left]) / (record.at_ms[right] - record.at_ms[left])
        for position, left in enumerate(points)
        for right in points[position + 1 :]
    ]
    return Slopes(sorted(found), all(record.marks[each].is_good for each in points))


def still_ms(record: Record, index: int, within: float, horizon_ms: int) -> int:
    """For how long the samples have stayed ``within`` reach of the one at ``index``; the horizon at most."""
    now_ms, since_ms = record.at_ms[index], record.at_ms[index]
    for each in range(index, -1, -1):
        if record.marks[each].is_sample:
            moved = round(abs(record.values[each] - record.values[index]), DECIMALS)
            if moved > within or now_ms - since_ms >= horizon_ms:
                break
            since_ms = record.at_ms[each]
    return min(now_ms - since_ms, horizon_ms)


def share_of_faults(record: Record, index: int, over_ms: int, *, doubtful_too: bool) -> float:
    """How many per cent of the readings in the window were bad, or with ``doubtful_too`` not good."""
    first = bisect_right(record.at_ms, record.at_ms[index] - over_ms)
    marks = [mark for mark in record.marks[first : index + 1] if mark is not Mark.EMPTY]
    faults = sum(mark is Mark.BAD or (doubtful_too and mark is Mark.UNCERTAIN) for mark in marks)
    return 100 * faults / len(marks)


def clock_span(at_ms: int, clock: Clock, zone: ZoneInfo) -> tuple[int, int]:
    """The hour or the day, [begin, end), in which an instant lies by the district's clock."""
    local = from_ms(at_ms).astimezone(zone)
    if clock == "hour":
        begin_ms = to_ms(local.replace(minute=0, second=0, microsecond=0))
        return begin_ms, begin_ms + _HOUR_MS
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone)
    return to_ms(midnight), to_ms(midnight + timedelta(days=1))


def nth(values: list[float], number: int, *, highest: bool) -> float | None:
    """The value that stands at place ``number`` from the top, or from the bottom; None if there is none."""
    return sorted(values, reverse=highest)[number - 1] if len(values) >= number else None


def interpolated(points: Sequence[tuple[float, float]], value: float) -> float:
    """What a curve makes of a value: linear between its points, at its ends beyond them."""
    right = bisect_left(points, value, key=lambda point: point[0])
    if right == 0:
        return points[0][1]
    if right == len(points):
        return points[-1][1]
    (x0, y0), (x1, y1) = points[right - 1], points[right]
    return round(y0 + (y1 - y0) * (value - x0) / (x1 - x0), DECIMALS)


def half_up(value: float) -> float:
    """The nearest whole number; a half goes up."""
    return floor(round(value, DECIMALS) + 0.5)
