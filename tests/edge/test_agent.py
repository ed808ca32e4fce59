"""The whole agent over real serial lines, sockets and a real broker."""

from pathlib import Path

import pytest

from firmware_sim import read_served
from tests.edge.field import agent, centre, clock_text, district_of, instruments, until
from transport.session import Endpoint

pytestmark = pytest.mark.server

FIELD = """
gateways:
  gw:
    area: town
    buses:
      line: {kind: modbus-rtu, port: /nowhere, line: 38400-8N1, timeout: 300ms}
      plc: {kind: modbus-tcp, host: 192.0.2.1, timeout: 300ms}
profiles:
  gauge:
    points:
      level: {table: input, addr: 0, type: f32, order: CDAB, unit: m}
      answers: {table: input, addr: 2, type: u32, unit: "1", as: counter}
  rain:
    points:
      rain: {table: holding, addr: 0, type: u16, scale: 0.2, unit: mm, as: counter}
      answers: {table: holding, addr: 1, type: u32, unit: "1", as: counter}
  rtu:
    points:
      pressure: {table: input, addr: 0, type: i16, scale: 0.001, unit: MPa}
      valve: {table: coil, addr: 3, type: bool, unit: "1"}
      answers: {table: input, addr: 22, type: u32, unit: "1", as: counter}
devices:
  - {id: gauge, site: dam, gateway: gw, bus: line, unit: 3, use: gauge, every: 20s}
  - {id: rain, site: dam, gateway: gw, bus: line, unit: 4, use: rain, every: 20s}
  - {id: rtu, site: dam, gateway: gw, bus: plc, unit: 1, use: rtu, every: 10s}
sites:
  dam: {kind: weather, area: cell, name: {zh: 坝, en: Dam}}
"""

INSTRUMENTS = """
version: 1
lines:
  line:
    kind: modbus-rtu
    line: 38400-8N1
    units:
      - unit: 3
        name: gauge
        registers:
          - {table: input, addr: 0, type: f32, order: CDAB, value: {constant: 0.9}}
          - {table: input, addr: 2, type: u32, value: answers}
      - unit: 4
        name: rain
        registers:
          - {table: holding, addr: 0, type: u16, value: {constant: 3}}
          - {table: holding, addr: 1, type: u32, value: answers}
  plc:
    kind: modbus-tcp
    listen: "LISTEN:0"
    units:
      - unit: 1
        name: rtu
        registers:
          - {table: input, addr: 0, type: i16, scale: 0.001, value: {constant: -0.25}}
          - {table: coil, addr: 3, type: bool, value: {constant: 1}}
          - {table: input, addr: 22, type: u32, value: answers}
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_every_answer_of_every_instrument_arrives_once(
    tmp_path: Path, broker: Endpoint, host: str
) -> None:
    clock = clock_text(100)
    async with (
        instruments(tmp_path / "sim", INSTRUMENTS.replace("LISTEN", host), clock=clock) as sim,
        centre(broker) as there,
    ):
        district = district_of(tmp_path / "district", FIELD)
        async with agent(district, broker, tmp_path / "state", clock=clock, bus_endpoints=sim.endpoints):
            await until(
                lambda: all(len(there.counters(device)) > 4 for device in ("gauge", "rain", "rtu")),
                "five answers of each device",
            )
        assert set(there.values("gauge", "level")) == {0.9}
        assert set(there.values("rain", "rain")) == {0.6}
        assert set(there.values("rtu", "pressure")) == {-0.25}
        assert set(there.values("rtu", "valve")) == {1.0}
        served = read_served(sim.run_dir)
        for device in ("gauge", "rain", "rtu"):
            counters = [row.counter for row in served if row.instrument == device and row.counter is not None]
            assert there.counters(device) == counters
