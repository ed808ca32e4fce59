"""The engine agrees with a slow, independent computation on any timeline, however it arrives."""

import os
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.backtest import backtest
from rules.ladder import Ladder, Rung
from rules.measure import Change
from rules.plain import Engine
from rules.rulebook import Rulebook, Watch
from rules.state import decode_state, encode_state
from rules.subject import QUIET_MS
from rules.transition import Level, Transition
from tests.rules import naive
from tests.rules.support import GOOD, MINUTE_MS, batch, minute, reading
from transport.batch import Reading
from transport.measurement import Quality

SOAK = bool(os.environ.get("TOCSIN_SOAK"))
STALE_AFTER_MIN = 15
AN_AGE_MS = 10**9
LEVELS = (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)

QUALITIES = st.sampled_from([GOOD] * 6 + [Quality.SPIKE, Quality.TIMEOUT])
STEPS_MIN = st.sampled_from([1, 1, 2, 5, 5, 5, 7, 20])
VALUES = st.sampled_from([number / 4 for number in range(13)])


@st.composite
def ladders(draw: st.DrawFn) -> Ladder:
    """Any ladder that the check lets pass."""
    rising = draw(st.booleans())
    chosen = sorted(draw(st.sets(st.sampled_from(LEVELS), min_size=1)))
    limits = sorted(draw(st.sets(VALUES, min_size=len(chosen), max_size=len(chosen))), reverse=not rising)
    rungs = []
    for level, limit in zip(chosen, limits, strict=True):
        back = draw(st.sampled_from([0.0, 0.25, 1.0]))
        counted = draw(st.booleans())
        rungs.append(
            Rung(
                level=level,
                limit=limit,
                clear=limit - back if rising else limit + back,
                for_ms=0 if counted else draw(st.integers(0, 12)) * MINUTE_MS,
                for_samples=draw(st.integers(1, 4)) if counted else 1,
            )
        )
    clear_for_ms = draw(st.sampled_from([0, 4, 9, 10])) * MINUTE_MS
    return Ladder(rising=rising, rungs=tuple(rungs), clear_for_ms=clear_for_ms)


def as_taken(rows: list[tuple[int, float, Quality]]) -> list[Reading]:
    at_min, readings = 0, []
    for step_min, value, quality in rows:
        at_min += step_min
        readings.append(reading(at_min, None if quality.is_bad else value, quality))
    return readings


def timelines() -> st.SearchStrategy[list[Reading]]:
    """Readings of one point in the order taken, with gaps, doubts and faults."""
    rows = st.tuples(STEPS_MIN, VALUES, QUALITIES)
    return st.lists(rows, min_size=1, max_size=30).map(as_taken)


WINDOWS = st.sampled_from([None, None, 10, 17])


def judging(ladder: Ladder, over_min: int | None) -> Ladder:
    if over_min is None:
        return ladder
    measure = Change(over_ms=over_min * MINUTE_MS)
    rungs = tuple(msgspec.structs.replace(rung, measure=measure) for rung in ladder.rungs)
    return msgspec.structs.replace(ladder, rungs=rungs)


def rulebook(ladder: Ladder, over_min: int | None, allowance_ms: int = AN_AGE_MS) -> Rulebook:
    watch = Watch(
        rule="gas",
        hazard="gas",
        device="rtu",
        point="ch4",
        site="pipe",
        unit="%LEL",
        seasons=frozenset(),
        ladders={"": judging(ladder, over_min)},
        stale_after_ms=STALE_AFTER_MIN * MINUTE_MS,
        allowance_ms=allowance_ms,
        reach_ms=(over_min or 0) * MINUTE_MS,
    )
    return Rulebook(rules={}, watches=(watch,), silences=(), seasons={}, timezone=ZoneInfo("Asia/Shanghai"))


def expected(readings: Sequence[Reading], ladder: Ladder, over_min: int | None) -> list[naive.Moved]:
    rows = []
    for each in readings:
        value, quality = each.values["ch4"]
        if value is not None:
            rows.append(naive.Row(each.at_ms, value, quality.is_good))
    if over_min is not None:
        rows = naive.changes(rows, over_min * MINUTE_MS)
    return naive.transitions(rows, ladder, STALE_AFTER_MIN * MINUTE_MS)


def moved(transitions: Sequence[Transition]) -> list[naive.Moved]:
    return [naive.Moved(each.at_ms, each.before, each.to) for each in transitions]


def restarted(engine: Engine) -> Engine:
    return Engine(engine.rulebook, decode_state(encode_state(engine.state)))


def told_at_the_end(transitions: Sequence[Transition]) -> Level:
    told, told_ms = Level.NORMAL, -AN_AGE_MS
    for each in transitions:
        if not each.superseded and each.at_ms >= told_ms:
            told, told_ms = each.to, each.at_ms
    return told


@settings(max_examples=10_000 if SOAK else 200, deadline=None)
@given(ladder=ladders(), readings=timelines(), over_min=WINDOWS)
def test_in_order(ladder: Ladder, readings: list[Reading], over_min: int | None) -> None:
    engine = Engine(rulebook(ladder, over_min))

    found = [each.transition for one in readings for each in engine.take(batch([one]), one.at_ms)]

    assert moved(found) == expected(readings, ladder, over_min)
    assert not any(each.superseded for each in found)


@settings(max_examples=10_000 if SOAK else 100, deadline=None)
@given(ladder=ladders(), readings=timelines(), over_min=WINDOWS)
def test_by_arrays(ladder: Ladder, readings: list[Reading], over_min: int | None) -> None:
    samples = [each for one in readings for each in batch([one]).samples()]

    assert moved(backtest(rulebook(ladder, over_min), samples)) == expected(readings, ladder, over_min)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), ladder=ladders(), readings=timelines(), over_min=WINDOWS)
