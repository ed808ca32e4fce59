"""The lanes: live readings pass, the oldest make way, nothing waits without a bound."""

import asyncio

from collector.lanes import Lanes
from transport.session import Message
from transport.topics import GatewayTopics

TOPICS = GatewayTopics("town", "gw-1")


def live(number: int) -> Message:
    return Message(TOPICS.live, b"%09d\n" % number)


def again(number: int) -> Message:
    return Message(TOPICS.replay("store"), b"%09d\n" % number)


async def test_live_readings_pass_those_that_come_again() -> None:
    lanes = Lanes()
    lanes.put([again(1), live(2), again(3), live(4)])

    assert await lanes.take(3) == [live(2), live(4), again(3)]
    assert await lanes.take(3) == [again(1)]


async def test_what_waited_goes_newest_first() -> None:
    lanes = Lanes()
    lanes.put([live(number) for number in range(1, 6)])

    assert await lanes.take(2) == [live(4), live(5)]
    assert await lanes.take(2) == [live(2), live(3)]


async def test_a_full_lane_forgets_its_oldest_and_leaves_the_other_alone() -> None:
    lanes = Lanes(most_bytes=30)
    lanes.put([again(0), *(live(number) for number in range(1, 6))])

    assert lanes.dropped == 2
    assert await lanes.take(10) == [live(3), live(4), live(5), again(0)]


async def test_a_message_larger_than_its_lane_still_passes() -> None:
    lanes = Lanes(most_bytes=5)
    lanes.put([live(1)])

    assert await lanes.take(10) == [live(1)]


async def test_who_takes_waits_for_a_message() -> None:
    lanes = Lanes()
    lanes.put([live(1)])
    await lanes.take(1)
    taking = asyncio.create_task(lanes.take(1))
    await asyncio.sleep(0)
    assert not taking.done()

    lanes.put([live(2)])
    assert await taking == [live(2)]
