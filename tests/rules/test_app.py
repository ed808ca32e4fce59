import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from time import monotonic

import msgspec
import pytest

from district.findings import Finding, InvalidFileError, Place, Text
from rules.app import RulesConfig, run
from rules.journal import read_transitions
from rules.ladder import Ladder
from rules.rulebook import Rulebook, encode_rulebook
from rules.transition import Announcement, Level, decode_announcement
from tests.rules.support import PIPE, Seen, batch, minute, reading, rulebook, seen
from transport import topics
from transport.acks import Ack, decode_ack, encode_ack
from transport.batch import Batch, encode_batch
from transport.clock import Clock
from transport.measurement import from_ms
from transport.session import Endpoint, Session, open_session

pytestmark = pytest.mark.server

GATEWAY = topics.GatewayTopics("linjiang", "gw")
TRANSITION = topics.transition("linjiang")
ACK = topics.transition_ack("linjiang")
ALARM = topics.alarm("cell", "gas", "rtu:ch4")


def lowered(ladder: Ladder) -> Ladder:
    """Red from 30 on."""
    yellow, red = ladder.rungs
    return msgspec.structs.replace(ladder, rungs=(yellow, msgspec.structs.replace(red, limit=30, clear=25)))


RULES = rulebook(
    """
version: 1
rules:
  - id: gas
    name: {zh: 燃气, en: Gas}
    hazard: gas
    select: {point: ch4}
    clear_for: 10m
    levels: {yellow: {above: 20, clear: 16}, red: {above: 50, clear: 40}}
  - {id: silence, name: {zh: 失联, en: Silence}, hazard: equipment, silence: {after: 3x}}
""",
    PIPE,
)
LOWERED = replace(
    RULES,
    watches=tuple(replace(watch, ladders={"": lowered(watch.ladders[""])}) for watch in RULES.watches),
)
WITHIN_S = 10.0
SPEED = 60.0


