"""Modbus ASCII, and lines behind transparent converters, asked by independent masters."""

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from tests.firmware_sim.conftest import Simulate

LINE = """
    lines:
      line:
        kind: KIND
        line: 38400-8N1
        LISTEN
        units:
          - unit: 3
            name: gauge
            registers:
              - {table: holding, addr: 0, type: bcd32, value: {constant: 1234567}}
              - {table: holding, addr: 2, type: f64, order: CDAB, value: {constant: 2.5}}
              - {table: holding, addr: 6, type: u32, value: answers}
"""
WORDS = [0x0123, 0x4567, 0, 0, 0, 0x4004]


def scenario(kind: str, *, listen: bool) -> str:
    return LINE.replace("KIND", kind).replace("LISTEN", 'listen: "127.0.0.1:0"' if listen else "")


@pytest.mark.parametrize(
    ("kind", "framer"), [("modbus-rtu", FramerType.RTU), ("modbus-ascii", FramerType.ASCII)]
)
async def test_a_master_reads_a_line_behind_a_converter(
    simulate: Simulate, kind: str, framer: FramerType
) -> None:
    sim = await simulate(scenario(kind, listen=True))
    host, _, port = sim.endpoints["line"].rpartition(":")
    client = AsyncModbusTcpClient(host, port=int(port), framer=framer, timeout=5, retries=0)
    assert await client.connect()
    try:
        read = (await client.read_holding_registers(0, count=8, device_id=3)).registers
    finally:
        client.close()

    assert read == [*WORDS, 0, 1]


async def test_a_master_reads_units_that_speak_ascii(simulate: Simulate) -> None:
    sim = await simulate(scenario("modbus-ascii", listen=False))
    client = AsyncModbusSerialClient(
        sim.endpoints["line"], framer=FramerType.ASCII, baudrate=38400, timeout=5, retries=0
    )
    assert await client.connect()
    try:
        read = (await client.read_holding_registers(0, count=8, device_id=3)).registers
        refused = await client.read_holding_registers(0, count=10, device_id=3)
    finally:
        client.close()

    assert read == [*WORDS, 0, 1]
    assert refused.isError()
