import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.clock import SimClock
from firmware_sim.errors import ScenarioError

TEXT = "1763800000.000@2018-06-03T16:05:00.000Z*360"
START_S = 1528041900.0


def test_event_time_runs_at_speed_from_the_anchor() -> None:
    clock = SimClock.parse(TEXT)

    assert clock.event_at(1763800000.0) == START_S
    assert clock.event_at(1763800010.0) == START_S + 3600


def test_event_time_stands_before_the_anchor() -> None:
    assert SimClock.parse(TEXT).event_at(1763700000.0) == START_S


def test_the_text_round_trips() -> None:
    assert str(SimClock.parse(TEXT)) == TEXT


@pytest.mark.parametrize(
    "text", ["", "now", "1@2018-06-03T16:05:00*360", "1@2018-06-03T16:05:00Z*0", "1@2018-13-03T16:05:00Z*1"]
)
def test_a_text_that_is_no_clock_is_refused(text: str) -> None:
    with pytest.raises(ScenarioError, match="write WALL@EVENT"):
        SimClock.parse(text)


@given(offset=st.floats(0, 1e6), speed=st.floats(0.1, 3600))
def test_wall_time_of_an_event_time_leads_back_to_it(offset: float, speed: float) -> None:
    clock = SimClock(anchor_s=1.7e9, start_s=START_S, speed=speed)

    assert clock.event_at(clock.wall_at(START_S + offset)) == pytest.approx(START_S + offset, abs=1e-2)


async def test_waiting_ends_when_event_time_is_there() -> None:
    clock = SimClock(anchor_s=SimClock.real_time().start_s, start_s=START_S, speed=1e5)

    async with asyncio.timeout(10):
        await clock.until_event(START_S + 3600)

    assert clock.event_s() >= START_S + 3600
