"""Report by exception."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from edge.report import Reporter, Told
from tests.edge.points import point
from transport.measurement import Quality

GOOD = Quality.GOOD


def offer_all(reporter: Reporter, *samples: Told) -> list[Told]:
    return [sent for sample in samples for sent in reporter.offer(sample)]


def banded(deadband: float = 0.1, heartbeat_s: float = 600) -> Reporter:
    return Reporter(point(deadband=deadband, heartbeat=timedelta(seconds=heartbeat_s)))


def test_without_a_deadband_every_sample_is_sent() -> None:
    samples = [Told(1.0, GOOD, at) for at in range(3)]

    assert offer_all(Reporter(point()), *samples) == samples


def test_a_change_within_the_deadband_is_kept_back() -> None:
    assert offer_all(banded(), Told(1.0, GOOD, 0), Told(1.05, GOOD, 1)) == [Told(1.0, GOOD, 0)]


def test_an_exception_is_sent_with_the_suppressed_sample_before_it() -> None:
    first, held, jump = Told(1.0, GOOD, 0), Told(1.05, GOOD, 60), Told(2.0, GOOD, 120)

    assert offer_all(banded(), first, held, jump) == [first, held, jump]


def test_a_heartbeat_is_sent_though_nothing_changed() -> None:
    sent = offer_all(banded(heartbeat_s=1), *(Told(1.0, GOOD, at) for at in range(0, 3000, 500)))

    assert [sample.at_ms for sample in sent] == [0, 500, 1000, 1500, 2000]


def test_a_change_of_quality_is_an_exception() -> None:
    first, doubt = Told(1.0, GOOD, 0), Told(1.0, Quality.OVER_RANGE, 1)

    assert offer_all(banded(), first, doubt) == [first, doubt]


def test_uncertain_samples_are_never_kept_back() -> None:
    doubts = [Told(1.0, Quality.SPIKE, at) for at in range(3)]

    assert offer_all(banded(), *doubts) == doubts


def test_a_fault_that_lasts_is_told_once_a_heartbeat() -> None:
    silence = [Told(None, Quality.TIMEOUT, at * 100_000) for at in range(13)]

    sent = offer_all(Reporter(point()), Told(1.0, GOOD, -1), *silence)

    assert [sample.at_ms for sample in sent] == [-1, 0, 600_000, 1_200_000]


def test_another_fault_is_told_at_once() -> None:
    faults = [Told(None, Quality.TIMEOUT, 0), Told(None, Quality.EXCEPTION, 1)]

    assert offer_all(Reporter(point()), *faults) == faults


def test_a_late_sample_is_sent_as_it_is() -> None:
    reporter = banded()
    offer_all(reporter, Told(1.0, GOOD, 1000))

    assert reporter.offer(Told(1.01, GOOD, 500)) == [Told(1.01, GOOD, 500)]


def test_nothing_is_kept_back_while_something_is_wrong_with_the_device() -> None:
    reporter = banded()
    offer_all(reporter, Told(1.0, GOOD, 0))

    assert reporter.offer(Told(1.0, GOOD, 1), may_suppress=False) == [Told(1.0, GOOD, 1)]


@given(
    st.lists(st.tuples(st.integers(1, 100_000), st.floats(-100, 100)), min_size=1, max_size=50),
    st.floats(0.001, 50),
)
def test_the_series_can_be_rebuilt_to_within_the_deadband(
    steps: list[tuple[int, float]], deadband: float
) -> None:
    reporter = banded(deadband)
    at_ms, truth, sent = 0, [], []
    for wait_ms, value in steps:
        at_ms += wait_ms
        truth.append(Told(value, GOOD, at_ms))
        sent += reporter.offer(truth[-1])

    assert [sample.at_ms for sample in sent] == sorted({sample.at_ms for sample in sent})
    assert set(sent) <= set(truth)
    for sample in truth:
        held = [told for told in sent if told.at_ms <= sample.at_ms][-1]
        assert held.value is not None
        assert sample.value is not None
        assert abs(held.value - sample.value) <= deadband


def test_changes_come_no_more_often_than_agreed_and_none_is_vouched_for() -> None:
    hurried = point(
        "level", deadband=0.1, heartbeat=timedelta(minutes=10), min_interval=timedelta(seconds=30)
    )
    reporter = Reporter(hurried)
    sent, within = [], []
    for second in range(0, 100, 10):
        told = reporter.offer(Told(second / 10, GOOD, second * 1000))
        sent.append([sample.at_ms // 1000 for sample in told])
        within.append(reporter.is_within)

    assert sent == [[0], [], [], [20, 30], [], [], [50, 60], [], [], [80, 90]]
    assert not any(within[1:3])


def test_a_fault_does_not_wait_for_its_turn() -> None:
    hurried = point("level", heartbeat=timedelta(minutes=10), min_interval=timedelta(seconds=30))
    reporter = Reporter(hurried)
    reporter.offer(Told(1.0, GOOD, 0))

    assert reporter.offer(Told(None, Quality.TIMEOUT, 1000))
    assert reporter.offer(Told(1.0, GOOD, 2000))
