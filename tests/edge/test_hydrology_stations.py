"""SL 651 and SL/T 427 stations over real sockets: kept first, confirmed then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.sl427.frames import decode_frame as decode_sl427
from edge.sl651.frames import End
from edge.sl651.frames import Frame as Sl651Frame
from edge.sl651.frames import Splitter as Sl651Splitter
from edge.sl651.frames import decode_frame as decode_sl651
from tests.edge import encoders as by_the_book
from tests.edge.field import PATIENCE_S, START, Centre, agent, centre, clock_text, district_of, until
from tests.servers import free_port
from transport.measurement import Quality, to_ms
from transport.session import Endpoint

pytestmark = pytest.mark.server

CHINA = ZoneInfo("Asia/Shanghai")
LOCAL = START.astimezone(CHINA).replace(tzinfo=None)
RIVER, RAIN = "0010100001", "00418d2337"

FIELD = """
gateways:
  gw:
    area: town
    buses:
      net: {kind: KIND-tcp, listen: "127.0.0.1:9"}
profiles:
  sl651:
    protocol: sl651
    codes:
      "39": {point: level, unit: m}
      F4: {point: rain, unit: mm}
  sl427:
    protocol: sl427
    codes:
      level1: {point: level, unit: m}
      rain-5min: {point: rain, unit: mm}
devices:
  - {id: river, site: here, gateway: gw, bus: net, station: "0010100001", use: KIND, expect: 5m}
  - {id: gauge, site: here, gateway: gw, bus: net, station: "00418D2337", use: KIND, expect: 5m}
sites:
  here: {kind: river, area: cell, name: {zh: 河, en: River}}
"""


class Line:
    """A station's side of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._splitter = Sl651Splitter()

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self._writer.write(frame)

    async def heard(self) -> bytes:
        return await asyncio.wait_for(self._reader.read(4096), PATIENCE_S)

    async def answer(self) -> Sl651Frame:
        return decode_sl651(await self.heard())

    async def hears_nothing_but(self, frame: bytes) -> bytes:
        """What comes first once ``frame`` is sent: whatever was sent before got no answer."""
        self.send(frame)
        return await self.heard()


@asynccontextmanager
async def station(
    tmp_path: Path, broker: Endpoint, kind: str, *, settings: str = ""
) -> AsyncIterator[tuple[Line, Centre]]:
    port = free_port()
    text = FIELD.replace("KIND", kind).replace('"127.0.0.1:9"', f'"127.0.0.1:9"{settings}')
    district = district_of(tmp_path / "district", text)
    async with (
        centre(broker) as there,
        agent(
            district,
            broker,
            tmp_path / "state",
            clock=clock_text(1.0),
            bus_endpoints={"net": f"127.0.0.1:{port}"},
        ),
    ):
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                assert asyncio.get_running_loop().time() < deadline, "nobody listens"
                await asyncio.sleep(0.01)
        try:
            yield Line(reader, writer), there
        finally:
            writer.close()


def level(
    station_id: str, metres: float, at: datetime = LOCAL, *, serial: int = 7, function: int = 0x32
) -> bytes:
    element = by_the_book.sl651_element("39", metres, 4, 3)
    body = by_the_book.sl651_body(serial, at, station_id, at, element)
    return by_the_book.sl651_up(station_id, function, body)


async def test_a_report_is_confirmed_with_its_serial_and_our_time(tmp_path: Path, broker: Endpoint) -> None:
    async with station(tmp_path, broker, "sl651") as (line, there):
        line.send(level(RIVER, 1.234))

        answer = await line.answer()

        assert (answer.station_id, answer.function, answer.down, answer.end) == (RIVER, 0x32, True, End.ESC)
        assert answer.body[:2] == (7).to_bytes(2, "big")
        assert answer.body[2:7] == bytes.fromhex(f"{LOCAL:%y%m%d%H%M}")
        await until(lambda: there.samples("river", "level"), "the level to arrive")
        (sample,) = there.samples("river", "level")
        assert (sample.value, sample.at_ms, sample.quality) == (1.234, to_ms(START), Quality.GOOD)


async def test_a_station_that_need_not_stay_is_told_so(tmp_path: Path, broker: Endpoint) -> None:
    async with station(tmp_path, broker, "sl651", settings=", online: false") as (line, _):
        line.send(level(RIVER, 1.0))

        assert (await line.answer()).end is End.EOT


