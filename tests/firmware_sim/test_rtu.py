import time

import pytest
from pymodbus import ModbusException
from pymodbus.client import AsyncModbusSerialClient

from firmware_sim import read_served
from tests.firmware_sim.conftest import Simulate
from tests.firmware_sim.masters import RawPort, rtu, until

LINE = """
    lines:
      dam-485:
        kind: modbus-rtu
        line: 9600-8N1
        units:
          - unit: 3
            name: level
            turnaround: 15ms
            registers:
              - {table: input, addr: 0, type: u16, scale: 0.001, value: {constant: 1.25}}
              - {table: input, addr: 1, type: u32, value: answers}
              - {table: coil, addr: 0, type: bool, value: {constant: 1}}
          - unit: 4
            name: rain
            registers:
              - {table: input, addr: 0, type: u16, value: {constant: 7}}
"""
ASK_LEVEL = rtu("030400000003")
ASK_RAIN = rtu("040400000001")
LEVEL_SIZE = 11


def level(counter: int) -> bytes:
    return rtu(f"030406 04e2 {counter:08x}")


async def test_units_share_a_line_and_an_independent_master_reads_them(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    client = AsyncModbusSerialClient(sim.endpoints["dam-485"], baudrate=9600, timeout=5, retries=0)
    assert await client.connect()
    try:
        level_words = (await client.read_input_registers(0, count=3, device_id=3)).registers
        rain_words = (await client.read_input_registers(0, count=1, device_id=4)).registers
        bits = (await client.read_coils(0, count=1, device_id=3)).bits
        refused = await client.read_input_registers(0, count=2, device_id=4)
        written = await client.write_coils(0, [False], device_id=3)
        bits_after = (await client.read_coils(0, count=1, device_id=3)).bits
    finally:
        client.close()

    assert (level_words, rain_words, bits[0]) == ([1250, 0, 1], [7], True)
    assert (refused.isError(), refused.exception_code) == (True, 2)
    assert (written.isError(), bits_after[0]) == (False, False)


@pytest.mark.parametrize("setting", ["9600-8N1", "19200-8E1", "115200-8N2"])
async def test_every_line_setting_serves(simulate: Simulate, setting: str) -> None:
    sim = await simulate(LINE.replace("9600-8N1", setting))

    with RawPort(sim.endpoints["dam-485"]) as port:
        assert await port.ask(ASK_LEVEL, LEVEL_SIZE) == level(1)


async def test_the_counter_counts_the_answers_that_carry_it(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    with RawPort(sim.endpoints["dam-485"]) as port:
        answers = [await port.ask(ASK_LEVEL, LEVEL_SIZE) for _ in range(3)]
        await port.ask(rtu("030400000001"), 7)
        answers.append(await port.ask(ASK_LEVEL, LEVEL_SIZE))

    assert answers == [level(1), level(2), level(3), level(4)]
    served = read_served(sim.run_dir)
    assert [row.counter for row in served] == [1, 2, 3, None, 4]
    assert served[0].values == {"input/0": 1.25, "input/1": 1.0}


async def test_a_restarted_simulator_goes_on_counting(simulate: Simulate) -> None:
    first = await simulate(LINE)
    with RawPort(first.endpoints["dam-485"]) as port:
        await port.ask(ASK_LEVEL, LEVEL_SIZE)
    await first.__aexit__(None, None, None)

    second = await simulate(LINE)

    with RawPort(second.endpoints["dam-485"]) as port:
        assert await port.ask(ASK_LEVEL, LEVEL_SIZE) == level(2)


async def test_bytes_take_the_time_of_the_line(simulate: Simulate) -> None:
    """Nineteen characters at 600 baud last 0.32 s and the pause 0.06 s: an answer is never sooner."""
    sim = await simulate(LINE.replace("9600-8N1", "600-8N1"))
    with RawPort(sim.endpoints["dam-485"]) as port:
        asked_s = time.time()
        await port.ask(ASK_LEVEL, LEVEL_SIZE)
        last_byte_s = port.last_s

    char_s = 10 / 600
    assert last_byte_s - asked_s >= (len(ASK_LEVEL) + LEVEL_SIZE + 3.5) * char_s
    (row,) = read_served(sim.run_dir)
    assert row.wall_s - asked_s >= (len(ASK_LEVEL) + LEVEL_SIZE + 3.5) * char_s


async def test_a_dying_master_leaves_nothing_that_hurts_the_next(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    with RawPort(sim.endpoints["dam-485"]) as dying:
        dying.write(ASK_LEVEL[:5])

    with RawPort(sim.endpoints["dam-485"]) as port:
        assert await port.ask(ASK_LEVEL, LEVEL_SIZE) == level(1)


async def test_other_units_and_broadcasts_are_not_answered(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    with RawPort(sim.endpoints["dam-485"]) as port:
        port.write(rtu("090400000001"))
        port.write(rtu("000500000000"))
        answer = await port.ask(ASK_LEVEL, LEVEL_SIZE)
        coil = await port.ask(rtu("030100000001"), 6)

    assert answer == level(1)
    assert coil == rtu("03010100")  # the broadcast was obeyed


async def test_an_unknown_function_is_exception_1(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    with RawPort(sim.endpoints["dam-485"]) as port:
        assert await port.ask(rtu("0307"), 5) == rtu("038701")


async def test_silence_says_nothing_and_counts_nothing(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    await sim.set_fault("level", "silence")
    with RawPort(sim.endpoints["dam-485"]) as port:
        port.write(ASK_LEVEL)
        rain = await port.ask(ASK_RAIN, 7)
        await until(lambda: any(row.instrument == "level" for row in read_served(sim.run_dir)))
        heard = port.received
        await sim.clear_fault("level", "silence")
        answer = await port.ask(ASK_LEVEL, LEVEL_SIZE)

    assert rain == rtu("0404020007")
    assert heard == b""
    assert answer == level(1)
    rows = [(row.counter, row.fault) for row in read_served(sim.run_dir) if row.instrument == "level"]
    assert rows == [(None, "silence"), (1, None)]


async def test_falsified_answers_are_seen_on_the_wire_and_count_nothing(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    with RawPort(sim.endpoints["dam-485"]) as port:
        await sim.set_fault("level", "bad-crc")
        bad = await port.ask(ASK_LEVEL, LEVEL_SIZE)
        await sim.clear_fault("level", "bad-crc")
        await sim.set_fault("level", "exception", code=6)
        busy = await port.ask(ASK_LEVEL, 5)
        await sim.clear_fault("level", "exception")
        await sim.set_fault("level", "wrong-unit")
        stranger = await port.ask(ASK_LEVEL, LEVEL_SIZE)
        await sim.clear_fault("level", "wrong-unit")
        await sim.set_fault("level", "garbage")
        garbage = await port.ask(ASK_LEVEL, LEVEL_SIZE)
        await sim.clear_fault("level", "garbage")
        intact = await port.ask(ASK_LEVEL, LEVEL_SIZE)

    assert bad[:-2] == level(1)[:-2]
    assert bad != level(1)
    assert busy == rtu("038406")
    assert stranger == rtu("040406 04e2 00000001")
    assert garbage != level(1)
    assert intact == level(1)
    rows = [(row.counter, row.fault) for row in read_served(sim.run_dir)]
    assert rows == [
        (None, "bad-crc"),
        (None, "exception"),
        (None, "wrong-unit"),
        (None, "garbage"),
        (1, None),
    ]


async def test_a_late_answer_is_true_and_late(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    await sim.set_fault("level", "late", delay_ms=300)
    with RawPort(sim.endpoints["dam-485"]) as port:
        asked_s = time.time()
        port.write(ASK_LEVEL + ASK_RAIN)
        rain = await port.take(7)  # the line is free while the other one dawdles
        answer = await port.take(LEVEL_SIZE)
        arrived_s = port.last_s

    assert (rain, answer) == (rtu("0404020007"), level(1))
    assert arrived_s - asked_s >= 0.3
    assert [(row.instrument, row.counter, row.fault) for row in read_served(sim.run_dir)] == [
        ("rain", None, None),
        ("level", 1, "late"),
    ]


async def test_a_pulled_plug_takes_the_port_away_and_gives_it_back(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    link = sim.run_dir / "dam-485"
    with RawPort(sim.endpoints["dam-485"]) as port:
        await sim.set_fault("level", "disconnect")
        assert not link.is_symlink()
        port.write(ASK_LEVEL)
        await sim.clear_fault("level", "disconnect")
        assert link.is_symlink()
        answer = await port.ask(ASK_RAIN, 7)

    assert answer == rtu("0404020007")
    assert [row.instrument for row in read_served(sim.run_dir)] == ["rain"]


async def test_a_master_that_opens_an_unplugged_port_fails_at_once(simulate: Simulate) -> None:
    sim = await simulate(LINE)
    await sim.set_fault("rain", "disconnect")
    client = AsyncModbusSerialClient(sim.endpoints["dam-485"], baudrate=9600, retries=0, reconnect_delay=0)
    try:
        assert not await client.connect()
    except ModbusException:
        pass
    finally:
        client.close()
