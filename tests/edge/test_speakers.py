"""From simulated instruments of every protocol over serial lines to batches: all they served, once."""

import asyncio
from pathlib import Path

import pytest

from firmware_sim import read_served
from tests.edge.field import agent, centre, clock_text, district_of, instruments, until
from transport.measurement import Quality
from transport.session import Endpoint

pytestmark = pytest.mark.server

FIELD = r"""
gateways:
  gw:
    area: town
    buses:
      hydro: {kind: sl651-serial, port: /dev/hydro, line: 115200-8N1}
      water: {kind: sl427-serial, port: /dev/water, line: 115200-8N1}
      soil: {kind: sdi12, port: /dev/soil, line: 9600-8N1, timeout: 500ms}
      mast: {kind: nmea, port: /dev/mast, line: 38400-8N1}
      roof: {kind: vaisala, port: /dev/roof, line: 115200-8N1, timeout: 500ms}
      dust: {kind: plantower, port: /dev/dust, line: 115200-8N1, timeout: 500ms}
      scale: {kind: lines, port: /dev/scale, line: 115200-8N1, timeout: 500ms}
profiles:
  river:
    protocol: sl651
    codes:
      "39": {point: level, unit: m}
      "26": {point: rain, unit: mm, as: counter}
      FF01: {point: answers, unit: "1", as: counter}
  weir:
    protocol: sl427
    codes:
      level1: {point: level, unit: m}
      level2: {point: answers, unit: "1", as: counter}
  probe:
    protocol: sdi12
    crc: true
    codes:
      "1": {point: moisture, unit: "%"}
      "2": {point: answers, unit: "1", as: counter}
  mast:
    protocol: nmea
    codes:
      MWV.speed-r: {point: wind, unit: m/s}
      XDR.ANSWERS: {point: answers, unit: "1", as: counter}
  wxt:
    protocol: vaisala
    codes:
      Ta: {point: temperature, unit: "°C"}
      Rc: {point: answers, unit: "1", as: counter}
  pms:
    protocol: plantower
    codes:
      pm25: {point: pm25, unit: ug/m3}
      n10: {point: answers, unit: "1", as: counter}
  balance:
    protocol: lines
    ask: "W?"
    pattern: 'W=(?P<weight>[-+0-9.]+) kg N=(?P<n>[0-9]+)'
    codes:
      weight: {point: weight, unit: kg}
      n: {point: answers, unit: "1", as: counter}
devices:
  - {id: river, site: here, gateway: gw, bus: hydro, station: "0010100001", use: river, expect: 60s}
  - {id: weir, site: here, gateway: gw, bus: water, station: "0102030405", use: weir, expect: 60s}
  - {id: probe, site: here, gateway: gw, bus: soil, address: "3", use: probe, every: 60s}
  - {id: mast, site: here, gateway: gw, bus: mast, address: WI, use: mast, expect: 60s}
  - {id: wxt, site: here, gateway: gw, bus: roof, address: "0", use: wxt, every: 60s}
  - {id: pms, site: here, gateway: gw, bus: dust, alone: true, use: pms, every: 60s}
  - {id: balance, site: here, gateway: gw, bus: scale, alone: true, use: balance, every: 60s}
sites:
  here: {kind: weather, area: cell, name: {zh: 此, en: Here}}
"""

