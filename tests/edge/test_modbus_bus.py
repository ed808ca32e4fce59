"""One bus, with an instrument that follows a script of faults over a real pseudo-terminal or socket."""

import asyncio
import os
import re
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from district.bus import HostPort, SerialLine
from edge.errors import LinkDownError, ReadError, RefusedError
from edge.link import Link, dial_serial, dial_tcp
from edge.modbus.bus import ModbusBus, Timing, rtu_bus, tcp_bus
from edge.modbus.framing import ReadRequest
from tests.edge.test_modbus_framing import request, rtu, tcp
from transport.measurement import Quality

LINE = SerialLine(baud=115200, bits=8, parity="N", stop=1)
TIMEOUT_S = 0.15
NOON_MS = 1_528_000_000_000

Script = Callable[[bytes], list[tuple[float, bytes]]]


class Instrument:
    """The other end of the wire: answers each request as its script says, after so many seconds."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self.heard: list[bytes] = []
        self.script: Script = lambda _: []
        self.say = send

    def hear(self, data: bytes) -> None:
        self.heard.append(data)
        loop = asyncio.get_running_loop()
        for delay_s, answer in self.script(data):
            loop.call_later(delay_s, self.say, answer)


@contextmanager
def pty_instrument() -> Iterator[tuple[Instrument, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    loop = asyncio.get_running_loop()
    instrument = Instrument(lambda data: os.write(master, data))
    loop.add_reader(master, lambda: instrument.hear(os.read(master, 4096)))
    try:
        yield instrument, os.ttyname(slave)
    finally:
        loop.remove_reader(master)
        os.close(master)
        os.close(slave)


@asynccontextmanager
async def serial_bus() -> AsyncIterator[tuple[ModbusBus, Instrument]]:
    with pty_instrument() as (instrument, port):
        link = Link("line", dial_serial(port, LINE), now_ms=lambda: NOON_MS)
        bus = rtu_bus(link, Timing(timeout_s=TIMEOUT_S, gap_s=0.002, char_s=LINE.char_s))
        try:
            yield bus, instrument
        finally:
            await bus.close()


@asynccontextmanager
async def socket_bus() -> AsyncIterator[tuple[ModbusBus, Instrument]]:
    writers: list[asyncio.StreamWriter] = []

    def send(data: bytes) -> None:
        writers[-1].write(data)

    instrument = Instrument(send)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while data := await reader.read(4096):
            instrument.hear(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = HostPort(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    bus = tcp_bus(Link("plc", dial_tcp(address), now_ms=lambda: NOON_MS), timeout_s=TIMEOUT_S)
    try:
        yield bus, instrument
    finally:
        await bus.close()
        server.close()


def registers(asked: bytes, *values: int) -> bytes:
    """A good RTU answer to a request for holding registers."""
    data = b"".join(value.to_bytes(2, "big") for value in values)
    return rtu(asked[0], bytes((asked[1], len(data))) + data)


def count_of(asked: bytes) -> int:
    return int.from_bytes(asked[4:6], "big")


def obedient(value: int, delay_s: float = 0.0) -> Script:
    """An instrument whose registers all hold ``value``."""
    return lambda asked: [(delay_s, registers(asked, *[value] * count_of(asked)))]


async def read_error(bus: ModbusBus, asks: ReadRequest) -> ReadError:
    with pytest.raises(ReadError) as refused:
        await bus.ask(asks)
    return refused.value


async def test_an_answer_is_dated_when_it_came() -> None:
    async with serial_bus() as (bus, instrument):
        instrument.script = obedient(7)

        answer = await bus.ask(request())

        assert (answer.data, answer.at_ms) == (b"\x00\x07", NOON_MS)


async def test_an_answer_in_pieces_is_put_together() -> None:
    async with serial_bus() as (bus, instrument):
        whole = rtu(1, b"\x03\x04\x00\x01\x00\x02")
        instrument.script = lambda _: [(0.01 * i, whole[i : i + 1]) for i in range(len(whole))]

        assert (await bus.ask(request(count=2))).data == b"\x00\x01\x00\x02"


async def test_a_dead_unit_is_a_timeout_and_its_neighbour_answers() -> None:
    async with serial_bus() as (bus, instrument):
        instrument.script = lambda asked: obedient(7)(asked) if asked[0] == 2 else []

        assert (await read_error(bus, request(unit=1))).quality is Quality.TIMEOUT
        assert (await bus.ask(request(unit=2))).data == b"\x00\x07"


async def test_a_wrong_crc_is_a_checksum_fault() -> None:
    async with serial_bus() as (bus, instrument):
        instrument.script = lambda asked: [(0.0, registers(asked, 7)[:-1] + b"\x00")]

        assert (await read_error(bus, request())).quality is Quality.CHECKSUM


async def test_an_exception_is_a_refusal_with_its_code() -> None:
    async with serial_bus() as (bus, instrument):
        instrument.script = lambda asked: [(0.0, rtu(asked[0], bytes((asked[1] | 0x80, 2))))]

        with pytest.raises(RefusedError) as refused:
            await bus.ask(request())
        assert (refused.value.code, refused.value.quality) == (2, Quality.EXCEPTION)


async def test_noise_before_an_answer_is_passed_over() -> None:
    async with serial_bus() as (bus, instrument):
        instrument.script = lambda asked: [(0.0, b"\xff\x00\x03"), (0.02, registers(asked, 7))]

        assert (await bus.ask(request())).data == b"\x00\x07"


async def test_a_late_answer_is_never_taken_for_the_next() -> None:
    async with serial_bus() as (bus, instrument):
        old, new = 111, 222
        instrument.script = obedient(old, delay_s=TIMEOUT_S + 0.05)
        await read_error(bus, request())
        instrument.script = obedient(new, delay_s=0.1)

        answer = await bus.ask(request())

        assert answer.data == new.to_bytes(2, "big")


async def test_an_instrument_that_is_always_late_is_silent_rather_than_wrong() -> None:
    async with serial_bus() as (bus, instrument):
        for value in range(8):
            instrument.script = obedient(value, delay_s=TIMEOUT_S + 0.06)
            assert (await read_error(bus, request())).device_id == "gauge"


async def test_after_a_timeout_a_short_question_is_asked_first() -> None:
    async with serial_bus() as (bus, instrument):
        await read_error(bus, request(count=40))
        instrument.heard.clear()
        await read_error(bus, request(count=40))

        assert [count_of(asked) for asked in instrument.heard] == [1]


async def test_what_came_before_the_question_is_forgotten() -> None:
    async with serial_bus() as (bus, instrument):
        instrument.script = obedient(7)
        await bus.ask(request())
        instrument.say(registers(b"\x01\x03", 9))
        instrument.script = obedient(8)

        assert (await bus.ask(request())).data == b"\x00\x08"


async def test_a_port_that_is_away_is_down_and_heals(tmp_path: Path) -> None:
    with pty_instrument() as (instrument, port):
        by_id = tmp_path / "usb-adapter"
        link = Link("line", dial_serial(str(by_id), LINE), now_ms=lambda: 0)
        bus = rtu_bus(link, Timing(timeout_s=TIMEOUT_S, gap_s=0.002, char_s=LINE.char_s))
        instrument.script = obedient(7)
        try:
            with pytest.raises(LinkDownError, match="usb-adapter"):
                await bus.ask(request())
            by_id.symlink_to(port)
            await link.retry_pause()

            assert (await bus.ask(request())).data == b"\x00\x07"
        finally:
            await bus.close()


async def test_a_server_that_hangs_up_is_down_and_heals() -> None:
    async with socket_bus() as (bus, instrument):
        instrument.script = lambda asked: [
            (0.0, tcp(int.from_bytes(asked[:2], "big"), asked[6], b"\x03\x02\x00\x07"))
        ]
        assert (await bus.ask(request())).data == b"\x00\x07"
        # Garbage where a header must be: the stream is useless, and is replaced by a new one.
        good, instrument.script = instrument.script, lambda _: [(0.0, b"\xff" * 20)]
        assert (await read_error(bus, request())).quality is Quality.CHECKSUM
        assert not bus.is_open
        instrument.script = good

        assert (await bus.ask(request())).data == b"\x00\x07"


async def test_a_late_answer_over_tcp_is_known_by_its_number() -> None:
    async with socket_bus() as (bus, instrument):

        def slow(asked: bytes) -> list[tuple[float, bytes]]:
            number = int.from_bytes(asked[:2], "big")
            return [(TIMEOUT_S + 0.05, tcp(number, asked[6], b"\x03\x02\x00\x6f"))]

        instrument.script = slow
        await read_error(bus, request())
        instrument.script = lambda asked: [
            (0.1, tcp(int.from_bytes(asked[:2], "big"), asked[6], b"\x03\x02\x00\xde"))
        ]

        assert (await bus.ask(request())).data == b"\x00\xde"


async def test_a_connection_that_only_keeps_silent_is_replaced() -> None:
    async with socket_bus() as (bus, _):
        for _attempt in range(3):
            await read_error(bus, request())

        assert not bus.is_open


async def test_a_port_has_one_owner() -> None:
    with pty_instrument() as (_, port):
        owner, rival = (Link(name, dial_serial(port, LINE), now_ms=lambda: 0) for name in ("owner", "rival"))
        await owner.open()
        try:
            with pytest.raises(LinkDownError, match="lock"):
                await rival.open()
        finally:
            await owner.close()


async def test_frames_of_another_master_and_its_units_are_passed_over() -> None:
    async with serial_bus() as (bus, instrument):
        foreign = rtu(9, b"\x03\x00\x00\x00\x01") + rtu(9, b"\x03\x02\x12\x34") + b"\x01\x03\x02\xff"

        instrument.script = lambda asked: [(0.0, foreign), (0.02, registers(asked, 7)), (0.03, foreign)]

        for _ in range(3):
            assert (await bus.ask(request())).data == b"\x00\x07"


async def test_a_unit_that_always_answered_at_once_is_not_waited_for_long() -> None:
    with pty_instrument() as (instrument, port):
        link = Link("line", dial_serial(port, LINE), now_ms=lambda: NOON_MS)
        bus = rtu_bus(link, Timing(timeout_s=2.0, gap_s=0.002, char_s=LINE.char_s))
        try:
            instrument.script = obedient(7)
            for _ in range(20):
                await bus.ask(request())
            instrument.script = lambda _: []
            for _ in range(2):  # the first silence is waited out: it may only be slower
                await read_error(bus, request())

            reason = (await read_error(bus, request())).reason

            (wait_ms,) = re.findall("no answer within ([0-9]+) ms", reason)
            assert int(wait_ms) < 1000
        finally:
            await bus.close()


async def test_a_unit_that_became_slower_is_still_read() -> None:
    with pty_instrument() as (instrument, port):
        link = Link("line", dial_serial(port, LINE), now_ms=lambda: NOON_MS)
        bus = rtu_bus(link, Timing(timeout_s=2.0, gap_s=0.002, char_s=LINE.char_s))
        try:
            instrument.script = obedient(7)
            for _ in range(20):
                await bus.ask(request())
            instrument.script = obedient(8, delay_s=0.4)
            await read_error(bus, request())

            answers = [(await bus.ask(request())).data for _ in range(3)]

            assert answers == [b"\x00\x08"] * 3
        finally:
            await bus.close()
