"""Seasons by days, hours and dates; rules that hold only then; levels that stay."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from rules.plain import Engine
from rules.seasons import AnySeason, SeasonText, combinations
from rules.transition import Cause
from tests.rules.support import PIPE, Seen, ladder, minute, play, reading, rulebook, seen

TEXT = TypeAdapter[AnySeason](SeasonText)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1))  # noqa: DTZ001  (by the district's clock)
SEASONS = {
    "flood": "04-15..10-15",
    "winter": "12-01..02-28",
    "night": "22:00..06:00",
    "noon": "11:30..13:00",
    "edition": "2026-03-01..2030-12-31",
    "ever": "2027-01-01..",
}


@given(moment=MOMENTS)
def test_every_set_of_seasons_that_holds_was_foreseen(moment: datetime) -> None:
    seasons = {name: TEXT.validate_python(text) for name, text in SEASONS.items()}
    held = frozenset(name for name, season in seasons.items() if season.holds(moment))
    assert held in combinations(seasons, seasons)


@given(moment=MOMENTS)
def test_hours_run_over_midnight(moment: datetime) -> None:
    clock = f"{moment:%H:%M}"
    assert TEXT.validate_python("22:00..06:00").holds(moment) == (clock >= "22:00" or clock < "06:00")
    assert TEXT.validate_python("11:30..13:00").holds(moment) == ("11:30" <= clock < "13:00")


@given(moment=MOMENTS)
def test_dates_have_a_first_and_a_last_day(moment: datetime) -> None:
    day = f"{moment:%Y-%m-%d}"
    edition = TEXT.validate_python("2026-03-01..2030-12-31")
    assert edition.holds(moment) == ("2026-03-01" <= day <= "2030-12-31")
    assert TEXT.validate_python("..2026-02-28").holds(moment) == (day <= "2026-02-28")


@pytest.mark.parametrize("text", SEASONS.values())
def test_a_season_is_written_as_it_was(text: str) -> None:
    assert str(TEXT.validate_python(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "..",
        "22:00..22:00",
        "24:00..06:00",
        "2026-02-30..",
        "2027-01-01..2026-01-01",
        "04-31..05-01",
        "summer",
    ],
)
def test_what_is_no_season_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TEXT.validate_python(text)


NIGHT = rulebook(
    """
version: 1
seasons: {night: 22:00..06:00, until: ..2018-06-03}
rules:
  - id: noise
    name: {zh: 噪声, en: Noise}
    hazard: noise
    select: {point: ch4}
    clear_for: 0s
    levels: {blue: {above: 70}}
    during: {night: {blue: {above: 55}}}
  - id: old
    name: {zh: 旧表, en: Old table}
    hazard: noise
    select: {point: ch4}
    only: [until]
    clear_for: 0s
    levels: {yellow: {above: 50}}
""",
    PIPE,
)


def test_at_night_another_limit_holds_and_says_that_it_was_the_limit() -> None:
    found = [
        each
        for each in play(Engine(NIGHT), (reading(5 * number, 60.0) for number in range(30)))
        if each.rule == "noise"
    ]
    assert seen(found) == [Seen(120, "normal", "blue")]  # the start is 20:00 in Shanghai
    assert found[0].cause is Cause.LIMITS


def test_what_is_no_longer_in_force_ends_at_midnight() -> None:
    found = [
        each
        for each in play(Engine(NIGHT), (reading(5 * number, 60.0) for number in range(60)))
        if each.rule == "old"
    ]
    assert seen(found) == [Seen(0, "normal", "yellow"), Seen(240, "yellow", "normal")]
    assert found[1].cause is Cause.LIMITS


def test_a_latched_level_stays() -> None:
    engine = Engine(ladder("{blue: {above: 10}, red: {above: 50}}", clear_for="0s", more="latch: true"))
    found = play(engine, (reading(5 * number, value) for number, value in enumerate([10, 0, 50, 0, 0])))
    assert seen(found) == [Seen(0, "normal", "blue"), Seen(10, "blue", "red")]


def test_the_third_excess_of_a_day_is_one_too_many() -> None:
    book = rulebook(
        """
version: 1
rules:
  - id: dust
    name: {zh: 扬尘, en: Dust}
    hazard: dust
    select: {point: ch4}
    allowed: 2
    clear_for: 0s
    levels: {blue: {above: 80}}
""",
        PIPE,
    )
    day = timedelta(days=1) // timedelta(minutes=1)
    values = {0: 90.0, 5: 10.0, 10: 85.0, 15: 81.0, day: 99.0, day + 5: 99.0, day + 10: 1.0}
    found = play(Engine(book), (reading(at_min, value) for at_min, value in values.items()))
    assert seen(found) == [Seen(15, "normal", "blue"), Seen(day + 10, "blue", "normal")]
    assert found[0].value == 81.0
    assert found[0].at_ms == minute(15)
