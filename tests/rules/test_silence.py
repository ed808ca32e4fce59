"""Silence and blindness. Gauges report every five minutes: silent after fifteen, and six of allowance."""

import pytest

from rules.plain import Engine
from rules.rulebook import Rulebook
from rules.transition import Cause, Level, Transition
from tests.rules.support import Seen, batch, device, district, minute, reading, rulebook, seen, site
from transport.batch import Reading
from transport.measurement import Quality

SILENT_AFTER_MIN = 21

RULES = """
version: 1
rules:
  - id: level
    name: {zh: 水位, en: Level}
    hazard: flood
    select: {point: level}
    clear_for: 5m
    levels: {yellow: {above: 2}}
  - id: silence
    name: {zh: 失联, en: Silence}
    hazard: equipment
    clear_for: 10m
    silence: {after: 3x, level: blue}
"""
DAM_AND_RIVER = district(
    [device("dam", "res", "level", "answers"), device("bridge", "river", "level", "answers")],
    [site("res", "reservoir"), site("river", "river", upstream=["res"])],
)


@pytest.fixture
def rules() -> Rulebook:
    return rulebook(RULES, DAM_AND_RIVER)


def level(at_min: float, value: float | None, *, of: str = "dam", quality: Quality = Quality.GOOD) -> Reading:
    return reading(at_min, value, quality, device=of, point="level")


def hearing(rules: Rulebook) -> Engine:
    engine = Engine(rules)
    engine.hear(minute(0))
    return engine


def take(engine: Engine, *readings: Reading) -> list[Transition]:
    return [each.transition for one in readings for each in engine.take(batch([one]), one.at_ms)]


def tick(engine: Engine, at_min: float) -> list[Transition]:
    return [each.transition for each in engine.tick(minute(at_min))]


def of(found: list[Transition], name: str) -> list[Transition]:
    return [each for each in found if each.subject == name]


def test_a_device_is_silent_three_intervals_and_its_allowance_after_its_last_sample(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0))
    assert of(tick(engine, 10 + SILENT_AFTER_MIN), "dam") == []
    found = of(tick(engine, 33), "dam")
    assert seen(found) == [Seen(10 + SILENT_AFTER_MIN, "normal", "blue")]
    assert (found[0].cause, found[0].value, found[0].sampled_ms) == (Cause.SILENCE, 1.0, minute(10))
    assert of(tick(engine, 34), "dam") == []


def test_a_device_that_was_never_heard_is_silent_too(rules: Rulebook) -> None:
    engine = hearing(rules)
    found = tick(engine, 22)
    assert {each.subject for each in found} == {"dam", "bridge"}
    assert found[0].value is None


def test_bad_samples_are_no_sign_of_life(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0), *(level(each, None, quality=Quality.TIMEOUT) for each in (15, 20, 25, 30)))
    assert seen(of(tick(engine, 33), "dam")) == [Seen(31, "normal", "blue")]


def test_a_device_whose_watched_point_is_missed_is_silent_though_it_answers(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0))
    take(engine, *(reading(each, each, device="dam", point="answers") for each in (15, 20, 25, 30)))
    assert seen(of(tick(engine, 33), "dam")) == [Seen(31, "normal", "blue")]


def test_suppressed_polls_are_signs_of_life(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0))
    engine.take(batch([], good_until_min={"dam": 30}), minute(30))
    assert of(tick(engine, 33), "dam") == []


def test_the_time_in_which_the_engine_was_deaf_is_nobodys_silence(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0))
    engine.hear(minute(100))
    assert tick(engine, 120) == []
    assert seen(of(tick(engine, 122), "dam")) == [Seen(121, "normal", "blue")]


def test_before_the_engine_hears_anything_nobody_is_silent(rules: Rulebook) -> None:
    assert tick(Engine(rules), 10_000) == []


