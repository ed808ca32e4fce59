"""What time it is on a machine whose clock is wrong, is set, or is put right."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.app import EdgeConfig, run
from edge.redating import redate
from edge.timekeeping import Surroundings, Timekeeper
from tests.edge.field import Centre, centre, district_of, instruments, until
from tests.edge.test_faults import MODBUS, MODBUS_INSTRUMENTS
from transport.batch import Reading, build_batch, decode_batch, encode_batch
from transport.beat import Beat, encode_beat
from transport.clock import Clock, real_clock
from transport.measurement import Quality
from transport.session import Endpoint, open_session
from transport.topics import server_status

NOON_S = 1_800_000_000.0
HOUR_S = 3600.0
GOOD, DOUBTFUL, TIMEOUT = Quality.GOOD, Quality.DOUBTFUL_TIME, Quality.TIMEOUT


@dataclass
class Machine:
    """A machine whose clocks the test holds."""

    system_s: float = NOON_S
    steady_s: float = 50.0  # just started
    synchronised: bool = False
    hardware: bool = True

    def pass_(self, seconds: float) -> None:
        self.system_s += seconds
        self.steady_s += seconds

    def keeper(self, *, newest_known_s: float = 0.0) -> Timekeeper:
        surroundings = Surroundings(
            steady_s=lambda: self.steady_s,
            is_synchronised=lambda: self.synchronised,
            has_hardware_clock=lambda: self.hardware,
        )
        clock = replace(real_clock(), wall=lambda: self.system_s)
        return Timekeeper(clock, newest_known_s=newest_known_s, machine=surroundings)


def seconds(clock: Clock) -> float:
    return clock.now().timestamp()


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_clock_set_by_hand_is_not_followed(step_s: float) -> None:
    machine = Machine()
    keeper = machine.keeper()

    machine.pass_(10)
    machine.system_s += step_s
    assert keeper.look() is None
    machine.pass_(10)

    assert seconds(keeper.pace) == seconds(keeper.time) == NOON_S + 20
    assert keeper.offset_s == step_s
    assert not keeper.is_doubtful


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_clock_set_by_a_time_service_is_followed_and_polls_keep_their_pace(step_s: float) -> None:
    machine = Machine()
    keeper = machine.keeper()

    machine.pass_(10)
    machine.system_s += step_s
    machine.synchronised = True
    keeper.look()
    machine.pass_(10)

    assert seconds(keeper.pace) == NOON_S + 20
    assert seconds(keeper.time) == NOON_S + 20 + step_s
    assert keeper.correction_ms == step_s * 1000


@pytest.mark.parametrize(
    ("machine", "newest_known_s", "doubtful"),
    [
        (Machine(), 0.0, False),
        (Machine(), NOON_S + 60, True),  # it showed more before
        (Machine(hardware=False), 0.0, True),  # it stood still while the power was off
        (Machine(hardware=False, steady_s=7200.0), 0.0, False),  # the agent alone was started again
        (Machine(hardware=False, synchronised=True), NOON_S + 60, False),
        (Machine(system_s=1000.0), 0.0, True),
    ],
)
def test_when_the_time_is_in_doubt(machine: Machine, newest_known_s: float, *, doubtful: bool) -> None:
    assert machine.keeper(newest_known_s=newest_known_s).is_doubtful is doubtful


def test_the_centres_time_is_believed_when_two_of_its_beats_agree() -> None:
    machine = Machine(hardware=False)
    keeper = machine.keeper()

    stale = Beat(service="store", state="up", wall_s=NOON_S - 86_400)  # retained since yesterday
    assert keeper.hear(stale) is None
    assert keeper.hear(Beat(service="rules", state="up", wall_s=NOON_S + 500)) is None
    machine.pass_(5)
    assert keeper.hear(Beat(service="store", state="up", wall_s=NOON_S + 505)) is None
    assert keeper.is_doubtful

    assert keeper.hear(Beat(service="rules", state="up", wall_s=NOON_S + 505)) == 500_000
    assert not keeper.is_doubtful
    assert seconds(keeper.time) == NOON_S + 505
    assert keeper.hear(Beat(service="rules", state="up", wall_s=NOON_S + 900)) is None


ROWS = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from([GOOD, DOUBTFUL, Quality.SPIKE])), min_size=1, max_size=6
)


@given(mine=ROWS, others=ROWS, by_ms=st.integers(-(10**9), 10**9))
def test_only_what_was_dated_by_a_doubtful_clock_is_moved(
    mine: list[tuple[int, Quality]], others: list[tuple[int, Quality]], by_ms: int
) -> None:
    readings = [
        Reading(device, at_ms, {"level": (1.0, quality)})
        for device, rows in (("gauge", mine), ("station", others))
        for at_ms, quality in rows
    ]
    batch = build_batch(readings, gateway="gw", epoch="e", seq=3, good_until_ms={"gauge": 7, "station": 8})

    moved = decode_batch(redate(encode_batch(batch), {"gauge"}, by_ms))

    assert (moved.gateway, moved.epoch, moved.seq) == ("gw", "e", 3)
    assert moved.good_until_ms == {"gauge": 7 + by_ms, "station": 8}
    expected = [
        each._replace(at_ms=each.at_ms + by_ms, quality=GOOD if each.quality is DOUBTFUL else each.quality)
        if each.device == "gauge"
        else each
        for each in batch.samples()
    ]
    assert list(moved.samples()) == expected


BEHIND_S = 40 * 86_400.0  # a clock that stood still for forty days


@asynccontextmanager
async def gateway_that_stood_still(folder: Path, broker: Endpoint) -> AsyncIterator[Centre]:
    """A gateway whose clock stood still while it was without power, and the centre that hears it."""
    machine = Surroundings(
        steady_s=time.monotonic, is_synchronised=lambda: False, has_hardware_clock=lambda: False
    )
    clock = replace(real_clock(), wall=lambda: time.time() - BEHIND_S)
    (folder / "state").mkdir()
    (folder / "state" / "spool.sqlite").touch()
    text = MODBUS.replace("every: 20s", "every: 200ms")
    async with (
        instruments(folder / "sim", MODBUS_INSTRUMENTS) as sim,
        centre(broker) as there,
    ):
        config = EdgeConfig(
            district=district_of(folder / "district", text),
            gateway="gw",
            broker=broker,
            state_dir=folder / "state",
            clock=clock,
            bus_endpoints=sim.endpoints,
            machine=machine,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(run(config, stop))
        try:
            yield there
            stop.set()
            await task
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.mark.server
async def test_what_was_read_before_the_time_was_known_is_dated_anew(
    tmp_path: Path, broker: Endpoint
) -> None:
    begun_ms = time.time() * 1000
    async with (
        open_session(broker, client_id="rules") as session,
        gateway_that_stood_still(tmp_path, broker) as there,
    ):
        await session.connected.wait()

        async def beat() -> None:
            told = Beat(service="rules", state="up", wall_s=time.time())
            await session.publish(server_status("rules"), encode_beat(told))

        await until((tmp_path / "state" / "spool.sqlite-wal").exists, "something to be kept")
        deadline = time.monotonic() + 20
        while len(there.counters("plc")) < 10:
            assert time.monotonic() < deadline
            await beat()
            await asyncio.sleep(0.3)

    samples = there.samples("plc", "level")
    assert all(each.quality is GOOD for each in samples)
    assert begun_ms - 1000 <= samples[0].at_ms
    assert samples[-1].at_ms <= time.time() * 1000
    counters = there.counters("plc")
    assert counters == list(range(counters[0], counters[0] + len(counters)))


@pytest.mark.server
async def test_while_nobody_tells_the_time_readings_come_marked(tmp_path: Path, broker: Endpoint) -> None:
    async with gateway_that_stood_still(tmp_path, broker) as there:
        await until(lambda: len(there.counters("plc")) > 3, "readings without a time to rely on", within_s=40)

    assert {each.quality for each in there.samples("plc", "level")} == {DOUBTFUL}
    behind = timedelta(seconds=time.time() - there.samples("plc", "level")[-1].at_ms / 1000)
    assert timedelta(days=39) < behind < timedelta(days=41)
