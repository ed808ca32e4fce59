"""What a window amounts to, computed a second time: by the words, in fractions, over the whole series."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise
from zoneinfo import ZoneInfo

from tests.rules.naive import Row
from transport.measurement import from_ms, to_ms


def exact(value: float) -> Fraction:
    """A figure as it is written."""
    return Fraction(Decimal(repr(value)))


def rain(rows: Sequence[Row], now: int, over_ms: int, interval_ms: int) -> tuple[Fraction, Fraction]:
    """The sum of the increments in the window, and the share of the window they cover."""
    inside = [row for row in rows[: now + 1] if row.at_ms > rows[now].at_ms - over_ms]
    seconds: set[int] = set()
    for row in inside:
        seconds |= set(range(row.at_ms - interval_ms, row.at_ms, 1000))
    window = range(rows[now].at_ms - over_ms, rows[now].at_ms, 1000)
    covered = sum(at in seconds for at in window)
    return sum((exact(row.value) for row in inside), Fraction()), Fraction(covered, len(window))


def counter(rows: Sequence[Row], now: int, over_ms: int, span_ms: int) -> Fraction:
    """How far a counter has come: second by second, each second with its part of the increment."""
    begin_ms, amount = rows[now].at_ms - over_ms, Fraction()
    for left, right in pairwise(rows[: now + 1]):
        risen = exact(right.value) - (exact(left.value) if right.value >= left.value else 0)
        if right.at_ms <= begin_ms:
            continue
        if right.at_ms - left.at_ms <= span_ms:
            amount += risen
        else:
            inside = sum(at >= begin_ms for at in range(left.at_ms, right.at_ms, 1000))
            amount += risen * inside * 1000 / (right.at_ms - left.at_ms)
    return amount


def by_second(rows: Sequence[Row], now: int, over_ms: int, span_ms: int) -> list[Fraction]:
    """The values of the window second by second, each sample backwards until the one before it."""
    values = []
    for at in range(rows[now].at_ms - over_ms, rows[now].at_ms, 1000):
        following = next(row for row in rows if row.at_ms > at)
        if following.at_ms - at <= span_ms:
            values.append(exact(following.value))
    return values


def by_clock(rows: Sequence[Row], begin_ms: int, end_ms: int, span_ms: int) -> list[Fraction]:
    """The values of an hour or day second by second, each sample of it forwards until the next."""
    values = []
    for at in range(begin_ms, end_ms, 1000):
        before = [row for row in rows if begin_ms <= row.at_ms <= at]
        if before and at - before[-1].at_ms < span_ms:
            values.append(exact(before[-1].value))
    return values


def day_of(at_ms: int, zone: ZoneInfo) -> tuple[int, int]:
    """The first and the last instant of a date."""
    today = from_ms(at_ms).astimezone(zone).date()
    first, last = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (today, today + timedelta(days=1)))
    return to_ms(first), to_ms(last)


def theil_sen(rows: Sequence[Row], now: int, over_ms: int) -> Fraction:
    """The middle slope of all pairs, as change over the window."""
    inside = [row for row in rows[: now + 1] if row.at_ms >= rows[now].at_ms - over_ms]
    slopes = sorted(
        (exact(b.value) - exact(a.value)) / (b.at_ms - a.at_ms) for a, b in combinations(inside, 2)
    )
    middle = len(slopes) // 2
    median = slopes[middle] if len(slopes) % 2 else (slopes[middle - 1] + slopes[middle]) / 2
    return median * over_ms
