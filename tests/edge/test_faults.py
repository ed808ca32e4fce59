"""Faults of instruments, cables and brokers, over the simulated field: each is marked, each heals."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

import pytest

from edge.app import EdgeConfig, run
from firmware_sim import Simulator, read_served
from firmware_sim.faults import FaultName
from tests.edge.field import Centre, agent, centre, clock_text, district_of, instruments, until
from tests.servers import free_port, running_mosquitto
from transport.clock import parse_clock
from transport.measurement import Quality
from transport.session import Endpoint

pytestmark = pytest.mark.server

SPEED = 100

MODBUS = """
gateways:
  gw:
    area: town
    buses:
      line: {kind: modbus-rtu, port: /nowhere, line: 38400-8N1, timeout: 150ms}
      plc: {kind: modbus-tcp, host: 192.0.2.1, timeout: 150ms}
profiles:
  gauge:
    points:
      level: {table: input, addr: 0, type: u16, scale: 0.001, unit: m}
      answers: {table: input, addr: 1, type: u32, unit: "1", as: counter}
devices:
  - {id: one, site: dam, gateway: gw, bus: line, unit: 1, use: gauge, every: 20s}
  - {id: two, site: dam, gateway: gw, bus: line, unit: 2, use: gauge, every: 20s}
  - {id: plc, site: dam, gateway: gw, bus: plc, unit: 1, use: gauge, every: 20s}
sites:
  dam: {kind: weather, area: cell, name: {zh: 坝, en: Dam}}
"""

MODBUS_INSTRUMENTS = """
version: 1
lines:
  line:
    kind: modbus-rtu
    line: 38400-8N1
    units:
      - unit: 1
        name: one
        registers:
          - {table: input, addr: 0, type: u16, scale: 0.001, value: {constant: 1.234}}
          - {table: input, addr: 1, type: u32, value: answers}
      - unit: 2
        name: two
        registers:
          - {table: input, addr: 0, type: u16, scale: 0.001, value: {constant: 2.345}}
          - {table: input, addr: 1, type: u32, value: answers}
  plc:
    kind: modbus-tcp
    listen: "127.0.0.1:0"
    units:
      - unit: 1
        name: plc
        registers:
          - {table: input, addr: 0, type: u16, scale: 0.001, value: {constant: 3.456}}
          - {table: input, addr: 1, type: u32, value: answers}
"""

STATIONS = """
gateways:
  gw:
    area: town
    buses:
      air: {kind: hj212-serial, port: /nowhere, line: 38400-8N1}
      net: {kind: hj212-tcp, listen: "127.0.0.1:9212"}
profiles:
  station:
    codes:
      a34004: {point: pm25, unit: ug/m3}
      x90001: {point: answers, unit: "1", as: counter}
devices:
  - {id: air, site: air, gateway: gw, bus: air, mn: "A1", use: station, expect: 30s}
  - {id: dust, site: air, gateway: gw, bus: net, mn: "A2", use: station, expect: 30s}
sites:
  air: {kind: air, area: cell, name: {zh: 站, en: Station}}
"""

STATION_INSTRUMENTS = """
version: 1
lines:
  air:
    kind: hj212-serial
    line: 38400-8N1
    stations:
      - name: air
        mn: A1
        st: 22
        password: "123456"
        every: 30s
        factors: {a34004: {value: {constant: 35.5}}}
        answers: x90001
  net:
    kind: hj212-tcp
    connect: "127.0.0.1:1"
    stations:
      - name: dust
        mn: A2
        st: 39
        password: "123456"
        every: 30s
        factors: {a34004: {value: {constant: 75.5}}}
        answers: x90001
