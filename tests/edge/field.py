"""A small field for the edge's tests: a district, simulated instruments, and consumers at the other end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

from district.inventory import Device, District
from district.load import load_district
from edge.app import CONSUMERS, EdgeConfig, run
from edge.counters import Counters
from edge.intake import Intake
from edge.maintenance import BOOK, Maintenance
from edge.timekeeping import VOUCHED_FOR, Timekeeper
from firmware_sim import SimClock, Simulator
from firmware_sim.units import Endpoint as SimEndpoint
from transport.acks import Ack, encode_ack
from transport.batch import Batch, Sample, decode_batch
from transport.clock import Clock, parse_clock, real_clock
from transport.courier import Courier
from transport.errors import NotConnectedError
from transport.outbox import Outbox
from transport.session import Endpoint, Session, open_session
from transport.topics import ANY_LIVE, any_replay, gateway_of

PATIENCE_S = 20.0
START = datetime(2018, 6, 3, 16, 5, tzinfo=UTC)

DISTRICT = """
version: 1
district:
  id: test
  name: {zh: 测试, en: Test}
  timezone: Asia/Shanghai
  code: "330199"
  broker: auto
  store: {kind: sqlite}
"""


def clock_text(speed: float = 1.0, *, starts_in_s: float = 0.0) -> str:
    """Event time from the flood's first hour on, at ``speed``."""
    return f"{time.time() + starts_in_s:.3f}@{START.isoformat()}*{speed:g}"


def district_of(folder: Path, text: str) -> District:
    """The district that ``text`` (its gateways, profiles, devices and sites) describes."""
    folder.mkdir(exist_ok=True)
    (folder / "devices.yaml").write_text(DISTRICT + dedent(text), encoding="utf-8")
    return load_district(folder, areas=False)


async def until(condition: Callable[[], object], what: str, *, within_s: float = PATIENCE_S) -> None:
    """Wait until ``condition`` holds; fail with ``what`` if it does not in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s:g} s in vain for {what}"
        await asyncio.sleep(0.01)


def intake_of(devices: Iterable[Device], outbox: Outbox, courier: Courier, counters: Counters) -> Intake:
    """The intake of a gateway that knows the time and on which nobody works."""
    timekeeper = Timekeeper(real_clock(), machine=VOUCHED_FOR)
    nobody = Maintenance(Path(outbox.path).with_name(BOOK), now_ms=timekeeper.time.now_ms)
    return Intake("gw", devices, outbox, courier, counters, timekeeper=timekeeper, maintenance=nobody)


class Centre:
    """What the consumers have taken from the broker and acknowledged."""

    def __init__(self) -> None:
        self.batches: dict[tuple[str, int], Batch] = {}
        self.arrivals = 0

    def samples(self, device: str, point: str) -> list[Sample]:
        """The distinct samples of one point, by time."""
        found = {
            sample
            for batch in self.batches.values()
            for sample in batch.samples()
            if (sample.device, sample.point) == (device, point)
        }
        return sorted(found, key=lambda sample: sample.at_ms)

    def values(self, device: str, point: str) -> list[float | None]:
        """The values of one point, by time."""
        return [sample.value for sample in self.samples(device, point)]

    def counters(self, device: str) -> list[int]:
        """The instrument's own answer counter as it came, by time."""
        return [int(value) for value in self.values(device, "answers") if value is not None]

    def good_until(self, device: str) -> int:
        """The latest instant until which the device's values are known to hold."""
        return max((batch.good_until_ms.get(device, 0) for batch in self.batches.values()), default=0)


@asynccontextmanager
async def centre(broker: Endpoint, *, answering: bool = True) -> AsyncIterator[Centre]:
    """Take every batch and acknowledge it for each consumer, as the store and the engine do."""
    here = Centre()
    topics = [ANY_LIVE, *(any_replay(consumer) for consumer in CONSUMERS)]
    async with open_session(broker, client_id="centre", subscriptions=topics) as session:
        task = asyncio.create_task(_take(session, here, answering=answering))
        await asyncio.wait_for(session.connected.wait(), PATIENCE_S)
        try:
            yield here
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _take(session: Session, here: Centre, *, answering: bool) -> None:
    while True:
        for message in await session.receive(most=100):
            batch = decode_batch(message.payload)
            here.batches[batch.epoch, batch.seq] = batch
            here.arrivals += 1
            if answering:
                for consumer in CONSUMERS:
                    ack = Ack(consumer=consumer, epoch=batch.epoch, ranges=[(batch.seq, batch.seq)])
                    with suppress(NotConnectedError):  # the agent will send again
                        await session.publish(gateway_of(message.topic).ack, encode_ack(ack))


@asynccontextmanager
async def instruments(
    folder: Path, text: str, *, clock: str | None = None, connect: Mapping[str, str] | None = None
) -> AsyncIterator[Simulator]:
    """Simulated instruments of a scenario given as YAML."""
    folder.mkdir(exist_ok=True)
    scenario = folder / "simulation.yaml"
    scenario.write_text(dedent(text), encoding="utf-8")
    dialled = {name: _endpoint(address) for name, address in (connect or {}).items()}
    sim_clock = SimClock.parse(clock) if clock else None
    async with Simulator(scenario, run_dir=folder / "run", clock=sim_clock, connect=dialled) as simulator:
        yield simulator


def _endpoint(address: str) -> SimEndpoint:
    host, _, port = address.rpartition(":")
    return SimEndpoint(host=host.strip("[]"), port=int(port))


@asynccontextmanager
async def agent(
    district: District,
    broker: Endpoint,
    state_dir: Path,
    *,
    gateway: str = "gw",
    clock: Clock | str,
    bus_endpoints: Mapping[str, str] | None = None,
    drain_s: float = 10.0,
) -> AsyncIterator[asyncio.Event]:
    """Run the agent of one gateway while the block runs; it must then end by itself."""
    state_dir.mkdir(exist_ok=True)
    config = EdgeConfig(
        district=district,
        gateway=gateway,
        broker=broker,
        state_dir=state_dir,
        clock=parse_clock(clock) if isinstance(clock, str) else clock,
        bus_endpoints=bus_endpoints or {},
        drain_s=drain_s,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(run(config, stop), name="agent")
    try:
        yield stop
        stop.set()
        await asyncio.wait_for(task, drain_s + PATIENCE_S)
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