async def test_an_hour_is_dated_group_by_group_and_missing_groups_have_no_value(
    tmp_path: Path, broker: Endpoint
) -> None:
    async with station(tmp_path, broker, "sl651") as (line, there):
        earlier = LOCAL - timedelta(hours=1)
        rains = b"\xf4\x60" + bytes([5, 0, 0xFF, *([0] * 9)])
        body = by_the_book.sl651_body(1, LOCAL, RAIN, earlier, rains, kind=0x50)
        line.send(by_the_book.sl651_up(RAIN, 0x34, body))
        await line.answer()

        await until(lambda: len(there.samples("gauge", "rain")) == 12, "twelve groups")
        first, _, third, *_ = there.samples("gauge", "rain")
        assert (first.at_ms, first.value) == (to_ms(START) - 3_600_000, 0.5)
        assert (third.value, third.quality) == (None, Quality.SENTINEL)


async def test_a_message_in_packets_is_confirmed_once_when_it_is_whole(
    tmp_path: Path, broker: Endpoint
) -> None:
    async with station(tmp_path, broker, "sl651") as (line, there):
        series = b"\x04\x18\x00\x00\x05\x39\x23" + b"".join(by_the_book.bcd(mm, 4) for mm in range(60))
        body = by_the_book.sl651_body(9, LOCAL, RIVER, LOCAL - timedelta(hours=5), series)
        first, second, third = by_the_book.sl651_packets(RIVER, 0x31, [body[:50], body[50:120], body[120:]])
        line.send(first, third)

        missing = await line.answer()
        line.send(second)
        whole = await line.answer()

        assert (missing.end, missing.packets, missing.packet) == (End.NAK, 3, 2)
        assert (whole.end, whole.packets, whole.packet) == (End.ESC, 3, 3)
        await until(lambda: len(there.samples("river", "level")) == 60, "sixty levels")
        assert there.values("river", "level") == [mm / 1000 for mm in range(60)]


async def test_tests_and_keep_alives_leave_no_values(tmp_path: Path, broker: Endpoint) -> None:
    async with station(tmp_path, broker, "sl651") as (line, there):
        keep_alive = by_the_book.sl651_up(RIVER, 0x2F, b"\0\7" + bytes.fromhex(f"{LOCAL:%y%m%d%H%M%S}"))
        line.send(keep_alive)

        answer = decode_sl651(await line.hears_nothing_but(level(RIVER, 9.0, function=0x30)))
        line.send(level(RIVER, 1.0, LOCAL + timedelta(minutes=1)))
        await line.answer()

        assert answer.function == 0x30
        await until(lambda: there.values("river", "level"), "the real level")
        assert there.values("river", "level") == [1.0]


async def test_strangers_and_damaged_frames_are_not_confirmed(tmp_path: Path, broker: Endpoint) -> None:
    async with station(tmp_path, broker, "sl651") as (line, there):
        damaged = bytearray(level(RIVER, 2.0))
        damaged[-4] ^= 1
        line.send(b"\x00noise", level("0099999999", 3.0), bytes(damaged))

        answer = decode_sl651(await line.hears_nothing_but(level(RIVER, 1.0, serial=8)))

        assert answer.body[:2] == (8).to_bytes(2, "big")
        await until(lambda: there.values("river", "level"), "the good one")
        assert there.values("river", "level") == [1.0]


async def test_a_clock_that_is_ahead_is_marked(tmp_path: Path, broker: Endpoint) -> None:
    async with station(tmp_path, broker, "sl651") as (line, there):
        line.send(level(RIVER, 1.0, LOCAL + timedelta(hours=1)))
        await line.answer()

        await until(lambda: there.samples("river", "level"), "the level")
        assert there.samples("river", "level")[0].quality is Quality.DOUBTFUL_TIME


async def test_an_sl427_report_is_confirmed_and_kept(tmp_path: Path, broker: Endpoint) -> None:
    async with station(tmp_path, broker, "sl427") as (line, there):
        data = by_the_book.sl427_digits(-1.234, 4, 3, signed=True) + bytes(4)
        line.send(by_the_book.sl427_up(RIVER, 2, data, LOCAL))

        answer = decode_sl427(await line.heard())

        assert (answer.up, answer.station_id, answer.function, answer.count) == (False, RIVER, 0xC0, 3)
        assert answer.data[0] == 0
        await until(lambda: there.values("river", "level"), "the level")
        (sample,) = there.samples("river", "level")
        assert (sample.value, sample.at_ms) == (-1.234, to_ms(START))


async def test_an_sl427_link_test_is_confirmed_with_its_own_data(tmp_path: Path, broker: Endpoint) -> None:
    async with station(tmp_path, broker, "sl427") as (line, _):
        user = bytes((0xB0,)) + bytes.fromhex(RIVER) + b"\x02\xf2"
        line.send(bytes((0x68, len(user), 0x68)) + user + bytes((by_the_book.bits_crc8(user), 0x16)))

        answer = decode_sl427(await line.heard())

        assert (answer.up, answer.function, answer.data) == (False, 0x02, b"\xf2")