"""


class Field:
    """A running simulation, agent and centre."""

    def __init__(self, sim: Simulator, there: Centre) -> None:
        self.sim = sim
        self.there = there

    def qualities(self, device: str) -> list[Quality]:
        point = "pm25" if device in {"air", "dust"} else "level"
        return [sample.quality for sample in self.there.samples(device, point)]

    async def more_answers(self, device: str, extra: int = 3) -> None:
        """Wait until so many more answers of a device have arrived."""
        wanted = len(self.there.counters(device)) + extra
        await until(lambda: len(self.there.counters(device)) >= wanted, f"{extra} more answers of {device}")

    async def quality(self, device: str, quality: Quality) -> None:
        """Wait until the device's newest sample is marked so."""
        await until(lambda: self.qualities(device)[-1:] == [quality], f"{device} to be {quality}")

    def have(self, device: str, counters: set[int]) -> bool:
        """Whether the answers with these counters have arrived."""
        return counters <= set(self.there.counters(device))

    def unlost(self, device: str) -> bool:
        """Whether every true answer that the instrument gave in time has arrived, once."""
        served = [
            row.counter
            for row in read_served(self.sim.run_dir)
            if row.instrument == device and row.counter is not None and row.fault is None
        ]
        return self.there.counters(device) == served


async def start_modbus(stack: AsyncExitStack, folder: Path, broker: Endpoint) -> Field:
    clock = clock_text(SPEED)
    sim = await stack.enter_async_context(instruments(folder / "sim", MODBUS_INSTRUMENTS, clock=clock))
    there = await stack.enter_async_context(centre(broker))
    district = district_of(folder / "district", MODBUS)
    await stack.enter_async_context(
        agent(district, broker, folder / "state", clock=clock, bus_endpoints=sim.endpoints)
    )
    return Field(sim, there)


async def start_stations(stack: AsyncExitStack, folder: Path, broker: Endpoint) -> Field:
    clock = clock_text(SPEED)
    address = f"127.0.0.1:{free_port()}"
    there = await stack.enter_async_context(centre(broker))
    sim = await stack.enter_async_context(
        instruments(folder / "sim", STATION_INSTRUMENTS, clock=clock, connect={"net": address})
    )
    district = district_of(folder / "district", STATIONS)
    endpoints = {"air": sim.endpoints["air"], "net": address}
    await stack.enter_async_context(
        agent(district, broker, folder / "state", clock=clock, bus_endpoints=endpoints)
    )
    return Field(sim, there)


@pytest.mark.parametrize(
    ("device", "fault", "quality"),
    [
        ("one", "silence", Quality.TIMEOUT),
        ("one", "bad-crc", Quality.CHECKSUM),
        ("one", "garbage", Quality.CHECKSUM),
        ("one", "wrong-unit", Quality.CHECKSUM),
        ("one", "exception", Quality.EXCEPTION),
        ("one", "collision", Quality.CHECKSUM),
        ("plc", "silence", Quality.TIMEOUT),
        ("plc", "exception", Quality.EXCEPTION),
        ("plc", "garbage", Quality.CHECKSUM),
        ("plc", "disconnect", Quality.TIMEOUT),
    ],
)
async def test_a_faulty_instrument_is_marked_and_its_neighbour_goes_on(
    tmp_path: Path, broker: Endpoint, device: str, fault: FaultName, quality: Quality
) -> None:
    async with AsyncExitStack() as stack:
        field = await start_modbus(stack, tmp_path, broker)
        await field.more_answers(device)

        await field.sim.set_fault(device, fault)
        await field.quality(device, quality)
        await field.more_answers("two")
        assert set(field.qualities("two")) == {Quality.GOOD}
        await field.sim.clear_fault(device, fault)
        await field.more_answers(device)

        values = {sample.value for sample in field.there.samples(device, "level") if sample.quality.is_good}
        assert values == {3.456 if device == "plc" else 1.234}
    assert field.unlost("two")


async def test_a_pulled_serial_plug_heals(tmp_path: Path, broker: Endpoint) -> None:
    async with AsyncExitStack() as stack:
        field = await start_modbus(stack, tmp_path, broker)
        await field.more_answers("one")

        await field.sim.set_fault("one", "disconnect")
        await field.quality("one", Quality.TIMEOUT)
        await field.quality("two", Quality.TIMEOUT)
        await field.more_answers("plc")
        await field.sim.clear_fault("one", "disconnect")

        await field.more_answers("one")
        await field.more_answers("two")