INSTRUMENTS = """
version: 1
lines:
  hydro:
    kind: sl651
    line: 115200-8N1
    speakers:
      - name: river
        address: "0010100001"
        every: 60s
        values: {"39": {value: {constant: -0.345}, decimals: 3}, "26": {value: {constant: 12.5}}}
        answers: FF01
  water:
    kind: sl427
    line: 115200-8N1
    speakers:
      - name: weir
        address: "0102030405"
        every: 60s
        values: {level1: {value: {constant: -1.25}, decimals: 2}}
        answers: level2
  soil:
    kind: sdi12
    line: 9600-8N1
    speakers:
      - {name: probe, address: "3", values: {"1": {value: {constant: 31.5}}}, answers: "2"}
  mast:
    kind: nmea
    line: 38400-8N1
    speakers:
      - name: mast
        address: WI
        every: 60s
        values: {MWV.speed-r: {value: {constant: 7.2}}}
        answers: XDR.ANSWERS
  roof:
    kind: vaisala
    line: 115200-8N1
    speakers:
      - {name: wxt, address: "0", values: {Ta: {value: {constant: -3.5}}}, answers: Rc}
  dust:
    kind: plantower
    line: 115200-8N1
    speakers:
      - {name: pms, values: {pm25: {value: {constant: 75}}}, answers: n10}
  scale:
    kind: lines
    line: 115200-8N1
    speakers:
      - name: balance
        ask: "W?"
        says: "W={weight} kg N={n}"
        values: {weight: {value: {constant: 12.25}, decimals: 2}}
        answers: n
"""

VALUES = {
    ("river", "level"): -0.345,
    ("river", "rain"): 12.5,
    ("weir", "level"): -1.25,
    ("probe", "moisture"): 31.5,
    ("mast", "wind"): 7.2,
    ("wxt", "temperature"): -3.5,
    ("pms", "pm25"): 75.0,
    ("balance", "weight"): 12.25,
}
DEVICES = sorted({device for device, _ in VALUES})


async def test_every_telegram_of_every_protocol_arrives_once(tmp_path: Path, broker: Endpoint) -> None:
    clock = clock_text(60)
    async with (
        instruments(tmp_path / "sim", INSTRUMENTS, clock=clock) as sim,
        centre(broker) as there,
    ):
        district = district_of(tmp_path / "district", FIELD)
        async with agent(district, broker, tmp_path / "state", clock=clock, bus_endpoints=sim.endpoints):
            await until(
                lambda: all(len(there.counters(device)) > 3 for device in DEVICES),
                "four telegrams of each device",
            )
            for device in DEVICES:
                await sim.set_fault(device, "silence")
        for (device, point), value in VALUES.items():
            assert {got for got in there.values(device, point) if got is not None} == {value}, (device, point)
        served = read_served(sim.run_dir)
        for device in DEVICES:
            counters = [row.counter for row in served if row.instrument == device and row.counter is not None]
            heard = there.counters(device)
            assert len(heard) == len(set(heard))
            # What was under way when the agent was told to stop may have been served unheard.
            assert set(counters) - set(heard) <= {counters[0], counters[-1]}, device


async def test_a_wrong_check_a_silence_and_noise_are_marked_and_heal(
    tmp_path: Path, broker: Endpoint
) -> None:
    clock = clock_text(60)
    faulty = {"probe": "bad-crc", "wxt": "silence", "balance": "garbage"}
    async with (
        instruments(tmp_path / "sim", INSTRUMENTS, clock=clock) as sim,
        centre(broker) as there,
        agent(
            district_of(tmp_path / "district", FIELD),
            broker,
            tmp_path / "state",
            clock=clock,
            bus_endpoints=sim.endpoints,
        ),
    ):
        await until(lambda: all(there.counters(device) for device in faulty), "a first answer of each")
        for device, fault in faulty.items():
            await sim.set_fault(device, fault)  # type: ignore[arg-type]

        def bad(device: str) -> set[Quality]:
            return {sample.quality for sample in there.samples(device, "answers") if sample.quality.is_bad}

        await until(lambda: all(bad(device) for device in faulty), "every fault to be marked")
        assert bad("wxt") == {Quality.TIMEOUT}
        assert Quality.CHECKSUM in bad("probe")
        before = {device: len(there.counters(device)) for device in faulty}
        for device, fault in faulty.items():
            await sim.clear_fault(device, fault)  # type: ignore[arg-type]
        await until(
            lambda: all(len(there.counters(device)) > before[device] for device in faulty), "all to be back"
        )


