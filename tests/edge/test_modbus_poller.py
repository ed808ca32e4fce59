"""The owner of a bus: whose turn it is, on an overloaded line, beside a dead unit, over each framing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from district.bus import HostPort, ModbusRtuBus, SerialLine
from district.inventory import Device
from edge.counters import Counters
from edge.link import Link, dial_serial, dial_tcp
from edge.modbus.bus import ModbusBus, Timing, ascii_bus, rtu_bus
from edge.modbus.poller import BusPoller
from edge.modbus.unit import ModbusUnit
from tests.edge.field import until
from tests.edge.points import device, point, register
from tests.edge.test_modbus_bus import Instrument, obedient, pty_instrument
from tests.edge.test_modbus_framing import request
from transport.batch import Reading
from transport.clock import real_clock
from transport.measurement import Quality

LINE = SerialLine(baud=38400, bits=8, parity="N", stop=1)
SPEC = ModbusRtuBus.model_validate(
    {"kind": "modbus-rtu", "port": "/dev/ttyS0", "line": "38400-8N1", "timeout": "200ms"}
)
TIMING = Timing(timeout_s=0.2, gap_s=0.002, char_s=LINE.char_s)


class Taken:
    """What came of each device."""

    def __init__(self) -> None:
        self.good: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def take(self, reading: Reading) -> None:
        self.good[reading.device] += 1

    def fail(self, device: Device, points: Iterable[str], quality: Quality, at_ms: int) -> None:
        del points, quality, at_ms
        self.failed[device.id] += 1


def gauges(count: int, every_ms: int) -> list[Device]:
    gauge = device("gauge", point("level", source=register(0)), point("flow", source=register(200)))
    return [
        replace(gauge, id=f"unit-{n}", unit=n, interval=timedelta(milliseconds=every_ms))
        for n in range(1, count + 1)
    ]


@asynccontextmanager
async def polled(
    devices: Sequence[Device],
    script: Callable[[bytes], list[tuple[float, bytes]]],
    urgent: Sequence[str] = (),
) -> AsyncIterator[tuple[Taken, Counters, Instrument]]:
    """A bus owner at work on an instrument that follows a script."""
    with pty_instrument() as (instrument, port):
        instrument.script = script
        taken, counters = Taken(), Counters()
        bus = rtu_bus(Link("line", dial_serial(port, LINE), now_ms=real_clock().now_ms), TIMING)
        poller = BusPoller(
            "line",
            bus,
            [ModbusUnit(each, SPEC, ["level"] if each.id in urgent else []) for each in devices],
            attempt_s=0.2,
            clock=real_clock(),
            intake=taken,
            counters=counters,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(poller.run(stop))
        try:
            yield taken, counters, instrument
        finally:
            stop.set()
            await task


async def test_on_an_overloaded_bus_urgent_points_go_first_and_nobody_is_forgotten() -> None:
    devices = gauges(6, every_ms=20)

    async with polled(devices, obedient(7, delay_s=0.01), urgent=["unit-4"]) as (taken, counters, instrument):
        await until(lambda: taken.good["unit-4"] > 60, "readings of the urgent device")

    levels = Counter(asked[0] for asked in instrument.heard if asked[2:4] == b"\0\0")
    others = [levels[each] for each in (1, 2, 3, 5, 6)]
    assert counters.late_polls > 0
    assert min(others) > 0
    assert levels[4] > 1.5 * max(others)


async def test_on_an_overloaded_bus_without_urgent_points_all_have_their_turn() -> None:
    devices = gauges(5, every_ms=10)

    async with polled(devices, obedient(7)) as (taken, _, _):
        await until(lambda: min(taken.good[each.id] for each in devices) > 10, "readings of every device")

    assert max(taken.good.values()) <= 1.5 * min(taken.good.values())


async def test_a_dead_unit_is_asked_ever_more_rarely_and_by_a_short_question() -> None:
    devices = gauges(3, every_ms=50)

    async with polled(devices, lambda asked: [] if asked[0] == 2 else obedient(7)(asked)) as (
        taken,
        counters,
        instrument,
    ):
        await until(lambda: taken.good["unit-3"] > 100, "readings beside a dead unit")

    to_the_dead = sum(asked[0] == 2 for asked in instrument.heard)
    assert counters.silent == 1
    assert taken.failed["unit-2"] > 0
    assert to_the_dead < 10 < len(instrument.heard)


def spelt(frame: bytes) -> bytes:
    """A frame without its check, as Modbus ASCII writes it."""
    return b":" + (frame + bytes((-sum(frame) & 0xFF,))).hex().upper().encode() + b"\r\n"


async def read_once(bus: ModbusBus) -> bytes:
    try:
        return (await bus.ask(request(count=2))).data
    finally:
        await bus.close()


async def test_units_that_speak_ascii_are_read() -> None:
    with pty_instrument() as (instrument, port):
        good = spelt(b"\x01\x03\x04\x00\x01\x00\x02")
        instrument.script = lambda _: [(0.0, b"\x00:01" + good[:6]), (0.02, good[6:]), (0.03, good)]
        bus = ascii_bus(Link("line", dial_serial(port, LINE), now_ms=lambda: 0), TIMING)

        assert await read_once(bus) == b"\0\1\0\2"

        assert instrument.heard[0] == spelt(b"\x01\x03\x00\x00\x00\x02")


async def test_units_behind_a_transparent_converter_are_read() -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.read(100)
        heard.append(asked)
        (answer,) = obedient(7)(asked)
        writer.write(answer[1])
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = HostPort(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    bus = rtu_bus(Link("converter", dial_tcp(address), now_ms=lambda: 0), TIMING)

    assert await read_once(bus) == b"\0\7\0\7"

    server.close()
    assert len(heard[0]) == 8