async def test_late_answers_are_never_taken_for_others(tmp_path: Path, broker: Endpoint) -> None:
    async with AsyncExitStack() as stack:
        field = await start_modbus(stack, tmp_path, broker)
        await field.more_answers("one")

        await field.sim.set_fault("one", "late", delay_ms=200)
        await field.quality("one", Quality.TIMEOUT)
        await field.more_answers("two", 5)

    assert set(field.there.values("one", "level")) <= {1.234, None}
    assert set(field.there.values("two", "level")) == {2.345}
    counters = field.there.counters("one")
    assert counters == sorted(set(counters))


async def test_a_lasting_fault_is_not_told_at_every_poll(tmp_path: Path, broker: Endpoint) -> None:
    async with AsyncExitStack() as stack:
        field = await start_modbus(stack, tmp_path, broker)
        await field.more_answers("one")

        await field.sim.set_fault("one", "exception")
        await field.quality("one", Quality.EXCEPTION)
        await field.more_answers("two", 8)

        assert field.qualities("one").count(Quality.EXCEPTION) == 1


@pytest.mark.parametrize("fault", ["bad-crc", "garbage", "disconnect", "wrong-unit"])
async def test_a_stations_frames_all_arrive_whatever_happens_to_the_wire(
    tmp_path: Path, broker: Endpoint, fault: FaultName
) -> None:
    async with AsyncExitStack() as stack:
        field = await start_stations(stack, tmp_path, broker)
        await field.more_answers("air")
        await field.more_answers("dust")

        for device in ("air", "dust"):
            await field.sim.set_fault(device, fault)
        await asyncio.sleep(1.0)  # three frames' time, in which the fault does its work
        for device in ("air", "dust"):
            await field.sim.clear_fault(device, fault)
        made = {name: state["answers"] for name, state in field.sim.status()["instruments"].items()}
        for device in ("air", "dust"):
            wanted = set(range(1, made[device] + 4))
            await until(partial(field.have, device, wanted), f"every frame of {device} to arrive")

    for device in ("air", "dust"):
        counters = field.there.counters(device)
        assert counters == sorted(set(counters))


async def test_a_flagged_value_is_kept_and_not_believed(tmp_path: Path, broker: Endpoint) -> None:
    async with AsyncExitStack() as stack:
        field = await start_stations(stack, tmp_path, broker)
        await field.more_answers("air")

        await field.sim.set_fault("air", "flag", flag="D", factors=("a34004",))
        await field.quality("air", Quality.FLAG)

        assert field.there.values("air", "pm25")[-1] == 35.5
        assert field.there.samples("air", "answers")[-1].quality.is_good


async def test_a_silent_station_is_marked_and_comes_back(tmp_path: Path, broker: Endpoint) -> None:
    async with AsyncExitStack() as stack:
        field = await start_stations(stack, tmp_path, broker)
        await field.more_answers("air")

        await field.sim.set_fault("air", "silence")
        await field.quality("air", Quality.TIMEOUT)
        await field.more_answers("dust")
        await field.sim.clear_fault("air", "silence")

        await field.more_answers("air")


async def test_an_agent_cut_off_in_the_middle_loses_nothing_that_was_kept(
    tmp_path: Path, broker: Endpoint
) -> None:
    clock = clock_text(SPEED)
    async with (
        instruments(tmp_path / "sim", MODBUS_INSTRUMENTS, clock=clock) as sim,
        centre(broker) as there,
    ):
        district = district_of(tmp_path / "district", MODBUS)
        for lives in range(1, 4):
            config = EdgeConfig(
                district=district,
                gateway="gw",
                broker=broker,
                state_dir=tmp_path,
                clock=parse_clock(clock),
                bus_endpoints=sim.endpoints,
                drain_s=0.0,
            )
            await cut_off(config, when=partial(answers_reach, there, 4 * lives))
        async with agent(district, broker, tmp_path, clock=clock, bus_endpoints=sim.endpoints):
            await until(lambda: len(there.counters("plc")) > 16, "answers after the last start")

    for device in ("one", "two", "plc"):
        counters = there.counters(device)
        assert counters == sorted(set(counters))
        assert len(counters) >= counters[-1] - 3  # the answer under way at each cut


