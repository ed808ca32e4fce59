"""The design's words on ladders, one test a sentence. Readings come every five minutes."""

import pytest

from rules.plain import Engine
from rules.transition import Cause, Level
from tests.rules.support import (
    MINUTE_MS,
    PIPE,
    Seen,
    batch,
    device,
    district,
    every,
    ladder,
    levels,
    minute,
    play,
    reading,
    rulebook,
    seen,
    site,
)
from transport.measurement import Quality

FLOOD_SEASON = rulebook(
    """
version: 1
seasons: {flood: 04-15..10-15}
rules:
  - id: level
    name: {zh: 水位, en: Level}
    hazard: flood
    select: {point: ch4}
    clear_for: 10m
    levels: {blue: {above: 80, clear: 79.8}}
    during: {flood: {blue: {above: 78.5}}}
""",
    PIPE,
)


def test_above_holds_when_the_value_reaches_the_limit() -> None:
    engine = Engine(ladder("{yellow: {above: 20}}"))
    assert seen(play(engine, every(5, [19.9, 20.0]))) == [Seen(5, "normal", "yellow")]


def test_below_holds_when_the_value_reaches_the_limit() -> None:
    engine = Engine(ladder("{yellow: {below: 0.2}}"))
    assert seen(play(engine, every(5, [0.21, 0.2]))) == [Seen(5, "normal", "yellow")]


def test_a_falling_ladder_clears_upwards() -> None:
    engine = Engine(ladder("{yellow: {below: 0.2, clear: 0.22}}", clear_for="5m"))
    found = play(engine, every(5, [0.2, 0.22, 0.23, 0.23]))
    assert seen(found) == [Seen(0, "normal", "yellow"), Seen(15, "yellow", "normal")]


def test_clear_defaults_to_the_limit() -> None:
    engine = Engine(ladder("{yellow: {above: 20}}", clear_for="0s"))
    found = play(engine, every(5, [20, 20, 19.9]))
    assert seen(found) == [Seen(0, "normal", "yellow"), Seen(10, "yellow", "normal")]


def test_the_level_is_reached_at_a_sample_once_the_timer_has_run() -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 8m}}"))
    found = play(engine, every(5, [20, 20, 20]))
    assert seen(found) == [Seen(10, "normal", "yellow")]
    assert found[0].onset_ms == minute(0)


def test_a_delay_that_has_run_exactly_has_run() -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 5m}}"))
    assert seen(play(engine, every(5, [20, 20]))) == [Seen(5, "normal", "yellow")]


def test_between_clear_and_limit_the_timer_runs_on_but_the_level_is_reached_only_where_it_holds() -> None:
    engine = Engine(ladder("{yellow: {above: 20, clear: 16, for: 9m}}"))
    assert seen(play(engine, every(5, [20, 17, 17, 20]))) == [Seen(15, "normal", "yellow")]


def test_a_gas_sensor_that_flickers_around_the_limit_is_an_alarm() -> None:
    engine = Engine(ladder("{red: {above: 25, clear: 20, for: 2 samples}}"))
    assert seen(play(engine, every(5, [24.5, 25.5, 24.5, 25.5]))) == [Seen(15, "normal", "red")]


def test_a_good_sample_past_clear_resets_the_timer() -> None:
    engine = Engine(ladder("{yellow: {above: 20, clear: 16, for: 9m}}"))
    assert seen(play(engine, every(5, [20, 15, 20, 20, 20]))) == [Seen(20, "normal", "yellow")]


def test_two_samples_are_the_first_that_holds_and_one_more() -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 2 samples}}"))
    assert seen(play(engine, every(5, [20, 19, 20, 20]))) == [Seen(15, "normal", "yellow")]


def test_a_jump_over_several_levels_is_one_transition() -> None:
    engine = Engine(ladder("{blue: {above: 10}, yellow: {above: 20}, red: {above: 50}}"))
    found = play(engine, every(5, [1, 60]))
    assert seen(found) == [Seen(5, "normal", "red")]
    assert (found[0].value, found[0].limit, found[0].unit) == (60, 50, "m")


def test_a_higher_level_with_a_longer_delay_follows_when_its_own_timer_has_run() -> None:
    engine = Engine(ladder("{blue: {above: 10}, red: {above: 50, for: 8m}}"))
    found = play(engine, every(5, [60, 60, 60]))
    assert seen(found) == [Seen(0, "normal", "blue"), Seen(10, "blue", "red")]


def test_it_falls_when_all_samples_for_clear_for_have_been_past_clear() -> None:
    engine = Engine(ladder("{yellow: {above: 20, clear: 16}}", clear_for="10m"))
    found = play(engine, every(5, [20, 15, 17, 15, 15, 15]))
    assert seen(found) == [Seen(0, "normal", "yellow"), Seen(25, "yellow", "normal")]
    assert found[1].limit == 20


def test_at_clear_itself_it_is_not_past() -> None:
    engine = Engine(ladder("{yellow: {above: 20, clear: 16}}", clear_for="0s"))
    assert levels(play(engine, every(5, [20, 16, 16]))) == [Level.YELLOW]


