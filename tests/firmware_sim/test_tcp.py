import asyncio

import pytest
from pymodbus.client import AsyncModbusTcpClient

from firmware_sim import Simulator, read_served
from firmware_sim.errors import FaultError
from tests.firmware_sim.conftest import Simulate
from tests.firmware_sim.masters import DEADLINE_S

LINE = """
    lines:
      plc-lan:
        kind: modbus-tcp
        listen: "127.0.0.1:0"
        units:
          - unit: 1
            name: plc
            registers:
              - {table: holding, addr: 0, type: f32, order: CDAB, value: {constant: 3.5}}
              - {table: holding, addr: 2, type: u32, value: answers}
          - unit: 2
            name: crane
            registers:
              - {table: holding, addr: 0, type: i16, scale: 0.1, value: {constant: -4.2}}
"""


def address(sim: Simulator) -> tuple[str, int]:
    host, _, port = sim.endpoints["plc-lan"].rpartition(":")
    return host.strip("[]"), int(port)


def request(transaction: int, unit: int, count: int) -> bytes:
    return bytes.fromhex(f"{transaction:04x} 0000 0006 {unit:02x} 03 0000 {count:04x}")


def plc(transaction: int, counter: int, unit: int = 1) -> bytes:
    return bytes.fromhex(f"{transaction:04x} 0000 000b {unit:02x} 03 08 0000 4060 {counter:08x}")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_an_independent_master_reads_over_ipv4_and_ipv6(simulate: Simulate, host: str) -> None:
    sim = await simulate(LINE.replace("127.0.0.1", host))
    name, port = address(sim)
    client = AsyncModbusTcpClient(name, port=port, retries=0)
    assert await client.connect()
    try:
        words = (await client.read_holding_registers(0, count=4, device_id=1)).registers
        crane = (await client.read_holding_registers(0, count=1, device_id=2)).registers
        stranger = await client.read_holding_registers(0, count=1, device_id=7)
    finally:
        client.close()

    assert words == [0, 0x4060, 0, 1]
    assert crane == [65536 - 42]
    assert stranger.exception_code == 11


async def test_pipelined_requests_are_answered_in_order(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    reader, writer = await asyncio.open_connection(*address(sim))
    async with asyncio.timeout(DEADLINE_S):
        writer.write(b"".join(request(transaction, 1, 4) for transaction in (7, 8, 9)))
        answers = [await reader.readexactly(17) for _ in range(3)]
    writer.close()

    assert answers == [plc(7, 1), plc(8, 2), plc(9, 3)]


async def test_several_masters_never_get_the_same_counter(simulate: Simulate) -> None:
    sim = await simulate(LINE)

    async def master() -> list[int]:
        reader, writer = await asyncio.open_connection(*address(sim))
        counters = []
        for transaction in range(10):
            writer.write(request(transaction, 1, 4))
            counters.append(int.from_bytes((await reader.readexactly(17))[-4:], "big"))
        writer.close()
        return counters

    async with asyncio.timeout(DEADLINE_S):
        seen = await asyncio.gather(*(master() for _ in range(4)))

    assert sorted(counter for counters in seen for counter in counters) == list(range(1, 41))
    assert [row.counter for row in read_served(sim.run_dir)] == list(range(1, 41))


async def test_what_is_not_modbus_is_hung_up_on(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    reader, writer = await asyncio.open_connection(*address(sim))
    async with asyncio.timeout(DEADLINE_S):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.read() == b""
    writer.close()


async def test_faults_are_seen_on_the_wire(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    reader, writer = await asyncio.open_connection(*address(sim))
    async with asyncio.timeout(DEADLINE_S):
        await sim.set_fault("plc", "exception", code=4)
        writer.write(request(1, 1, 4))
        failure = await reader.readexactly(9)
        await sim.clear_fault("plc", "exception")
        await sim.set_fault("plc", "wrong-unit")
        writer.write(request(2, 1, 4))
        stranger = await reader.readexactly(17)
        await sim.clear_fault("plc", "wrong-unit")
        await sim.set_fault("plc", "silence")
        writer.write(request(3, 1, 4) + request(4, 2, 1))
        only_crane = await reader.readexactly(11)
        await sim.clear_fault("plc", "silence")
        await sim.set_fault("plc", "garbage")
        writer.write(request(5, 1, 4))
        garbage = await reader.readexactly(17)
    writer.close()

    assert failure == bytes.fromhex("0001 0000 0003 01 83 04")
    assert stranger == plc(2, 1, unit=2)
    assert only_crane == bytes.fromhex("0004 0000 0005 02 03 02 ffd6")
    assert garbage != plc(5, 1)
    assert [row.fault for row in read_served(sim.run_dir)] == [
        "exception",
        "wrong-unit",
        "silence",
        None,
        "garbage",
    ]


async def test_a_disconnected_server_drops_and_refuses_then_listens_again(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    reader, writer = await asyncio.open_connection(*address(sim))
    async with asyncio.timeout(DEADLINE_S):
        writer.write(request(1, 1, 4))
        await reader.readexactly(17)
        await sim.set_fault("plc", "disconnect")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address(sim))
        await sim.clear_fault("plc", "disconnect")
        reader, writer = await asyncio.open_connection(*address(sim))
        writer.write(request(2, 1, 4))
        assert await reader.readexactly(17) == plc(2, 2)
    writer.close()


async def test_a_fault_that_the_protocol_cannot_show_is_refused(simulate: Simulate) -> None:
    sim = await simulate(LINE)

    with pytest.raises(FaultError, match="plc cannot have 'bad-crc'"):
        await sim.set_fault("plc", "bad-crc")
    with pytest.raises(FaultError, match="no instrument 'pump'"):
        await sim.set_fault("pump", "silence")
