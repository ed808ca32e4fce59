"""Modbus from instrument to consumer: every framing, scales read from the device, refused registers."""

from pathlib import Path

import pytest

from tests.edge.field import agent, centre, clock_text, district_of, instruments, until
from transport.measurement import Quality
from transport.session import Endpoint

pytestmark = pytest.mark.server

SPEED = 100

DISTRICT = """
gateways:
  gw:
    area: town
    buses:
      ascii: {kind: modbus-ascii, port: /nowhere, line: 38400-8N1, timeout: 300ms}
      far: {kind: modbus-rtu-tcp, host: 192.0.2.1, port: 4001, line: 38400-8N1, timeout: 300ms}
      near: {kind: modbus-rtu, port: /elsewhere, line: 38400-8N1, timeout: 300ms}
profiles:
  qdy30a:
    points:
      level:
        manual: 40005
        type: i16
        unit: m
        scale_by:
          - {addr: 2, says: {16: 1, 17: 0.01, 18: 0.001}}
          - {addr: 3, says: decimals}
  meter:
    points:
      total: {table: input, addr: 0, type: bcd32, scale: 0.1, unit: m3, as: counter}
      mean: {table: input, addr: 2, type: f64, order: CDAB, unit: m3/h}
      low: {table: input, addr: 6, type: bool, bit: 2, unit: "1"}
      mode: {table: input, addr: 6, type: u16, bits: [4, 5], unit: "1", enum: {2: auto}}
  patchy:
    points:
      one: {table: holding, addr: 0, type: u16, unit: m}
      two: {table: holding, addr: 1, type: u16, unit: m}
      gone: {table: holding, addr: 2, type: u16, unit: m}
      three: {table: holding, addr: 4, type: u16, unit: m, every: 60s}
devices:
  - {id: level, site: dam, gateway: gw, bus: ascii, unit: 1, use: qdy30a, every: 20s}
  - {id: meter, site: dam, gateway: gw, bus: far, unit: 2, use: meter, every: 20s}
  - {id: patchy, site: dam, gateway: gw, bus: near, unit: 3, use: patchy, every: 20s}
sites:
  dam: {kind: weather, area: cell, name: {zh: 坝, en: Dam}}
"""

INSTRUMENTS = """
version: 1
lines:
  ascii:
    kind: modbus-ascii
    line: 38400-8N1
    units:
      - unit: 1
        name: level
        registers:
          - {table: holding, addr: 2, type: u16, value: {constant: 17}}
          - {table: holding, addr: 3, type: u16, value: {constant: 1}}
          - {table: holding, addr: 4, type: i16, value: {constant: 1234}}
  far:
    kind: modbus-rtu
    line: 38400-8N1
    listen: "127.0.0.1:0"
    units:
      - unit: 2
        name: meter
        registers:
          - {table: input, addr: 0, type: bcd32, value: {constant: 12345678}}
          - {table: input, addr: 2, type: f64, order: CDAB, value: {constant: 12.625}}
          - {table: input, addr: 6, type: u16, value: {constant: 36}}
  near:
    kind: modbus-rtu
    line: 38400-8N1
    units:
      - unit: 3
        name: patchy
        registers:
          - {table: holding, addr: 0, type: u16, value: {constant: 1}}
          - {table: holding, addr: 1, type: u16, value: {constant: 2}}
          - {table: holding, addr: 4, type: u16, value: {constant: 3}}
"""


async def test_every_framing_type_and_scale_arrives_and_a_missing_register_harms_no_other(
    tmp_path: Path, broker: Endpoint
) -> None:
    clock = clock_text(SPEED)
    district = district_of(tmp_path / "district", DISTRICT)
    async with instruments(tmp_path / "sim", INSTRUMENTS, clock=clock) as sim, centre(broker) as there:
        endpoints = {name: sim.endpoints[name] for name in ("ascii", "far", "near")}
        async with agent(district, broker, tmp_path / "state", clock=clock, bus_endpoints=endpoints):
            for device, point in (
                ("level", "level"),
                ("meter", "mode"),
                ("patchy", "one"),
                ("patchy", "three"),
            ):
                await until(lambda: len(there.values(device, point)) > 1, f"{device} {point}")  # noqa: B023

    assert set(there.values("level", "level")) == {1.234}
    assert set(there.values("meter", "total")) == {1234567.8}
    assert set(there.values("meter", "mean")) == {12.625}
    assert set(there.values("meter", "low")) == {1.0}
    assert set(there.values("meter", "mode")) == {2.0}
    assert set(there.values("patchy", "two")) == {2.0}
    assert {sample.quality for sample in there.samples("patchy", "gone")} == {Quality.EXCEPTION}
    assert len(there.samples("patchy", "three")) < len(there.samples("patchy", "one"))