def answers_reach(there: Centre, count: int) -> bool:
    return len(there.counters("plc")) >= count


async def cut_off(config: EdgeConfig, *, when: Callable[[], bool]) -> None:
    """Run the agent until ``when``, then end it as a kill would: at once, undrained."""
    task = asyncio.create_task(run(config, asyncio.Event()))
    await until(when, "the moment to cut it off")
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_broker_that_is_away_delays_and_loses_nothing(tmp_path: Path) -> None:
    clock = clock_text(SPEED)
    with running_mosquitto(tmp_path) as broker:
        async with (
            instruments(tmp_path / "sim", MODBUS_INSTRUMENTS, clock=clock) as sim,
            centre(broker.endpoint) as there,
        ):
            field = Field(sim, there)
            district = district_of(tmp_path / "district", MODBUS)
            async with agent(
                district, broker.endpoint, tmp_path / "state", clock=clock, bus_endpoints=sim.endpoints
            ):
                await field.more_answers("one")
                await asyncio.to_thread(broker.kill)
                polled = sim.status()["instruments"]["plc"]["answers"]
                await until(
                    lambda: sim.status()["instruments"]["plc"]["answers"] > polled + 5,
                    "polls without a broker",
                )
                await asyncio.to_thread(broker.start)
                await field.more_answers("one", 8)
            for device in ("one", "two", "plc"):
                await until(partial(field.unlost, device), f"all of {device}")


async def test_a_consumer_that_answers_nothing_holds_the_agent_no_longer_than_told(
    tmp_path: Path, broker: Endpoint
) -> None:
    clock = clock_text(SPEED)
    async with (
        instruments(tmp_path / "sim", MODBUS_INSTRUMENTS, clock=clock) as sim,
        centre(broker, answering=False) as there,
    ):
        district = district_of(tmp_path / "district", MODBUS)
        async with agent(
            district, broker, tmp_path / "state", clock=clock, bus_endpoints=sim.endpoints, drain_s=0.3
        ):
            await until(lambda: len(there.counters("one")) > 2, "answers")
        deaf = set(there.batches)
    async with centre(broker) as there, agent(district, broker, tmp_path / "state", clock=clock):
        await until(lambda: deaf <= set(there.batches), "what nobody acknowledged")


async def test_a_broker_that_refuses_the_gateways_name_delays_and_loses_nothing(tmp_path: Path) -> None:
    clock = clock_text(SPEED)
    with running_mosquitto(tmp_path, settings="allow_anonymous false") as broker:
        async with instruments(tmp_path / "sim", MODBUS_INSTRUMENTS, clock=clock) as sim:
            district = district_of(tmp_path / "district", MODBUS)
            async with agent(
                district, broker.endpoint, tmp_path / "state", clock=clock, bus_endpoints=sim.endpoints
            ):
                await until(lambda: sim.status()["instruments"]["plc"]["answers"] > 8, "polls unheard")
                (config,) = tmp_path.glob("mosquitto-*.conf")
                config.write_text(config.read_text().replace("allow_anonymous false", ""))
                os.kill(broker.pid, signal.SIGHUP)
                async with centre(broker.endpoint) as there:
                    field = Field(sim, there)
                    await field.more_answers("one", 8)
                    for device in ("one", "two", "plc"):
                        await until(partial(field.unlost, device), f"all of {device}")
                        assert there.counters(device)[0] == 1
