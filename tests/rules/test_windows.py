"""Sums, means and slopes agree with a slow computation second by second, on any timeline."""

from collections.abc import Sequence
from itertools import combinations
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rules import windows
from rules.fact import View
from rules.measure import ClockMean, Faults, Forecast, Slope, Still, Sum
from rules.record import Mark, Record, mark_of
from tests.rules import naive_windows as slow
from tests.rules.naive import Row
from tests.rules.support import MINUTE_MS, minute
from transport.measurement import Quality

INTERVAL_MS = 5 * MINUTE_MS
SHANGHAI = ZoneInfo("Asia/Shanghai")

STEPS_MIN = st.sampled_from([5, 5, 5, 5, 3, 10, 20])
VALUES = st.integers(0, 40).map(lambda number: number / 10)
WINDOWS_MS = st.sampled_from([7, 15, 30, 60]).map(lambda number: number * MINUTE_MS)


@st.composite
def timelines(draw: st.DrawFn) -> list[Row]:
    at_min, rows = 0, []
    for step_min, value in draw(st.lists(st.tuples(STEPS_MIN, VALUES), min_size=1, max_size=14)):
        at_min += step_min
        rows.append(Row(minute(at_min), value))
    return rows


def record(rows: Sequence[Row], mark: Mark = Mark.GOOD) -> Record:
    made = Record()
    for row in rows:
        made.put(row.at_ms, row.value, mark)
    return made


@settings(max_examples=100, deadline=None)
@given(rows=timelines(), over_ms=WINDOWS_MS)
def test_a_sum_and_its_completeness(rows: list[Row], over_ms: int) -> None:
    last = len(rows) - 1
    amount = windows.total(record(rows), last, over_ms, INTERVAL_MS)
    value, covered = slow.rain(rows, last, over_ms, INTERVAL_MS)

    assert slow.exact(amount.value) == value
    assert amount.covered_ms == covered * over_ms


@settings(max_examples=100, deadline=None)
@given(rows=timelines(), over_ms=WINDOWS_MS)
def test_a_counter_and_its_gaps(rows: list[Row], over_ms: int) -> None:
    last = len(rows) - 1
    amount = windows.counted(record(rows), last, over_ms, 2 * INTERVAL_MS)
    assert amount.value == pytest.approx(float(slow.counter(rows, last, over_ms, 2 * INTERVAL_MS)))
    assert amount.good_ms == amount.covered_ms <= over_ms


@settings(max_examples=100, deadline=None)
@given(rows=timelines(), over_ms=WINDOWS_MS, per_cent=st.sampled_from([1, 10, 50, 90, 100]))
def test_statistics_weigh_by_time(rows: list[Row], over_ms: int, per_cent: int) -> None:
    last = len(rows) - 1
    found = list(windows.shares(record(rows), rows[-1].at_ms - over_ms, rows[-1].at_ms, INTERVAL_MS))
    seconds = slow.by_second(rows, last, over_ms, INTERVAL_MS)

    assert sum(each.span_ms for each in found) == len(seconds) * 1000
    assert windows.mean(found) == pytest.approx(float(sum(seconds) / len(seconds)))
    ranked = sorted(seconds)[ceil(per_cent * len(seconds) / 100) - 1]
    assert slow.exact(windows.percentile(found, per_cent)) == ranked


@settings(max_examples=60, deadline=None)
@given(rows=timelines())
def test_an_hour_by_the_clock(rows: list[Row]) -> None:
    begin_ms, end_ms = windows.clock_span(rows[0].at_ms, "hour", SHANGHAI)
    found = list(windows.shares_by_clock(record(rows), begin_ms, end_ms, INTERVAL_MS))
    seconds = slow.by_clock(rows, begin_ms, end_ms, INTERVAL_MS)

    assert sum(each.span_ms for each in found) == len(seconds) * 1000
    assert windows.mean(found) == pytest.approx(float(sum(seconds) / len(seconds)))


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "Asia/Kathmandu"])
@settings(max_examples=50, deadline=None)
@given(hour=st.integers(0, 366 * 24))
def test_a_day_by_the_clock_is_a_date(zone: str, hour: int) -> None:
    at_ms = minute(hour * 60 + 17)
    assert windows.clock_span(at_ms, "day", ZoneInfo(zone)) == slow.day_of(at_ms, ZoneInfo(zone))


@settings(max_examples=60, deadline=None)
@given(rows=timelines(), over_ms=WINDOWS_MS)
def test_the_robust_slope(rows: list[Row], over_ms: int) -> None:
    last = len(rows) - 1
    inside = [row for row in rows if row.at_ms >= rows[-1].at_ms - over_ms]
    assume(len(inside) > 1)
    found = windows.slopes(record(rows), last, over_ms, min_points=2)
    assert found is not None
    assert found.middle * over_ms == pytest.approx(float(slow.theil_sen(rows, last, over_ms)), abs=1e-9)
    assert windows.slopes(record(rows), last, over_ms, min_points=len(inside) + 1) is None


