"""A forecast warns before the level is reached, and noise around a level does not."""

from itertools import count

from rules.plain import Engine
from tests.rules.support import PIPE, Seen, play, reading, rulebook, seen

BOOK = rulebook(
    """
version: 1
rules:
  - id: soon
    name: {zh: 将超限, en: Soon too high}
    hazard: flood
    select: {point: ch4}
    forecast: {over: 30m, ahead: 1h}
    clear_for: 0s
    levels: {yellow: {above: 5}}
""",
    PIPE,
)


def test_a_steady_rise_is_told_an_hour_before() -> None:
    found = play(Engine(BOOK), (reading(5 * number, 0.25 * number) for number in range(20)))
    assert seen(found) == [Seen(40, "normal", "yellow")]  # 2.0 now, 3 an hour
    assert found[0].value == 5.0
    assert found[0].uncertain


def test_noise_around_a_level_raises_nothing() -> None:
    values = [4.5, 4.9, 4.4, 4.8, 4.5, 4.9, 4.4, 4.9] * 5
    assert (
        play(Engine(BOOK), (reading(5 * n, value) for n, value in zip(count(), values, strict=False))) == []
    )