def test_it_falls_to_the_highest_lower_level_whose_clear_has_not_been_passed() -> None:
    rules = ladder(
        "{blue: {above: 10, clear: 8}, yellow: {above: 20, clear: 16}, red: {above: 50, clear: 40}}",
        clear_for="5m",
    )
    found = play(Engine(rules), every(5, [60, 9, 9, 9, 7, 7]))
    assert seen(found) == [
        Seen(0, "normal", "red"),
        Seen(10, "red", "blue"),
        Seen(25, "blue", "normal"),
    ]


def test_a_gap_resets_pending_timers() -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 9m}}"))
    at = [reading(each, 20) for each in (0, 5, 21, 26, 31)]
    assert seen(play(engine, at)) == [Seen(31, "normal", "yellow")]


def test_three_intervals_are_no_gap_yet() -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 9m}}"))
    at = [reading(each, 20) for each in (0, 15)]
    assert seen(play(engine, at)) == [Seen(15, "normal", "yellow")]


def test_a_gap_keeps_the_level_and_begins_the_clearing_anew() -> None:
    engine = Engine(ladder("{yellow: {above: 20}}", clear_for="10m"))
    at = [reading(0, 20), *(reading(each, 1) for each in (5, 60, 65, 70))]
    assert seen(play(engine, at)) == [Seen(0, "normal", "yellow"), Seen(70, "yellow", "normal")]


def test_a_flapping_link_never_lets_a_delay_run() -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 10m}}"))
    at = [reading(20 * index, 25) for index in range(10)]
    assert play(engine, at) == []


def test_bad_samples_are_no_samples() -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 2 samples}}"))
    at = [reading(0, 20), reading(5, 99, Quality.FLAG), reading(10, None, Quality.TIMEOUT), reading(15, 20)]
    assert seen(play(engine, at)) == [Seen(15, "normal", "yellow")]


def test_bad_samples_for_long_are_a_gap() -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 9m}}"))
    bad = [reading(each, None, Quality.TIMEOUT) for each in (5, 10, 15, 20)]
    assert play(engine, [reading(0, 20), *bad, reading(25, 20)]) == []


def test_an_uncertain_sample_raises_and_says_that_it_is_to_be_verified() -> None:
    engine = Engine(ladder("{red: {above: 50}}"))
    found = play(engine, [reading(0, 60, Quality.OVER_RANGE)])
    assert seen(found) == [Seen(0, "normal", "red")]
    assert found[0].uncertain


def test_a_delay_begun_by_an_uncertain_sample_rests_on_it() -> None:
    engine = Engine(ladder("{red: {above: 50, for: 5m}}"))
    found = play(engine, [reading(0, 60, Quality.SPIKE), reading(5, 60)])
    assert found[0].uncertain


def test_uncertain_samples_never_clear() -> None:
    engine = Engine(ladder("{yellow: {above: 20}}", clear_for="5m"))
    stuck = [reading(each, 1, Quality.STUCK) for each in (5, 10, 15, 20)]
    assert levels(play(engine, [reading(0, 20), *stuck])) == [Level.YELLOW]


def test_an_uncertain_sample_past_clear_resets_no_timer() -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 9m}}"))
    at = [reading(0, 20), reading(5, 1, Quality.SPIKE), reading(10, 20)]
    assert seen(play(engine, at)) == [Seen(10, "normal", "yellow")]


def test_an_uncertain_sample_that_is_not_past_clear_breaks_the_clearing() -> None:
    engine = Engine(ladder("{yellow: {above: 20}}", clear_for="10m"))
    at = [reading(0, 20), reading(5, 1), reading(10, 30, Quality.SPIKE), reading(15, 1), reading(20, 1)]
    assert levels(play(engine, at)) == [Level.YELLOW]


def test_the_value_compared_is_datum_zero_plus_reading() -> None:
    place = district([device("gauge", "res", "level", zero=71.0)], [site("res", "reservoir")])
    rules = rulebook(
        """
version: 1
rules:
  - id: level
    name: {zh: 水位, en: Level}
    hazard: flood
    select: {point: level}
    override: {res: {levels: {yellow: {above: 80}}}}
""",
        place,
    )
    found = play(Engine(rules), [reading(0, 8.9, device="gauge", point="level")])
    assert found == []
    found = play(Engine(rules), [reading(0, 9.0, device="gauge", point="level")])
    assert (found[0].value, found[0].limit, found[0].subject) == (80.0, 80.0, "gauge:level")


def test_a_suppressed_poll_is_a_good_sample_of_the_last_value() -> None:
    """A steady level behind a deadband: nothing is sent, yet the delay runs."""
    engine = Engine(ladder("{yellow: {above: 20, for: 12m}}"))
    found = list(engine.take(batch([reading(0, 20)]), minute(0)))
    for at_min in (5, 10, 15):
        found += engine.take(batch([], good_until_min={"rtu": at_min}), minute(at_min))
    assert seen(found) == [Seen(15, "normal", "yellow")]