async def test_a_station_is_confirmed_only_once_its_report_is_kept(tmp_path: Path, broker: Endpoint) -> None:
    clock = clock_text(60)
    async with instruments(tmp_path / "sim", INSTRUMENTS, clock=clock) as sim, centre(broker) as there:
        await until(
            lambda: any(row.instrument == "river" for row in read_served(sim.run_dir)),
            "a report that nobody hears",
        )
        unheard = {row.counter for row in read_served(sim.run_dir) if row.instrument == "river"}
        district = district_of(tmp_path / "district", FIELD)
        async with agent(district, broker, tmp_path / "state", clock=clock, bus_endpoints=sim.endpoints):
            await until(lambda: unheard <= set(there.counters("river")), "the report to be repeated and kept")
    assert unheard == {1}


async def test_one_that_speaks_by_itself_and_falls_silent_is_missed_until_it_is_back(
    tmp_path: Path, broker: Endpoint
) -> None:
    clock = clock_text(120)
    async with (
        instruments(tmp_path / "sim", INSTRUMENTS, clock=clock) as sim,
        centre(broker) as there,
        agent(
            district_of(tmp_path / "district", FIELD),
            broker,
            tmp_path / "state",
            clock=clock,
            bus_endpoints=sim.endpoints,
        ),
    ):
        await until(lambda: there.counters("mast"), "a first sentence")
        await sim.set_fault("mast", "silence")
        await until(
            lambda: there.samples("mast", "wind")[-1].quality is Quality.TIMEOUT, "the mast to be missed"
        )
        await sim.clear_fault("mast", "silence")
        await until(lambda: there.samples("mast", "wind")[-1].quality is Quality.GOOD, "the mast to be back")


async def test_an_instrument_behind_a_converter_is_asked_over_tcp(tmp_path: Path, broker: Endpoint) -> None:
    async def instrument(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            writer.write(b"0R0,Ta=21.5C\r\n")
        writer.close()

    server = await asyncio.start_server(instrument, "127.0.0.1", 0)
    endpoint = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    text = FIELD.replace("port: /dev/roof, line: 115200-8N1", 'connect: "192.0.2.1:4001"')
    lines = [line for line in text.splitlines() if not line.startswith("  - {id:") or "id: wxt" in line]
    district = district_of(tmp_path / "district", "\n".join(lines))
    async with (
        centre(broker) as there,
        agent(district, broker, tmp_path / "state", clock=clock_text(60), bus_endpoints={"roof": endpoint}),
    ):
        await until(lambda: there.values("wxt", "temperature"), "a temperature")
        assert set(there.values("wxt", "temperature")) == {21.5}
        await until(lambda: there.samples("wxt", "answers"), "what it does not say to be missed")
        assert there.samples("wxt", "answers")[0].quality is Quality.SENTINEL
    server.close()


async def test_a_line_that_is_unplugged_heals_and_its_station_repeats_what_was_lost(
    tmp_path: Path, broker: Endpoint
) -> None:
    clock = clock_text(60)
    async with (
        instruments(tmp_path / "sim", INSTRUMENTS, clock=clock) as sim,
        centre(broker) as there,
        agent(
            district_of(tmp_path / "district", FIELD),
            broker,
            tmp_path / "state",
            clock=clock,
            bus_endpoints=sim.endpoints,
        ),
    ):
        await until(lambda: there.counters("river") and there.counters("balance"), "a first answer of each")
        for device in ("river", "balance"):
            await sim.set_fault(device, "disconnect")
        await until(
            lambda: there.samples("balance", "weight")[-1].quality is Quality.TIMEOUT,
            "the balance to be missed",
        )
        for device in ("river", "balance"):
            await sim.clear_fault(device, "disconnect")
        seen = {device: max(there.counters(device)) for device in ("river", "balance")}
        await until(
            lambda: all(max(there.counters(device)) > before + 1 for device, before in seen.items()),
            "both to be back",
        )
        heard = there.counters("river")
        assert heard == list(range(1, len(heard) + 1))
