"""A station on a link whose pace the test sets."""

import asyncio
from pathlib import Path

from firmware_sim.clock import SimClock
from firmware_sim.faults import HJ212_FAULTS
from firmware_sim.formulas import World
from firmware_sim.instrument import Instrument
from firmware_sim.record import Record, read_served
from firmware_sim.scenario import StationSpec
from firmware_sim.station import Station
from tests.firmware_sim.masters import Hj212Frame, until

SPEC = StationSpec.model_validate(
    {
        "name": "air",
        "mn": "A1",
        "st": 22,
        "password": "1",
        "every": "1m",
        "factors": {"LA": {"value": {"constant": 1.0}}},
        "answers": "x90001",
    }
)


class GatedLink:
    """A link that is down at first, and then takes one frame each time the test lets it."""

    def __init__(self) -> None:
        self.up = False
        self.sent: list[int] = []
        self._gate = asyncio.Semaphore(0)

    async def ready(self) -> None:
        """Take bytes at any time."""

    async def send(self, data: bytes) -> bool:
        self.sent.append(int(Hj212Frame(data).items["x90001-Rtd"]))
        await self._gate.acquire()
        return True

    def let_one_through(self) -> None:
        self._gate.release()


async def test_a_new_frame_goes_before_those_that_were_kept(tmp_path: Path) -> None:
    wall_s = 0.0
    clock = SimClock(anchor_s=0.1, start_s=0.0, speed=600.0, wall=lambda: wall_s)  # a minute in 0.1 s
    link = GatedLink()
    with Record(tmp_path / "served.sqlite") as record:
        instrument = Instrument("air", "line", HJ212_FAULTS, record)
        station = Station(SPEC, instrument, World(clock=clock, series={}))
        making = asyncio.create_task(station.make_frames())
        sending = asyncio.create_task(station.send_frames(link))
        await asyncio.sleep(0)  # both have begun, at the start of event time
        wall_s = 0.35
        await until(lambda: instrument.pending == 3)
        link.up = True
        station.wake()
        await until(lambda: link.sent == [1])
        wall_s = 0.45
        await until(lambda: instrument.pending == 4)
        for count in (2, 3, 4):
            link.let_one_through()
            await until(lambda count=count: len(link.sent) == count)  # type: ignore[misc]
        making.cancel()
        sending.cancel()
        await asyncio.wait({making, sending})

    assert link.sent == [1, 4, 2, 3]
    assert [row.counter for row in read_served(tmp_path)] == [1, 4, 2]  # the last has not gone out yet
