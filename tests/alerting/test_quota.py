"""The quota: never more than ten below red in ten minutes, red at once, nothing waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from alerting.delivery import Delivery
from alerting.quota import GATHER_MS, MOST, ROLL_UP, WINDOW_MS, Quota
from rules.transition import Level


def made(number: int, level: Level = Level.ORANGE, lane: str = "flood--x") -> Delivery:
    return Delivery(
        id=number, identifier=f"w-{number}", lane=lane, level=level, person="anna", via=("console",)
    )


arrivals = st.lists(
    st.tuples(
        st.integers(0, 120_000),  # how long after the one before
        st.sampled_from([Level.BLUE, Level.ORANGE, Level.RED]),
        st.integers(0, 30_000),  # how long the channel takes
    ),
    max_size=120,
)


@given(arrivals)
def test_a_person_gets_at_most_ten_in_ten_minutes_and_red_at_once(
    came: list[tuple[int, Level, int]],
) -> None:
    quota, now, handed, held, rolled = Quota(), 0, [], 0, 0
    for number, (gap, level, takes) in enumerate(came):
        now += gap
        if quota.due(now):
            quota.rolled("anna")
            roll_up = made(10_000 + number, lane=f"{ROLL_UP}anna")
            assert quota.admits(roll_up, now)
            quota.ended(roll_up, handed_ms=now)
            handed.append(now)
            rolled, held = rolled + held, 0
        one = made(number, level)
        if quota.admits(one, now):
            now += takes
            quota.ended(one, handed_ms=now)
            if level is not Level.RED:
                handed.append(now)
        else:
            assert level is not Level.RED
            quota.hold("anna", now)
            held += 1
        if held:
            due = quota.next_ms()
            assert due is not None
            assert due <= now + GATHER_MS + WINDOW_MS + 1

    for at in handed:
        assert sum(at <= other < at + WINDOW_MS for other in handed) <= MOST


def test_what_was_handed_before_a_restart_still_counts() -> None:
    quota = Quota([("anna", n) for n in range(9)], {"bert": 5})

    assert not quota.admits(made(1), 100)
    assert quota.admits(made(2, lane=f"{ROLL_UP}anna"), 100)
    assert quota.admits(made(3, Level.RED), 100)
    assert quota.due(5 + GATHER_MS) == ["bert"]


def test_one_that_is_tried_again_counts_once_and_one_that_never_went_not_at_all() -> None:
    quota = Quota()
    for _ in range(30):
        assert quota.admits(made(1), 0)
    quota.ended(made(1), handed_ms=None)

    for number in range(2, 11):
        assert quota.admits(made(number), 0)
    assert not quota.admits(made(11), 0)
