"""What a transition says beside its level, so that people can be told of it in words that are true."""

from rules.plain import Engine
from rules.transition import Measured, Transition
from tests.rules.support import batch, every, ladder, minute, play, reading
from transport.measurement import Quality

RISE = "{yellow: {above: 5, clear: 4}}"
LEVEL = "{blue: {above: 5, clear: 4}}"
SILENCE = """
  - id: silence
    name: {zh: 失联, en: Silent}
    hazard: equipment
    silence: {level: blue}"""


def silent_rtu() -> Engine:
    """Watches methane, and whether it is heard."""
    engine = Engine(ladder(LEVEL, more=SILENCE))
    engine.hear(minute(0))
    return engine


def silences(found: list[Transition]) -> list[Transition]:
    return [each for each in found if each.rule == "silence"]


def test_a_level_left_says_past_which_value_it_ends() -> None:
    raised, fallen = play(Engine(ladder(LEVEL, clear_for="0s")), every(5, [6, 4.5, 3]))
    assert (raised.limit, raised.cleared) == (5, None)
    assert (fallen.value, fallen.cleared) == (3, 4)


def test_a_change_says_over_what_and_where_the_value_stands() -> None:
    (found,) = play(Engine(ladder(RISE, more="rate: {over: 5m}")), every(5, [10, 16]))
    assert (found.measured, found.over_ms, found.value, found.reading) == (Measured.CHANGE, 300_000, 6, 16)


def test_a_reading_is_no_change() -> None:
    (found,) = play(Engine(ladder(LEVEL)), every(5, [6]))
    assert (found.measured, found.over_ms, found.reading) == (Measured.VALUE, None, None)


def test_a_silence_names_the_point_and_what_came_in_the_place_of_its_values() -> None:
    engine = silent_rtu()
    engine.take(batch([reading(10, 1.0), reading(15, 2.0, Quality.FLAG)]), minute(15))
    (found,) = [each.transition for each in engine.tick(minute(60))]
    assert (found.point, found.value, found.unit, found.fault) == ("ch4", 1.0, "m", Quality.FLAG)


def test_of_a_silence_in_which_nothing_came_no_fault_is_told() -> None:
    engine = silent_rtu()
    engine.take(batch([reading(5, 2.0, Quality.FLAG), reading(10, 1.0)]), minute(10))
    (found,) = [each.transition for each in engine.tick(minute(60))]
    assert found.fault is None


def test_the_end_of_a_silence_says_since_when_and_what_is_read_again() -> None:
    engine = silent_rtu()
    play(engine, [reading(10, 1.0)])
    engine.tick(minute(60))
    (found,) = silences(play(engine, [reading(60 + each, 2.0 + each) for each in (0, 5, 10)]))
    assert (found.onset_ms, found.sampled_ms) == (minute(60), minute(70))
    assert (found.value, found.point) == (12.0, "ch4")
