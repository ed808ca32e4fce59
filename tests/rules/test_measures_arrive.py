"""Whatever a ladder judges, it comes out the same however the readings arrive."""

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.ladder import Ladder, Rung
from rules.measure import (
    AnyMeasure,
    Change,
    ClockMean,
    Difference,
    Faults,
    Forecast,
    NthOfDay,
    Slope,
    Statistic,
    Still,
    Sum,
    Value,
    references,
)
from rules.plain import Engine
from rules.rulebook import Rulebook, Watch, decode_rulebook, encode_rulebook
from rules.state import decode_state, encode_state
from rules.transition import Level, Transition
from tests.rules.support import GOOD, MINUTE_MS, batch, reading
from transport.batch import Reading
from transport.measurement import Quality

HALF_HOUR_MS = 30 * MINUTE_MS
INTERVAL_MS = 5 * MINUTE_MS
MEAN = Statistic(kind="mean", over_ms=HALF_HOUR_MS, span_ms=INTERVAL_MS, complete=0.5)
HOURLY = ClockMean(each="hour", span_ms=INTERVAL_MS, complete=0.25)


def level_of(engine: Engine) -> Level:
    state = engine.state.watches.get("gas|rtu:ch4")
    return state.head.level if state is not None else Level.NORMAL


def versus(of: Value | Statistic | ClockMean) -> Difference:
    return Difference(of=of, reference="back:ch4", reference_zero=0.5, stale_after_ms=HALF_HOUR_MS)


MEASURES: list[AnyMeasure] = [
    Change(over_ms=HALF_HOUR_MS),
    Slope(over_ms=HALF_HOUR_MS, min_points=3),
    Forecast(over_ms=HALF_HOUR_MS, ahead_ms=HALF_HOUR_MS, min_points=3),
    Sum(over_ms=HALF_HOUR_MS, span_ms=INTERVAL_MS, complete=0.9),
    Sum(over_ms=HALF_HOUR_MS, span_ms=3 * INTERVAL_MS, complete=0.9, counter=True),
    MEAN,
    Statistic(kind="maximum", over_ms=HALF_HOUR_MS, span_ms=INTERVAL_MS, complete=0.5),
    Statistic(kind="percentile", per_cent=90, over_ms=HALF_HOUR_MS, span_ms=INTERVAL_MS, complete=0.5),
    HOURLY,
    Still(within=0.5, horizon_ms=120 * MINUTE_MS),
    Faults(over_ms=HALF_HOUR_MS, doubtful_too=True),
    versus(Value()),
    versus(MEAN),
    versus(HOURLY),
    NthOfDay(of=versus(Value()), number=3, highest=True, apart_ms=3 * INTERVAL_MS),
]
ROWS = st.tuples(
    st.sampled_from([5, 5, 5, 10, 40]),
    st.integers(0, 12).map(lambda number: number / 4),
    st.sampled_from([GOOD] * 6 + [Quality.SPIKE, Quality.TIMEOUT]),
    st.sampled_from(["rtu", "rtu", "back"]),
)


def rulebook(measure: AnyMeasure) -> Rulebook:
    rungs = (
        Rung(level=Level.BLUE, limit=0.5, clear=0.25, measure=measure),
        Rung(level=Level.ORANGE, limit=1.5, clear=1.5, for_ms=INTERVAL_MS, measure=measure),
    )
    watch = Watch(
        rule="gas",
        hazard="gas",
        device="rtu",
        point="ch4",
        site="pipe",
        unit="%LEL",
        seasons=frozenset(),
        ladders={"": Ladder(rising=True, rungs=rungs, clear_for_ms=INTERVAL_MS)},
        stale_after_ms=15 * MINUTE_MS,
        allowance_ms=10**9,
        reach_ms=measure.reach_ms,
        period_ms=measure.period_ms,
        references=references(measure),
        every_reading=isinstance(measure, Faults),
    )
    book = Rulebook(rules={}, watches=(watch,), silences=(), seasons={}, timezone=ZoneInfo("Asia/Shanghai"))
    assert decode_rulebook(encode_rulebook(book)).watches == book.watches
    return book


def as_taken(rows: list[tuple[int, float, Quality, str]]) -> list[Reading]:
    at_min, readings = 0, []
    for step_min, value, quality, device in rows:
        at_min += step_min
        readings.append(reading(at_min, None if quality.is_bad else value, quality, device=device))
    return readings


def in_order(measure: AnyMeasure, readings: Sequence[Reading]) -> list[tuple[int, Level]]:
    engine = Engine(rulebook(measure))
    return moved(each.transition for one in readings for each in engine.take(batch([one]), one.at_ms))


def moved(transitions: Iterable[Transition]) -> list[tuple[int, Level]]:
    return [(each.at_ms, each.to) for each in transitions]


@settings(max_examples=120, deadline=None)
@given(
    data=st.data(),
    measure=st.sampled_from(MEASURES),
    readings=st.lists(ROWS, min_size=1, max_size=25).map(as_taken),
)
def test_cut_repeated_and_restarted_anywhere(
    data: st.DataObject, measure: AnyMeasure, readings: list[Reading]
) -> None:
    engine, found, begun = Engine(rulebook(measure)), [], 0
    while begun < len(readings):
        end = begun + data.draw(st.integers(1, 7))
        again = max(0, begun - data.draw(st.integers(0, 5)))
        now_ms = readings[min(end, len(readings)) - 1].at_ms
        found += [each.transition for each in engine.take(batch(readings[again:end]), now_ms)]
        if data.draw(st.booleans()):
            engine = Engine(engine.rulebook, decode_state(encode_state(engine.state)))
        begun = end

    assert moved(found) == in_order(measure, readings)


@settings(max_examples=120, deadline=None)
@given(
    data=st.data(),
    measure=st.sampled_from(MEASURES),
    readings=st.lists(ROWS, min_size=1, max_size=20).map(as_taken),
)
def test_in_any_order_the_right_history_is_announced(
    data: st.DataObject, measure: AnyMeasure, readings: list[Reading]
) -> None:
    engine, now_ms = Engine(rulebook(measure)), readings[-1].at_ms
    found = [
        each.transition
        for one in data.draw(st.permutations(readings))
        for each in engine.take(batch([one]), now_ms)
    ]
    truth = in_order(measure, readings)

    assert set(truth) <= set(moved(found))
    assert level_of(engine) is (truth[-1][1] if truth else Level.NORMAL)
