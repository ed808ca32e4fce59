"""When an instrument is asked, and when a dead one is."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.grid import Due, Grid
from edge.health import Health
from edge.overload import Overload
from edge.patience import Patience

MINUTE_MS = 60_000


def grid_of(*intervals: timedelta, start_ms: int) -> Grid:
    return Grid([[interval] for interval in intervals], start_ms)


def test_the_first_device_is_polled_on_the_full_interval() -> None:
    assert grid_of(timedelta(minutes=5), start_ms=7 * MINUTE_MS).next().at_ms == 10 * MINUTE_MS


def test_a_grid_instant_at_the_start_is_polled() -> None:
    assert grid_of(timedelta(minutes=5), start_ms=10 * MINUTE_MS).next().at_ms == 10 * MINUTE_MS


@given(
    st.lists(st.integers(1, 3600), min_size=1, max_size=10),
    st.integers(0, 10**13),
    st.integers(1, 30),
)
def test_every_device_is_due_once_an_interval_on_its_own_phase(
    seconds: list[int], start_ms: int, polls: int
) -> None:
    grid = grid_of(*(timedelta(seconds=each) for each in seconds), start_ms=start_ms)
    seen: dict[int, list[int]] = {}
    for _ in range(polls * len(seconds)):
        due = grid.next()
        seen.setdefault(due.place, []).append(due.at_ms)
        turn = grid.take(due.place, due.at_ms)
        assert turn == (frozenset({timedelta(seconds=seconds[due.place])}), 0)
    for place, instants in seen.items():
        step = seconds[place] * 1000
        assert start_ms <= instants[0] < start_ms + step
        assert instants[0] % step < max(1, step // 10)
        assert instants == [instants[0] + i * step for i in range(len(instants))]


def test_polls_that_could_not_begin_in_time_are_missed_and_counted() -> None:
    grid = grid_of(timedelta(minutes=1), start_ms=0)

    assert grid.take(0, 3 * MINUTE_MS + 1).missed == 3
    assert grid.next() == Due(4 * MINUTE_MS, 0)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4, unique=True), st.lists(st.integers(0, 30_000)))
def test_no_interval_is_forgotten_however_late_its_polls_begin(
    seconds: list[int], delays_ms: list[int]
) -> None:
    grid = Grid([[timedelta(seconds=each) for each in seconds]], 1)
    served: dict[timedelta, int] = {}
    last_ms = 0
    for delay_ms in delays_ms:
        now_ms = max(last_ms, grid.next().at_ms) + delay_ms
        turn = grid.take(0, now_ms)
        for step in (timedelta(seconds=each) for each in seconds):
            ms = step // timedelta(milliseconds=1)
            assert (step in turn.steps) == (now_ms // ms > last_ms // ms)
            served[step] = served.get(step, 0) + 1
        last_ms = now_ms


def test_a_bus_is_overloaded_while_polls_are_missed_and_for_a_minute_more() -> None:
    overload = Overload()

    assert not overload.note(2, 0.0)
    assert not overload.note(2, 10.0)
    assert overload.note(1, 20.0)
    assert overload.is_on
    assert not overload.note(0, 79.0)
    assert overload.note(0, 80.0)
    assert not overload.is_on


def test_a_poll_missed_now_and_then_is_no_overload() -> None:
    overload = Overload()

    assert not any(overload.note(1, 100.0 * times) for times in range(20))


@given(st.lists(st.floats(0.001, 0.2), min_size=20, max_size=200))
def test_a_wait_covers_every_round_trip_seen_lately_or_is_the_longest(round_trips: list[float]) -> None:
    patience = Patience(longest_s=1.0)
    for round_trip in round_trips:
        patience.heard(round_trip)
    steady = round_trips[-1]
    for _ in range(100):
        patience.heard(steady)

    assert patience.expected_s is not None
    assert steady < patience.expected_s < steady + 0.1
    assert patience.expected_s < patience.timeout_s() <= 1.0


def test_a_device_that_falls_silent_is_asked_patiently_once_and_cheaply_then() -> None:
    patience = Patience(longest_s=1.0)
    for _ in range(20):
        patience.heard(0.02)

    waits = []
    for _ in range(8):
        waits.append(patience.timeout_s())
        patience.silent()

    assert [wait == 1.0 for wait in waits] == [False, True, False, False, False, False, False, False]
    assert waits[0] < 0.5
    assert max(waits[2:]) < 0.1


def test_a_device_never_heard_costs_what_its_neighbours_need() -> None:
    patience = Patience(longest_s=1.0)

    waits = []
    for _ in range(5):
        waits.append(patience.timeout_s(0.06))
        patience.silent()

    assert waits == [1.0, 1.0, 0.06, 0.06, 0.06]


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
