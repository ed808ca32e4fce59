"""The design's words on late data. The device reports every five minutes: its allowance is six."""

from rules.plain import Engine
from rules.subject import QUIET_MS
from rules.transition import Cause, Level, Transition
from tests.rules.support import (
    Seen,
    batch,
    device,
    district,
    every,
    ladder,
    minute,
    play,
    reading,
    rulebook,
    seen,
    site,
)
from transport.measurement import Quality

YELLOW = "{yellow: {above: 20, clear: 16, for: 9m}}"


def tell(found: list[Transition]) -> list[Seen]:
    return seen(each for each in found if not each.superseded)


def test_a_reading_late_within_its_allowance_comes_out_as_if_on_time() -> None:
    engine = Engine(ladder(YELLOW))
    play(engine, [reading(0, 20), reading(5, 20)])
    assert play(engine, [reading(14, 20)]) != []
    engine = Engine(ladder(YELLOW))
    play(engine, [reading(0, 20), reading(10, 17)])
    assert seen(each.transition for each in engine.take(batch([reading(9.5, 20)]), minute(12))) == [
        Seen(9.5, "normal", "yellow")
    ]


def test_what_a_reading_within_its_allowance_undoes_is_put_right_at_the_newest_sample() -> None:
    engine = Engine(ladder(YELLOW))
    found = play(engine, [reading(0, 20), reading(10, 20)])
    assert seen(found) == [Seen(10, "normal", "yellow")]
    late = engine.take(batch([reading(5, 1)]), minute(11))
    assert seen(late) == [Seen(10, "yellow", "normal")]
    assert late[0].transition.cause is Cause.LATE


def test_a_reading_in_order_but_late_still_pages_with_its_true_onset_when_the_next_is_in_time() -> None:
    engine = Engine(ladder(YELLOW))
    play(engine, [reading(0, 20)])
    assert engine.take(batch([reading(5, 20), reading(10, 20)]), minute(20)) == []
    found = [each.transition for each in engine.take(batch([reading(15, 21)]), minute(20))]
    assert tell(found) == [Seen(10, "normal", "yellow")]
    assert found[0].onset_ms == minute(0)
    assert found[0].cause is Cause.LATE


def test_a_return_after_six_hours_tells_the_level_that_stands_and_records_the_rest() -> None:
    """The newest reading comes first, the backlog behind it; in between the water was red and fell."""
    rules = ladder("{yellow: {above: 20, clear: 16}, red: {above: 50, clear: 40}}", clear_for="9m")
    engine = Engine(rules)
    play(engine, every(5, [1, 1]))
    newest = play(engine, [reading(360, 17)])
    assert newest == []
    backlog = [reading(10 + 5 * step, value) for step, value in enumerate([30] * 20 + [60] * 20 + [25] * 30)]
    found: list[Transition] = []
    for begun in range(0, len(backlog), 10):
        found += [each.transition for each in engine.take(batch(backlog[begun : begun + 10]), minute(361))]
    assert tell(found) == [Seen(220, "red", "yellow")]
    assert seen(found) == [
        Seen(10, "normal", "yellow"),
        Seen(110, "yellow", "red"),
        Seen(220, "red", "yellow"),
    ]
    assert [each.superseded for each in found] == [True, True, False]
    assert {each.cause for each in found} == {Cause.LATE}


def test_a_backlog_that_ends_where_it_began_is_told_to_nobody() -> None:
    engine = Engine(ladder("{red: {above: 50}}", clear_for="9m"))
    play(engine, every(5, [1, 1]))
    play(engine, [reading(60, 1)])
    backlog = [reading(10 + 5 * step, value) for step, value in enumerate([60, 60, 1, 1, 1, 1, 1, 1, 1, 1])]
    found = [each.transition for each in engine.take(batch(backlog), minute(61))]
    assert seen(found) == [Seen(10, "normal", "red"), Seen(30, "red", "normal")]
    assert all(each.superseded for each in found)


def test_while_a_backlog_drains_a_fresh_reading_pages_at_once() -> None:
    engine = Engine(ladder("{yellow: {above: 20}, red: {above: 50}}"))
    play(engine, every(5, [1, 1]))
    play(engine, [reading(360, 1)])
    assert engine.take(batch([reading(10, 30)]), minute(361)) == []
    found = [each.transition for each in engine.take(batch([reading(365, 60)]), minute(365))]
    assert tell(found) == [Seen(365, "yellow", "red")]
    assert seen(found)[0] == Seen(10, "normal", "yellow")


def test_without_any_reading_in_time_the_standing_level_pages_once_no_more_come() -> None:
    engine = Engine(ladder("{red: {above: 50}}"))
    assert engine.take(batch([reading(0, 60)]), minute(120)) == []
    assert engine.tick(minute(120) + QUIET_MS - 1) == []
    found = engine.tick(minute(120) + QUIET_MS)
    assert seen(found) == [Seen(0, "normal", "red")]
    assert not found[0].transition.superseded


def test_a_repeated_batch_changes_nothing() -> None:
    engine = Engine(ladder("{red: {above: 50}}"))
    once = batch([reading(0, 60)])
    assert len(engine.take(once, minute(0))) == 1
    assert engine.take(once, minute(1)) == []
    assert engine.take(once, minute(300)) == []
    assert engine.tick(minute(400)) == []


def test_a_level_reached_by_late_readings_that_no_longer_holds_is_not_paged() -> None:
    engine = Engine(ladder("{red: {above: 50}}", clear_for="5m"))
    play(engine, every(5, [1]))
    found = list(engine.take(batch([reading(5, 60)]), minute(20)))
    found += engine.take(batch([reading(10, 1), reading(15, 1)]), minute(20))
    assert [each.transition.to for each in found] == [Level.RED, Level.NORMAL]
    assert all(each.transition.superseded for each in found)


def test_late_suppressed_polls_wait_for_the_end_of_the_backlog_too() -> None:
    engine = Engine(ladder(YELLOW))
    engine.take(batch([reading(0, 20)]), minute(0))
    assert engine.take(batch([], good_until_min={"rtu": 10}), minute(60)) == []
    found = engine.take(batch([reading(15, 1), reading(60, 1)]), minute(60))
    assert seen(found) == []
    assert seen(engine.tick(minute(61))) == [Seen(10, "normal", "yellow")]


def test_a_late_doubt_that_leaves_nothing_to_judge_takes_back_what_was_said() -> None:
    """A suppressed poll was judged; then a spike turns out to stand before it: the poll said nothing."""
    rules = rulebook(
        """
version: 1
rules:
  - id: gas
    name: {zh: 燃气, en: Gas}
    hazard: gas
    select: {device: rtu, point: ch4}
    minus: {device: far}
    levels: {red: {below: -2}}
""",
        district(
            [device("rtu", "pipe", "ch4"), device("far", "field", "ch4")],
            [site("pipe", "pipeline"), site("field", "air")],
        ),
    )
    engine = Engine(rules)
    engine.take(batch([reading(0, 0.0), reading(7, 2.75, device="far")]), minute(7))
    said = engine.take(batch([], good_until_min={"rtu": 7}), minute(7))
    said += engine.take(batch([reading(6, 0.0, Quality.SPIKE)]), minute(7))
    assert seen(said) == [Seen(7, "normal", "red"), Seen(7, "red", "normal")]
