"""What may be believed of a reading."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.quality import Judge
from tests.edge.points import point, register
from transport.measurement import Quality

MINUTE_MS = 60_000
GAP = timedelta(minutes=15)


def judge_of(**settings: object) -> Judge:
    return Judge(point(**settings), GAP)  # type: ignore[arg-type]  # settings of a point, one test each


def judge_series(judge: Judge, *series: tuple[float, float]) -> list[Quality]:
    """The qualities of ``(minute, value)`` samples."""
    return [judge.judge(value, Quality.GOOD, round(minute * MINUTE_MS))[1] for minute, value in series]


def test_a_step_within_the_limit_of_the_elapsed_time_is_good() -> None:
    judge = judge_of(max_step=0.1)

    assert judge_series(judge, (1, 1.0), (6, 1.5), (7, 1.6)) == [Quality.GOOD] * 3


def test_a_lone_spike_is_uncertain_and_what_follows_is_good() -> None:
    judge = judge_of(max_step=0.1)

    assert judge_series(judge, (1, 1.0), (2, 9.0), (3, 1.1)) == [Quality.GOOD, Quality.SPIKE, Quality.GOOD]


def test_two_successive_samples_that_agree_are_good() -> None:
    judge = judge_of(max_step=0.1)

    assert judge_series(judge, (1, 1.0), (2, 9.0), (3, 9.05)) == [Quality.GOOD, Quality.SPIKE, Quality.GOOD]


def test_two_spikes_that_disagree_are_both_uncertain() -> None:
    judge = judge_of(max_step=0.1)

    assert judge_series(judge, (1, 1.0), (2, 9.0), (3, 5.0)) == [Quality.GOOD, Quality.SPIKE, Quality.SPIKE]


def test_a_spike_limit_lapses_after_a_gap() -> None:
    judge = judge_of(max_step=0.1)

    assert judge_series(judge, (1, 1.0), (20, 9.0)) == [Quality.GOOD, Quality.GOOD]


def test_rain_and_gas_may_jump() -> None:
    rain = judge_of(unit="mm", counter=True, max_step=0.1)
    gas = judge_of(unit="%LEL", max_step=0.1, valid=(0, 100))

    assert judge_series(rain, (1, 0.0), (2, 50.0)) == [Quality.GOOD, Quality.GOOD]
    assert judge_series(gas, (1, 0.0), (2, 60.0)) == [Quality.GOOD, Quality.GOOD]


def test_one_step_of_a_register_is_never_a_spike() -> None:
    judge = judge_of(max_step=0.1, source=register(scale=0.01))

    assert judge_series(judge, (1, 1.0), (1 + 1 / 60, 1.01), (1 + 2 / 60, 1.0)) == [Quality.GOOD] * 3


def test_gas_over_range_is_the_top_of_the_range_and_uncertain() -> None:
    judge = judge_of(unit="%LEL", valid=(0, 100))

    assert judge.judge(327.0, Quality.GOOD, 1) == (100, Quality.OVER_RANGE)


def test_a_level_over_range_is_believed_if_it_stood_near_the_top() -> None:
    judge = judge_of(valid=(0, 10))

    judge.judge(8.5, Quality.GOOD, 1)

    assert judge.judge(11.0, Quality.GOOD, 2) == (10, Quality.OVER_RANGE)
    assert judge.judge(12.0, Quality.GOOD, 3) == (10, Quality.OVER_RANGE)


def test_a_level_over_range_out_of_the_blue_is_bad_and_kept_as_it_came() -> None:
    judge = judge_of(valid=(0, 10))

    judge.judge(3.0, Quality.GOOD, 1)

    assert judge.judge(655.35, Quality.GOOD, 2) == (655.35, Quality.INVALID)


def test_under_range_is_bad() -> None:
    assert judge_of(valid=(0, 10)).judge(-0.5, Quality.GOOD, 1) == (-0.5, Quality.INVALID)


def test_what_the_driver_calls_bad_stays_bad() -> None:
    judge = judge_of(valid=(0, 10), max_step=1)

    assert judge.judge(None, Quality.TIMEOUT, 1) == (None, Quality.TIMEOUT)
    assert judge.judge(5.0, Quality.FLAG, 2) == (5.0, Quality.FLAG)


def test_a_sample_said_again_gets_the_same_verdict() -> None:
    judge = judge_of(max_step=0.1)
    judge_series(judge, (1, 1.0))

    first = judge.judge(9.0, Quality.GOOD, 2 * MINUTE_MS)

    assert judge.judge(9.0, Quality.GOOD, 2 * MINUTE_MS) == first == (9.0, Quality.SPIKE)


def test_an_old_sample_does_not_disturb_the_newest() -> None:
    judge = judge_of(max_step=0.1)

    qualities = judge_series(judge, (1, 1.0), (10, 1.5), (2, 9.0), (11, 1.5))

    assert qualities == [Quality.GOOD] * 4


@given(st.lists(st.tuples(st.integers(1, 60_000), st.floats(-1e6, 1e6)), min_size=2))
def test_a_value_that_stays_is_believed_at_its_second_sample(steps: list[tuple[int, float]]) -> None:
    judge = judge_of(max_step=0.5)
    at_ms = 0
    for wait_ms, value in steps:
        at_ms += wait_ms
        judge.judge(value, Quality.GOOD, at_ms)
        at_ms += 1000
        assert judge.judge(value, Quality.GOOD, at_ms) == (value, Quality.GOOD)
