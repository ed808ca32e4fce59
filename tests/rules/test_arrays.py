"""The arrays and the engine that takes one sample at a time say the same, of every kind of condition."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.backtest import backtest
from rules.calm import CalmEngine
from rules.plain import Engine
from rules.rulebook import Rulebook
from rules.state import decode_state, encode_state
from rules.transition import Transition
from tests.rules.support import GOOD, device, district, minute, rulebook, site
from transport.batch import Sample
from transport.measurement import Quality

SOAK = bool(os.environ.get("TOCSIN_SOAK"))
EACH = 1300 if SOAK else 20  # timelines for each kind: 20,800 in a soak

PLACE = district(
    [device("rtu", "pipe", "ch4", every_min=5), device("far", "field", "ch4", every_min=5)],
    [site("pipe", "pipeline"), site("field", "air")],
)
KINDS = {
    "value": "clear_for: 7m",
    "change": "rate: {over: 12m}",
    "slope": "rate: {over: 20m, fit: theil-sen, min_points: 3}",
    "forecast": "forecast: {over: 20m, ahead: 10m, min_points: 3}",
    "sum": "sum: {over: 20m, complete: 80%}",
    "mean": "mean: {over: 20m, complete: 50%}",
    "hourly mean": "mean: {each: hour, complete: 50%}",
    "extremes": "maximum: {over: 15m, complete: 50%}",
    "minimum": "minimum: {over: 15m, complete: 50%}",
    "daily mean": "mean: {each: day, complete: 1%}",
    "stuck": "stuck: {within: 0.25}",
    "quality": "quality: {over: 30m, counting: doubtful}",
    "percentile": "percentile: {of: 60, over: 25m, complete: 50%}",
    "difference": "minus: {device: far}",
    "curve": "through: bent",
    "allowed": "allowed: 1",
}
LEVELS = st.sampled_from(
    [
        "blue: {above: 1.0, for: 4m}, red: {above: 2.5, clear: 2.0, for: 2 samples}",
        "blue: {above: 0.5, clear: 0.25, for: 2 samples}, yellow: {above: 1.5}, orange: {above: 2, for: 9m}",
        "yellow: {below: 0.5, clear: 1.0, for: 3 samples}, red: {below: -0.5}",
        "red: {above: 2.0, clear: 1.0}",
    ]
)
LEVELS_AFTER = "blue: {above: 0.75}, red: {above: 2.25, clear: 1.0, for: 2 samples}"
ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 5, 5, 5, 5, 7, 20, 75]),
        st.sampled_from([number / 4 for number in range(13)]),
        st.sampled_from([GOOD] * 8 + [Quality.SPIKE, Quality.TIMEOUT]),
        st.sampled_from(["rtu"] * 3 + ["far"]),
    ),
    min_size=3,
    max_size=40,
)


def book(kind: str, levels: str, season: str) -> Rulebook:
    return rulebook(
        f"""
version: 1
seasons: {{wet: {season}}}
curves: {{bent: {{unit: x, of_unit: m, points: [[0, 0], [1, 2.0], [2, 1.5], [2.5, 3]]}}}}
rules:
  - id: gas
    name: {{zh: 燃气, en: Gas}}
    hazard: gas
    select: {{device: rtu, point: ch4}}
    {KINDS[kind]}
    levels: {{{levels}}}
    during: {{wet: {{red: {{{"below: -0.25" if "below" in levels else "above: 2.75"}}}}}}}
""",
        PLACE,
    )


def as_samples(rows: list[tuple[int, float, Quality, str]]) -> list[Sample]:
    at_min, samples = 0, []
    for step_min, value, quality, name in rows:
        at_min += step_min
        samples.append(Sample(name, "ch4", minute(at_min), None if quality.is_bad else value, quality))
    return samples


def in_time(rules: Rulebook) -> Rulebook:
    """The same rules, to which no reading is late, however long a batch."""
    return replace(rules, watches=tuple(replace(each, allowance_ms=2**62) for each in rules.watches))


def one_by_one(rules: Rulebook, samples: list[Sample], data: st.DataObject) -> list[Transition]:
    """The plain engine: batches cut anywhere, the last readings repeated, restarts in between."""
    engine, found, begun = Engine(rules), [], 0
    while begun < len(samples):
        end = min(begun + data.draw(st.integers(1, 9)), len(samples))
        again = max(0, begun - data.draw(st.integers(0, 3)))
        now_ms = samples[end - 1].at_ms
        found += [each.transition for each in engine.judge(samples[again:end], {}, now_ms)]
        if data.draw(st.booleans()):
            engine = Engine(rules, decode_state(encode_state(engine.state)))
        begun = end
    return found


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=EACH, deadline=None)
@given(data=st.data(), levels=LEVELS, rows=ROWS, season=st.sampled_from(["20:30..20:55", "06-03..06-03"]))
def test_arrays_say_what_the_plain_engine_says(
    kind: str, data: st.DataObject, levels: str, rows: list[tuple[int, float, Quality, str]], season: str
) -> None:
    rules, samples = book(kind, levels, season), as_samples(rows)

    assert backtest(rules, samples) == one_by_one(in_time(rules), samples, data)


def test_of_two_readings_of_one_instant_the_first_counts() -> None:
    rules = book("value", "red: {above: 2.0}", "06-03..06-03")
    samples = [Sample("rtu", "ch4", minute(0), value, GOOD) for value in (1.0, 3.0)]
    assert backtest(rules, samples) == []


@pytest.mark.parametrize("kind", ["value", "change", "difference"])
@settings(max_examples=EACH, deadline=None)
@given(data=st.data(), levels=LEVELS, rows=ROWS, season=st.sampled_from(["20:30..20:55", "06-03..06-03"]))
def test_what_passes_over_readings_says_what_judges_them_all(
    kind: str, data: st.DataObject, levels: str, rows: list[tuple[int, float, Quality, str]], season: str
) -> None:
    """Readings as they come: late, too late, repeated, suppressed; restarts and edits in between."""
    rules = [book(kind, levels, season), book(kind, LEVELS_AFTER, season)]
    samples = as_samples(rows)
    engines: list[Engine] = [Engine(rules[0]), CalmEngine(rules[0])]
    arriving = data.draw(st.one_of(st.just(samples), st.permutations(samples)))
    now_ms, begun, edited = samples[0].at_ms, 0, False
    while begun < len(samples):
        end = min(begun + data.draw(st.integers(1, 5)), len(samples))
        again = max(0, begun - data.draw(st.integers(0, 2)))
        now_ms = max(now_ms, *(each.at_ms for each in arriving[begun:end]))
        kept = {"rtu": now_ms} if data.draw(st.booleans()) else {}
        slow, quick = (each.judge(arriving[again:end], kept, now_ms) for each in engines)
        assert quick == slow
        if data.draw(st.booleans()):
            now_ms += 31_000
            slow, quick = (each.tick(now_ms) for each in engines)
            assert quick == slow
        what = data.draw(st.sampled_from(["on", "on", "restart", "edit"]))
        if what == "restart":
            engines = [type(each)(each.rulebook, decode_state(encode_state(each.state))) for each in engines]
        elif what == "edit" and not edited:
            edited = True
            for each in engines:
                each.make_up()
            engines = [type(each)(rules[1], each.state) for each in engines]
            slow, quick = (each.adopt(rules[0], now_ms) for each in engines)
            assert quick == slow
        begun = end
    for each in engines:
        each.make_up()
    plain, calm = (each.state for each in engines)
    assert calm.records == plain.records
    for key, state in calm.watches.items():
        assert state.head.level is plain.watches[key].head.level
        assert state.told is plain.watches[key].told