def test_silence_ends_when_readings_have_come_for_clear_for(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0))
    tick(engine, 33)
    found = take(engine, *(level(each, 1.0) for each in (40, 45, 50)))
    assert seen(found) == [Seen(50, "blue", "normal")]
    assert found[0].cause is Cause.SILENCE


def test_a_flapping_device_stays_silent(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0))
    tick(engine, 33)
    assert take(engine, *(level(each, 1.0) for each in (40, 60, 65, 85, 90))) == []


def test_a_clock_that_runs_ahead_hides_no_silence(rules: Rulebook) -> None:
    engine = hearing(rules)
    engine.take(batch([level(500, 1.0)]), minute(10))
    assert seen(of(tick(engine, 33), "dam")) == [Seen(31, "normal", "blue")]


def test_a_backlog_is_no_sign_of_life(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0))
    tick(engine, 33)
    backlog = [level(each, 1.0) for each in (15, 20, 25, 30)]
    assert engine.take(batch(backlog), minute(100)) == []


def test_the_sensor_that_dies_near_the_peak_is_blind(rules: Rulebook) -> None:
    """At least yellow, with the last value, its time and its trend; the alarm itself keeps its level."""
    engine = hearing(rules)
    take(engine, *(level(5 * step, 0.2 * step) for step in range(15)))
    found = of(tick(engine, 92), "dam")
    assert seen(found) == [Seen(91, "normal", "yellow")]
    blind = found[0]
    assert blind.blind
    assert blind.value == pytest.approx(2.8)
    assert blind.trend == pytest.approx(2.4)
    assert blind.sampled_ms == minute(70)
    assert blind.hazard == "equipment"


def test_silence_below_a_dam_in_alarm_is_blind(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0, of="bridge"), level(25, 2.5, of="dam"))
    found = of(tick(engine, 33), "bridge")
    assert (found[0].to, found[0].blind) == (Level.YELLOW, True)


def test_silence_above_a_river_in_alarm_is_blind(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0, of="dam"), level(25, 2.5, of="bridge"))
    found = of(tick(engine, 33), "dam")
    assert (found[0].to, found[0].blind) == (Level.YELLOW, True)


def test_silence_elsewhere_is_not_blind() -> None:
    place = district(
        [device("dam", "res", "level"), device("other", "far", "level")],
        [site("res", "reservoir"), site("far", "river")],
    )
    engine = hearing(rulebook(RULES, place))
    take(engine, level(10, 1.0, of="other"), level(25, 2.5, of="dam"))
    found = of(tick(engine, 33), "other")
    assert (found[0].to, found[0].blind) == (Level.BLUE, False)


def test_a_gauge_of_the_same_asset_in_alarm_makes_silence_blind() -> None:
    place = district(
        [device("dam", "res", "level"), device("second", "res-b", "level")],
        [site("res", "reservoir", asset="lake"), site("res-b", "reservoir", asset="lake")],
    )
    engine = hearing(rulebook(RULES, place))
    take(engine, level(10, 1.0, of="second"), level(25, 2.5, of="dam"))
    assert of(tick(engine, 33), "second")[0].blind


def test_another_devices_silence_makes_nobody_blind(rules: Rulebook) -> None:
    engine = hearing(rules)
    found = tick(engine, 22)
    assert {each.to for each in found} == {Level.BLUE}
    assert tick(engine, 23) == []


def test_silence_turns_blind_when_an_alarm_comes_and_back_when_it_goes(rules: Rulebook) -> None:
    engine = hearing(rules)
    take(engine, level(10, 1.0, of="bridge"))
    tick(engine, 33)
    take(engine, level(35, 2.5, of="dam"))
    assert seen(tick(engine, 36)) == [Seen(35, "blue", "yellow")]
    take(engine, level(40, 1.0, of="dam"), level(45, 1.0, of="dam"))
    found = tick(engine, 46)
    assert seen(found) == [Seen(46, "yellow", "blue")]
    assert not found[0].blind