class Wall:
    """A wall clock that stands where the test puts it."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Bench:
    """The other ends of the engine: a gateway, alerting and a display."""

    def __init__(self, session: Session, wall: Wall) -> None:
        self.session = session
        self.wall = wall
        self.announcements: list[Announcement] = []
        self.acks: list[Ack] = []
        self.alarms: list[bytes] = []
        self.seq = 0

    async def listen(self) -> None:
        while True:
            for message in await self.session.receive(most=100):
                if message.topic == TRANSITION:
                    self.announcements.append(decode_announcement(message.payload))
                elif message.topic == ALARM:
                    self.alarms.append(message.payload)
                else:
                    self.acks.append(decode_ack(message.payload))

    async def send(self, at_min: float, value: float, *, replay: bool = False) -> None:
        """Send a reading that is fresh, as the gateway would."""
        self.wall.now_s = at_min * 60 / SPEED
        self.seq += 1
        columns = batch([reading(at_min, value)])
        sent = Batch(
            gateway="gw", epoch="e", seq=self.seq, origin_ms=columns.origin_ms, groups=columns.groups
        )
        topic = GATEWAY.replay("rules") if replay else GATEWAY.live
        await self.session.publish(topic, encode_batch(sent))

    async def accept(self) -> None:
        """Acknowledge every transition, as alerting would."""
        for each in self.announcements:
            ack = Ack(consumer="alerting", epoch=each.epoch, ranges=[(each.seq, each.seq)])
            await self.session.publish(ACK, encode_ack(ack))

    async def until(self, holds: Callable[[], bool]) -> None:
        deadline_s = monotonic() + WITHIN_S
        while not holds():
            assert monotonic() < deadline_s, "it did not come about"
            await asyncio.sleep(0.01)

    def acknowledged(self) -> set[int]:
        ranges = [each for ack in self.acks for each in ack.ranges]
        return {number for first, last in ranges for number in range(first, last + 1)}


@asynccontextmanager
async def bench(broker: Endpoint) -> AsyncIterator[Bench]:
    topics_heard = [TRANSITION, GATEWAY.ack, ALARM]
    async with open_session(broker, client_id="bench", subscriptions=topics_heard) as session:
        await session.connected.wait()
        ends = Bench(session, Wall())
        listening = asyncio.create_task(ends.listen())
        yield ends
        listening.cancel()


@asynccontextmanager
async def engine(
    broker: Endpoint,
    folder: Path,
    wall: Wall,
    load: Callable[[], Rulebook] | None = None,
    edited: asyncio.Event | None = None,
    *,
    standing_every_s: float = 60.0,
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """The engine as a process would run it; what is yielded ends it."""
    stop = asyncio.Event()
    config = RulesConfig(
        district=PIPE,
        rulebook=RULES,
        broker=broker,
        state_dir=folder,
        clock=Clock(anchor_wall_s=0.0, starts_at=from_ms(minute(0)), speed=SPEED, wall=wall),
        standing_every_s=standing_every_s,
        drain_s=0.2,
        load=load,
    )
    running = asyncio.create_task(run(config, stop, edited))

    async def end() -> None:
        stop.set()
        await running

    try:
        yield end
    finally:
        await end()


async def _settled(ends: Bench) -> None:
    """Wait until the engine listens: it acknowledges what it has journalled."""
    await ends.until(lambda: ends.seq in ends.acknowledged())


async def _first(ends: Bench, value: float) -> None:
    deadline_s = monotonic() + WITHIN_S
    while ends.seq not in ends.acknowledged() or ends.seq == 0:
        await ends.send(0, value)
        await asyncio.sleep(0.1)
        assert monotonic() < deadline_s, "the engine does not listen"


async def test_a_reading_becomes_an_announced_transition_and_a_shown_alarm(
    broker: Endpoint, tmp_path: Path
) -> None:
    async with bench(broker) as ends, engine(broker, tmp_path, ends.wall):
        await _first(ends, 1)
        await ends.send(5, 25)
        await ends.until(lambda: len(ends.announcements) == 1 and len(ends.alarms) == 1)
        await ends.accept()
        await ends.send(10, 55)
        await ends.until(lambda: len(ends.announcements) == 2)
    assert seen(each.transition for each in ends.announcements) == [
        Seen(5, "normal", "yellow"),
        Seen(10, "yellow", "red"),
    ]
    assert seen(read_transitions(tmp_path / "journal.sqlite")) == [
        Seen(5, "normal", "yellow"),
        Seen(10, "yellow", "red"),
    ]


async def test_a_restarted_engine_goes_on_where_it_was_and_says_nothing_twice(
    broker: Endpoint, tmp_path: Path
) -> None:
    async with bench(broker) as ends:
        async with engine(broker, tmp_path, ends.wall):
            await _first(ends, 1)
            await ends.send(5, 25)
            await ends.until(lambda: len(ends.announcements) == 1)
            await ends.accept()
            await _settled(ends)
        async with engine(broker, tmp_path, ends.wall):
            await ends.send(10, 26)
            await _settled_after_restart(ends, 10, 26)
            await ends.send(15, 60)
            await ends.until(lambda: len(ends.announcements) == 2)
    assert [each.transition.to for each in ends.announcements] == [Level.YELLOW, Level.RED]
    assert ends.announcements[0].epoch == ends.announcements[1].epoch
    assert [each.seq for each in ends.announcements] == [1, 2]


async def _settled_after_restart(ends: Bench, at_min: float, value: float) -> None:
    deadline_s = monotonic() + WITHIN_S
    while ends.seq not in ends.acknowledged():
        await ends.send(at_min, value)
        await asyncio.sleep(0.1)
        assert monotonic() < deadline_s, "the engine does not listen"


async def test_an_unacknowledged_transition_is_sent_again(broker: Endpoint, tmp_path: Path) -> None:
    async with bench(broker) as ends:
        async with engine(broker, tmp_path, ends.wall):
            await _first(ends, 1)
            await ends.send(5, 25)
            await ends.until(lambda: len(ends.announcements) == 1)
        async with engine(broker, tmp_path, ends.wall):
            await ends.until(lambda: len(ends.announcements) >= 2)
    assert ends.announcements[1] == ends.announcements[0]


async def test_an_active_alarm_is_said_again_at_an_interval(broker: Endpoint, tmp_path: Path) -> None:
    async with bench(broker) as ends, engine(broker, tmp_path, ends.wall, standing_every_s=0.2):
        await _first(ends, 1)
        await ends.send(5, 25)
        await ends.until(lambda: any(each.standing for each in ends.announcements))
    standing = next(each for each in ends.announcements if each.standing)
    assert standing.transition == ends.announcements[0].transition
    assert standing.seq == ends.announcements[0].seq


async def test_a_cleared_alarm_empties_its_retained_topic(broker: Endpoint, tmp_path: Path) -> None:
    async with bench(broker) as ends, engine(broker, tmp_path, ends.wall):
        await _first(ends, 1)
        for at_min, value in ((5, 25), (10, 1), (15, 1), (20, 1)):
            await ends.send(at_min, value)
        await ends.until(lambda: ends.alarms[-1:] == [b""])
    assert len(ends.alarms) == 2


async def test_what_comes_on_the_replay_topic_counts_too(broker: Endpoint, tmp_path: Path) -> None:
    async with bench(broker) as ends, engine(broker, tmp_path, ends.wall):
        await _first(ends, 1)
        await ends.send(5, 25, replay=True)
        await ends.until(lambda: len(ends.announcements) == 1)


async def test_a_message_that_is_no_batch_is_refused_and_the_engine_goes_on(
    broker: Endpoint, tmp_path: Path
) -> None:
    async with bench(broker) as ends, engine(broker, tmp_path, ends.wall):
        await _first(ends, 1)
        await ends.session.publish(GATEWAY.live, b"\x00 no batch")
        await ends.send(5, 25)
        await ends.until(lambda: len(ends.announcements) == 1)


async def test_silence_is_announced_as_time_passes(broker: Endpoint, tmp_path: Path) -> None:
    async with bench(broker) as ends, engine(broker, tmp_path, ends.wall):
        await _first(ends, 1)
        ends.wall.now_s = 30 * 60 / SPEED
        await ends.until(lambda: len(ends.announcements) == 1)
    assert ends.announcements[0].transition.subject == "rtu"
    assert seen([ends.announcements[0].transition]) == [Seen(21, "normal", "blue")]


async def test_edited_rules_are_read_beside_the_judging_and_hold_from_then_on(
    broker: Endpoint, tmp_path: Path
) -> None:
    written, edited = threading.Event(), asyncio.Event()

    def load() -> Rulebook:
        assert written.wait(WITHIN_S)
        return LOWERED

    async with bench(broker) as ends, engine(broker, tmp_path, ends.wall, load, edited):
        await _first(ends, 1)
        edited.set()
        await ends.send(5, 25)  # judged by the rules before, while the new ones are being read
        await ends.until(lambda: len(ends.announcements) == 1)
        written.set()
        await ends.until(lambda: _rulebook_of(tmp_path) == encode_rulebook(LOWERED))
        await ends.send(10, 30)
        await ends.until(lambda: len(ends.announcements) == 2)
    assert [(each.transition.to, each.transition.limit) for each in ends.announcements] == [
        (Level.YELLOW, 20),
        (Level.RED, 30),
    ]


def _rulebook_of(folder: Path) -> bytes:
    with closing(sqlite3.connect(folder / "journal.sqlite")) as connection:
        (body,) = connection.execute("SELECT body FROM rulebook").fetchone()
    assert isinstance(body, bytes)
    return body


async def test_rules_with_mistakes_are_refused_and_those_before_hold(
    broker: Endpoint, tmp_path: Path
) -> None:
    edited, tried = asyncio.Event(), threading.Event()

    def load() -> Rulebook:
        tried.set()
        place = Place(file="rules.yaml", line=7, column=1)
        raise InvalidFileError(
            [Finding(code="no-limit", place=place, key="rules.0", what=Text("no", "无"), remedy=Text("", ""))]
        )

    async with bench(broker) as ends, engine(broker, tmp_path, ends.wall, load, edited):
        await _first(ends, 1)
        edited.set()
        await ends.until(tried.is_set)
        await ends.send(5, 25)
        await ends.until(lambda: len(ends.announcements) == 1)
    assert ends.announcements[0].transition.limit == 20
    assert _rulebook_of(tmp_path) == encode_rulebook(RULES)
