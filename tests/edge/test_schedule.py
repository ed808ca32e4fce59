"""When an instrument is asked, and when a dead one is."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.grid import Due, Grid
from edge.health import Health

MINUTE_MS = 60_000


def test_the_first_device_is_polled_on_the_full_interval() -> None:
    grid = Grid([timedelta(minutes=5)], 7 * MINUTE_MS)

    assert grid.next().at_ms == 10 * MINUTE_MS


def test_a_grid_instant_at_the_start_is_polled() -> None:
    assert Grid([timedelta(minutes=5)], 10 * MINUTE_MS).next().at_ms == 10 * MINUTE_MS


@given(
    st.lists(st.integers(1, 3600), min_size=1, max_size=10),
    st.integers(0, 10**13),
    st.integers(1, 30),
)
def test_every_device_is_due_once_an_interval_on_its_own_phase(
    seconds: list[int], start_ms: int, polls: int
) -> None:
    grid = Grid([timedelta(seconds=each) for each in seconds], start_ms)
    seen: dict[int, list[int]] = {}
    for _ in range(polls * len(seconds)):
        due = grid.next()
        seen.setdefault(due.place, []).append(due.at_ms)
        assert grid.advance(due.at_ms) == 0
    for place, instants in seen.items():
        step = seconds[place] * 1000
        assert start_ms <= instants[0] < start_ms + step
        assert instants[0] % step < max(1, step // 10)
        assert instants == [instants[0] + i * step for i in range(len(instants))]


def test_polls_that_could_not_begin_in_time_are_missed_and_counted() -> None:
    grid = Grid([timedelta(minutes=1)], 0)

    assert grid.advance(3 * MINUTE_MS + 1) == 3
    assert grid.next() == Due(4 * MINUTE_MS, 0)


def test_one_failure_is_an_accident_and_two_are_silence() -> None:
    health = Health(attempt_s=0.5)

    assert not health.failed(0.0)
    assert health.may_try(0.0)
    assert health.failed(1.0)
    assert not health.failed(3.0)
    assert health.answered()
    assert not health.answered()


@given(st.floats(0.05, 5))
def test_a_dead_device_costs_its_bus_little_time(attempt_s: float) -> None:
    health = Health(attempt_s=attempt_s)
    now_s, spent_s = 0.0, 0.0
    horizon_s = 400 * max(1.0, attempt_s)
    while now_s < horizon_s:
        if health.may_try(now_s):
            spent_s += attempt_s
            now_s += attempt_s
            health.failed(now_s)
        else:
            now_s += 0.05

    assert spent_s / horizon_s < 0.12


def test_a_device_that_answers_again_is_polled_as_before() -> None:
    health = Health(attempt_s=0.5)
    for attempt in range(10):
        health.failed(float(attempt))
    health.answered()

    assert health.may_try(0.0)
    assert not health.is_silent