def test_cut_into_batches_repeated_and_restarted_anywhere(
    data: st.DataObject, ladder: Ladder, readings: list[Reading], over_min: int | None
) -> None:
    engine = Engine(rulebook(ladder, over_min))
    found, begun = [], 0
    while begun < len(readings):
        end = begun + data.draw(st.integers(1, 7))
        again = max(0, begun - data.draw(st.integers(0, 5)))
        now_ms = readings[min(end, len(readings)) - 1].at_ms
        found += [each.transition for each in engine.take(batch(readings[again:end]), now_ms)]
        if data.draw(st.booleans()):
            engine = restarted(engine)
        begun = end

    assert moved(found) == expected(readings, ladder, over_min)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), ladder=ladders(), readings=timelines(), over_min=WINDOWS)
def test_late_within_the_allowance(
    data: st.DataObject, ladder: Ladder, readings: list[Reading], over_min: int | None
) -> None:
    """All that would have been announced in order is; what was said too soon is put right."""
    engine = Engine(rulebook(ladder, over_min))
    arriving = data.draw(st.permutations(readings))
    found = [each.transition for one in arriving for each in engine.take(batch([one]), readings[-1].at_ms)]

    truth = expected(readings, ladder, over_min)
    last = truth[-1].to if truth else Level.NORMAL
    assert {(each.at_ms, each.to) for each in truth} <= {(each.at_ms, each.to) for each in found}
    assert not any(each.superseded for each in found)
    assert engine.state.watches["gas|rtu:ch4"].head.level is last
    assert told_at_the_end(found) is last


@settings(max_examples=100, deadline=None)
@given(data=st.data(), ladder=ladders(), readings=timelines(), over_min=WINDOWS)
def test_late_beyond_the_allowance(
    data: st.DataObject, ladder: Ladder, readings: list[Reading], over_min: int | None
) -> None:
    """Every transition is recorded, and in the end people believe what stands."""
    engine = Engine(rulebook(ladder, over_min, allowance_ms=6 * MINUTE_MS))
    arriving = data.draw(st.permutations(readings))
    now_ms, found = readings[-1].at_ms, []
    for one in arriving:
        now_ms += data.draw(st.sampled_from([0, 1000, MINUTE_MS]))
        found += [each.transition for each in engine.take(batch([one]), now_ms)]
        if data.draw(st.booleans()):
            engine = restarted(engine)
    found += [each.transition for each in engine.tick(now_ms + QUIET_MS)]

    truth = expected(readings, ladder, over_min)
    last = truth[-1].to if truth else Level.NORMAL
    assert {(each.at_ms, each.to) for each in truth} <= {(each.at_ms, each.to) for each in found}
    assert told_at_the_end(found) is last


@settings(max_examples=100, deadline=None)
@given(data=st.data(), ladder=ladders(), readings=timelines(), over_min=WINDOWS)
def test_a_backlog_in_order_tells_only_what_stands_at_its_end(
    data: st.DataObject, ladder: Ladder, readings: list[Reading], over_min: int | None
) -> None:
    engine = Engine(rulebook(ladder, over_min, allowance_ms=6 * MINUTE_MS))
    now_ms = readings[-1].at_ms + 60 * MINUTE_MS
    found, begun = [], 0
    while begun < len(readings):
        end = begun + data.draw(st.integers(1, 7))
        found += [each.transition for each in engine.take(batch(readings[begun:end]), now_ms)]
        begun = end
    assert found == []
    found += [each.transition for each in engine.tick(now_ms + QUIET_MS)]

    truth = expected(readings, ladder, over_min)
    assert moved(found) == truth
    told = [each.to for each in found if not each.superseded]
    assert told == ([truth[-1].to] if truth and truth[-1].to else [])


def test_what_the_slow_computation_says_is_what_the_design_says() -> None:
    """The judge is judged: a level held over its delay, kept between limit and clear, left past clear."""
    rung = Rung(level=Level.RED, limit=5.0, clear=4.0, for_ms=4 * MINUTE_MS)
    ladder = Ladder(rising=True, rungs=(rung,), clear_for_ms=5 * MINUTE_MS)
    rows = [naive.Row(minute(index * 5), value) for index, value in enumerate([5.0, 4.5, 5.0, 4.0, 3.9, 3.9])]
    assert naive.transitions(rows, ladder, 15 * MINUTE_MS) == [
        naive.Moved(minute(10), Level.NORMAL, Level.RED),
        naive.Moved(minute(25), Level.RED, Level.NORMAL),
    ]


@pytest.mark.parametrize("count", [3000])
def test_memory_stays_bounded_over_a_long_run(count: int) -> None:
    ladder = Ladder(rising=True, rungs=(Rung(level=Level.RED, limit=5.0, clear=4.0),), clear_for_ms=0)
    engine = Engine(rulebook(ladder, 10))
    readings = [reading(index, float(index % 7)) for index in range(count)]
    found = [each.transition for one in readings for each in engine.take(batch([one]), one.at_ms)]

    rows = [naive.Row(minute(index), float(index % 7)) for index in range(count)]
    truth = naive.transitions(naive.changes(rows[-60:], 10 * MINUTE_MS), ladder, STALE_AFTER_MIN * MINUTE_MS)
    assert moved(found)[-len(truth) + 1 :] == truth[1:]
    assert len(engine.state.records["rtu:ch4"].at_ms) <= 2049
    assert len(encode_state(engine.state)) < 200_000