@settings(max_examples=60, deadline=None)
@given(rows=timelines(), rising=st.booleans())
def test_a_forecast_takes_what_three_quarters_of_the_slopes_agree_on(rows: list[Row], rising: bool) -> None:  # noqa: FBT001
    assume(len(rows) > 2)
    hour_ms = 60 * MINUTE_MS
    fact = Forecast(over_ms=20 * hour_ms, ahead_ms=hour_ms, min_points=3, zero=10.0).read(
        View(record(rows), {}, SHANGHAI), len(rows) - 1, rising=rising
    )
    assert fact is not None
    ends = [
        rows[-1].value + 10 + (b.value - a.value) / (b.at_ms - a.at_ms) * hour_ms
        for a, b in combinations(rows, 2)
    ]
    reached = [end >= fact.value - 1e-6 if rising else end <= fact.value + 1e-6 for end in ends]
    assert sum(reached) >= 0.75 * len(ends)
    assert any(end == pytest.approx(fact.value, abs=1e-6) for end in ends)
    assert fact.uncertain


def test_an_incomplete_sum_raises_and_does_not_clear() -> None:
    rows = [Row(minute(60), 20.0), Row(minute(180), 20.0)]
    hourly = Sum(over_ms=180 * MINUTE_MS, span_ms=60 * MINUTE_MS, complete=0.9)
    view = View(record(rows), {}, SHANGHAI)
    rising = hourly.read(view, 1, rising=True)
    assert rising is not None
    assert (rising.value, rising.clears, rising.uncertain) == (40.0, False, False)
    assert hourly.read(view, 1, rising=False) is None


def test_a_suppressed_poll_adds_no_rain_and_covers_none() -> None:
    made = record([Row(minute(5), 2.0)])
    made.carry(minute(10))
    assert windows.total(made, 1, 10 * MINUTE_MS, INTERVAL_MS).value == 2.0
    assert windows.total(made, 1, 10 * MINUTE_MS, INTERVAL_MS).covered_ms == INTERVAL_MS


def test_a_counter_that_began_anew_counts_from_zero() -> None:
    rows = [Row(minute(0), 100.0), Row(minute(5), 3.0), Row(minute(10), 5.0)]
    amount = windows.counted(record(rows), 2, 10 * MINUTE_MS, INTERVAL_MS)
    assert (amount.value, amount.covered_ms, amount.doubtful) == (5.0, INTERVAL_MS, False)


def test_what_a_counter_did_in_a_gap_is_spread_and_doubtful() -> None:
    rows = [Row(minute(0), 0.0), Row(minute(60), 12.0)]
    amount = windows.counted(record(rows), 1, 30 * MINUTE_MS, INTERVAL_MS)
    assert (amount.value, amount.covered_ms, amount.doubtful) == (6.0, 0, True)


def test_standing_still_is_told_in_hours() -> None:
    rows = [Row(minute(0), 5.0), *(Row(minute(30 * number), 1.0 + number / 100) for number in range(1, 9))]
    still = Still(within=0.05, horizon_ms=10 * 60 * MINUTE_MS)
    fact = still.read(View(record(rows), {}, SHANGHAI), 8, rising=True)
    assert fact is not None
    assert fact.value == 2.5


def test_faults_count_bad_readings_among_all() -> None:
    made = Record()
    for number, mark in enumerate([Mark.GOOD, Mark.BAD, Mark.UNCERTAIN, Mark.BAD]):
        made.put(minute(number), 1.0, mark)
    view = View(made, {}, SHANGHAI)
    bad = Faults(over_ms=10 * MINUTE_MS, doubtful_too=False).read(view, 3, rising=True)
    doubtful = Faults(over_ms=10 * MINUTE_MS, doubtful_too=True).read(view, 3, rising=True)
    assert bad is not None
    assert doubtful is not None
    assert (bad.value, doubtful.value) == (50.0, 75.0)


def test_a_mean_by_the_clock_is_judged_at_the_first_sample_after_it() -> None:
    rows = [Row(minute(5 * number), float(number)) for number in range(14)]
    hourly = ClockMean(each="hour", span_ms=INTERVAL_MS, complete=0.75)
    view = View(record(rows), {}, SHANGHAI)
    assert [hourly.read(view, index, rising=True) is not None for index in (11, 12, 13)] == [
        False,
        True,
        False,
    ]
    fact = hourly.read(view, 12, rising=True)
    assert fact is not None
    assert fact.value == 5.5


def test_a_robust_slope_is_not_stretched_over_a_window_it_has_not_seen() -> None:
    half_an_hour = Slope(over_ms=30 * MINUTE_MS, min_points=3)
    young = record([Row(minute(at), value) for at, value in ((0, 0.0), (5, 0.0), (10, 0.0), (15, 100.0))])
    grown = record([Row(minute(at), at / 10) for at in range(0, 35, 5)])

    assert half_an_hour.read(View(young, {}, SHANGHAI), 3, rising=True) is None
    fact = half_an_hour.read(View(grown, {}, SHANGHAI), 6, rising=True)
    assert fact is not None
    assert fact.value == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("ahead_s", "mark"), [(-3600, Mark.GOOD), (0, Mark.GOOD), (60, Mark.GOOD), (61, Mark.UNCERTAIN)]
)
def test_a_reading_from_the_future_is_of_doubtful_time(ahead_s: int, mark: Mark) -> None:
    assert mark_of(Quality.GOOD, ahead_ms=ahead_s * 1000) is mark
    assert mark_of(Quality.TIMEOUT, ahead_ms=ahead_s * 1000) is Mark.BAD