def test_suppressed_polls_clear_an_alarm_too() -> None:
    engine = Engine(ladder("{yellow: {above: 20}}", clear_for="10m"))
    found = list(engine.take(batch([reading(0, 20)]), minute(0)))
    found += engine.take(batch([reading(5, 1)]), minute(5))
    for at_min in (10, 15):
        found += engine.take(batch([], good_until_min={"rtu": at_min}), minute(at_min))
    assert seen(found) == [Seen(0, "normal", "yellow"), Seen(15, "yellow", "normal")]


@pytest.mark.parametrize("quality", [Quality.TIMEOUT, Quality.SPIKE])
def test_a_suppressed_poll_after_a_sample_that_was_not_good_is_none(quality: Quality) -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 9m}}"))
    engine.take(batch([reading(0, 20), reading(2, None if quality.is_bad else 20, quality)]), minute(2))
    assert engine.take(batch([], good_until_min={"rtu": 10}), minute(10)) == []


def test_the_suppressed_sample_sent_before_an_exception_takes_the_place_of_what_was_carried() -> None:
    engine = Engine(ladder("{yellow: {above: 20, clear: 19.5, for: 2 samples}}"))
    engine.take(batch([reading(0, 19.9)]), minute(0))
    engine.take(batch([], good_until_min={"rtu": 5}), minute(5))
    found = engine.take(batch([reading(5, 20.0), reading(10, 21.0)]), minute(10))
    assert seen(found) == [Seen(10, "normal", "yellow")]
    assert found[0].transition.onset_ms == minute(5)


def test_a_season_ends_at_midnight_of_the_district() -> None:
    """The flood limit ends on 15 October; the water has not moved: cause limits, and no all-clear."""
    engine = Engine(FLOOD_SEASON)
    midnight_min = 134 * 24 * 60 + 4 * 60  # 2018-10-16 00:00 +08:00, from 2018-06-03 12:00 UTC
    at = [reading(midnight_min + each, 79.0) for each in (-10, -5, 0, 5, 10)]
    found = play(engine, at)
    assert seen(found) == [
        Seen(midnight_min - 10, "normal", "blue"),
        Seen(midnight_min + 10, "blue", "normal"),
    ]
    assert [each.cause for each in found] == [Cause.SAMPLE, Cause.LIMITS]


def test_a_season_that_begins_raises_by_limits() -> None:
    engine = Engine(FLOOD_SEASON)
    begin_min = -50 * 24 * 60 + 4 * 60  # 2018-04-15 00:00 +08:00
    found = play(engine, [reading(begin_min + each, 79.0) for each in (-10, -5, 0)])
    assert seen(found) == [Seen(begin_min, "normal", "blue")]
    assert found[0].cause is Cause.LIMITS


def test_a_value_that_rises_after_the_season_began_is_no_matter_of_limits() -> None:
    engine = Engine(FLOOD_SEASON)
    begin_min = -50 * 24 * 60 + 4 * 60
    found = play(
        engine, [reading(begin_min - 5, 78.0), reading(begin_min, 78.0), reading(begin_min + 5, 79.0)]
    )
    assert [each.cause for each in found] == [Cause.SAMPLE]


def test_a_change_over_a_window_is_now_minus_the_interpolated_value_then() -> None:
    engine = Engine(ladder("{yellow: {above: 5}}", more="rate: {over: 12m}"))
    # at 15 minutes: 12 - value(3 min) = 12 - 6 = 6, with value(3 min) between 0 and 10
    found = play(engine, every(5, [0, 10, 10, 12]))
    assert seen(found) == [Seen(15, "normal", "yellow")]
    assert found[0].value == pytest.approx(6.0)
    assert found[0].unit == "m/12m"


def test_without_a_sample_before_the_window_there_is_no_result() -> None:
    engine = Engine(ladder("{yellow: {above: 5}}", more="rate: {over: 1h}"))
    assert play(engine, every(5, [0, 100, 200])) == []


def test_a_change_needs_no_datum() -> None:
    place = district([device("rtu", "pipe", "ch4", zero=1000.0)], [site("pipe", "pipeline")])
    rules = rulebook(
        """
version: 1
rules:
  - {id: rise, name: {zh: 涨, en: Rise}, hazard: flood, select: {point: ch4}, rate: {over: 5m},
     levels: {yellow: {above: 1}}}
""",
        place,
    )
    assert [each.value for each in play(Engine(rules), every(5, [1, 3]))] == [2]


def test_a_change_that_rests_on_an_uncertain_sample_is_uncertain() -> None:
    engine = Engine(ladder("{yellow: {above: 5}}", more="rate: {over: 5m}"))
    found = play(engine, [reading(0, 1, Quality.SPIKE), reading(5, 9)])
    assert found[0].uncertain


def test_a_transition_is_dated_by_the_sample_that_completed_it() -> None:
    engine = Engine(ladder("{yellow: {above: 20, for: 4m}}"))
    found = play(engine, every(5, [20, 20]), lag_min=2)
    assert found[0].at_ms == found[0].sampled_ms == minute(5)
    assert found[0].at_ms - (found[0].onset_ms or 0) == 5 * MINUTE_MS
