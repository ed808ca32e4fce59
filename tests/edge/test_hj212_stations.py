"""HJ 212 stations over real sockets: kept first, answered then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from district.bus import HostPort
from district.inventory import CodeSource, Device
from edge.conversation import Conversation
from edge.counters import Counters
from edge.hj212.hearer import Hj212Hearer
from edge.hj212.stations import Stations
from edge.listeners import StationServer
from edge.roll import Roll
from tests.edge.field import PATIENCE_S, intake_of, until
from tests.edge.points import point, station
from tests.edge.test_hj212_segments import from_the_standard
from transport.batch import Sample, decode_batch
from transport.clock import Clock
from transport.courier import Courier
from transport.measurement import Quality, to_ms
from transport.outbox import Outbox, open_outbox
from transport.session import Endpoint, open_session

CHINA = ZoneInfo("Asia/Shanghai")
NOON = datetime(2018, 6, 3, 12, 0)  # noqa: DTZ001  (as stations say it)
NOON_MS = to_ms(NOON.replace(tzinfo=CHINA))
NOBODY = Endpoint(host="127.0.0.1", port=1)  # a broker that is away: answers must not depend on it


def dust(mn: str = "A1", device_id: str = "dust", **settings: object) -> Device:
    pm25 = point("pm25", source=CodeSource(code="a34004", scale=1.0, offset=0.0), unit="ug/m3")
    noise = point("noise", source=CodeSource(code="LA", scale=1.0, offset=0.0), unit="dB")
    made = station(mn, pm25, noise, **settings)
    return Device(**{name: getattr(made, name) for name in made.__slots__} | {"id": device_id})


class Post:
    """A server for stations with a real spool behind it."""

    def __init__(self, server: StationServer, outbox: Outbox, counters: Counters, stations: Stations) -> None:
        self.server = server
        self.counters = counters
        self.stations = stations
        self._outbox = outbox

    async def spooled(self) -> list[Sample]:
        """Everything that is kept durably."""
        entries = await self._outbox.backlog("store", most=1000)
        return [sample for entry in entries for sample in decode_batch(entry.body).samples()]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await asyncio.wait_for(self.server.listening.wait(), PATIENCE_S)
        return await asyncio.open_connection(self.server.address.host, self.server.address.port)


@asynccontextmanager
async def post(
    folder: Path,
    *devices: Device,
    host: str = "127.0.0.1",
    port: int = 0,
    passwords: dict[str, str] | None = None,
) -> AsyncIterator[Post]:
    counters = Counters()
    clock = Clock(anchor_wall_s=0.0, starts_at=NOON.replace(tzinfo=CHINA).astimezone(UTC), speed=1e-9)
    async with (
        open_outbox(folder / "spool.sqlite", epoch="e", consumers=["store"]) as outbox,
        open_session(NOBODY, client_id="edge") as session,
    ):
        courier = Courier(outbox, session, live_topic="live", replay_topics={})
        intake = intake_of(devices, outbox, courier, counters)
        roll = Roll(devices, clock=clock, intake=intake, counters=counters)
        stations = Stations(
            devices, passwords=passwords or {}, timezone=CHINA, clock=clock, roll=roll, counters=counters
        )
        server = StationServer(
            "net",
            HostPort(host=host, port=port),
            lambda peer: Conversation(peer, Hj212Hearer(stations), intake, counters),
        )
        stop = asyncio.Event()
        tasks = [asyncio.create_task(intake.run()), asyncio.create_task(server.run(stop))]
        try:
            yield Post(server, outbox, counters, stations)
        finally:
            stop.set()
            await asyncio.wait_for(tasks[1], PATIENCE_S)
            tasks[0].cancel()
            with suppress(asyncio.CancelledError):
                await tasks[0]


async def answer_to(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(b"\r\n"), PATIENCE_S)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_frame_is_answered_once_its_values_are_kept(tmp_path: Path, host: str) -> None:
    async with post(tmp_path, dust(), host=host) as here:
        reader, writer = await here.connect()
        writer.write(from_the_standard("A1", NOON, {"a34004": ("25.5", "N"), "x99999": ("1", "N")}, 5))

        answer = await answer_to(reader)

        assert b"QN=20180603120000000;ST=91;CN=9014;PW=123456;MN=A1;Flag=4;CP=&&&&" in answer
        assert await here.spooled() == [Sample("dust", "pm25", NOON_MS, 25.5, Quality.GOOD)]
        writer.close()


async def test_a_frame_that_wants_no_answer_gets_none(tmp_path: Path) -> None:
    async with post(tmp_path, dust()) as here:
        reader, writer = await here.connect()
        writer.write(from_the_standard("A1", NOON, {"a34004": ("1", "N")}, 4))
        writer.write(from_the_standard("A1", NOON + timedelta(minutes=1), {"a34004": ("2", "N")}, 5))

        assert b"QN=20180603120100000" in await answer_to(reader)
        writer.close()


async def test_a_repeated_frame_is_answered_again(tmp_path: Path) -> None:
    async with post(tmp_path, dust()) as here:
        reader, writer = await here.connect()
        for _ in range(2):
            writer.write(from_the_standard("A1", NOON, {"a34004": ("1", "N")}, 5))
            await answer_to(reader)

        assert set(await here.spooled()) == {Sample("dust", "pm25", NOON_MS, 1.0, Quality.GOOD)}
        writer.close()


async def test_several_stations_share_one_port(tmp_path: Path) -> None:
    async with post(tmp_path, dust("A1", "one"), dust("A2", "two")) as here:
        reader, writer = await here.connect()
        other_reader, other_writer = await here.connect()
        writer.write(from_the_standard("A1", NOON, {"a34004": ("1", "N")}, 5))
        writer.write(from_the_standard("A2", NOON, {"a34004": ("2", "N")}, 5))
        other_writer.write(from_the_standard("A2", NOON + timedelta(minutes=1), {"a34004": ("3", "N")}, 5))

        answers = {await answer_to(reader), await answer_to(reader), await answer_to(other_reader)}

        assert len(answers) == 3
        assert {(sample.device, sample.value) for sample in await here.spooled()} == {
            ("one", 1.0),
            ("two", 2.0),
            ("two", 3.0),
        }
        writer.close()
        other_writer.close()


async def test_what_is_refused_is_not_answered_and_what_follows_is(tmp_path: Path) -> None:
    async with post(tmp_path, dust(), passwords={"dust": "123456"}) as here:
        reader, writer = await here.connect()
        good = from_the_standard("A1", NOON, {"a34004": ("1", "N")}, 5)
        stranger = from_the_standard("B7", NOON, {"a34004": ("2", "N")}, 5)
        damaged = good.replace(b"Rtd=1", b"Rtd=9")
        writer.write(b"\x00\xffnoise" + stranger + damaged + good)

        answer = await answer_to(reader)

        assert b"MN=A1" in answer
        assert here.counters.frames_refused == 3
        assert [sample.value for sample in await here.spooled()] == [1.0]
        writer.close()


async def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    async with post(tmp_path, dust(), passwords={"dust": "secret"}) as here:
        _, writer = await here.connect()
        writer.write(from_the_standard("A1", NOON, {"a34004": ("1", "N")}, 5))

        await until(lambda: here.counters.frames_refused == 1, "the refusal")
        assert await here.spooled() == []
        writer.close()


async def test_flags_and_missing_numbers_are_kept_and_marked(tmp_path: Path) -> None:
    async with post(tmp_path, dust()) as here:
        reader, writer = await here.connect()
        writer.write(from_the_standard("A1", NOON, {"a34004": ("7", "D"), "LA": ("", "N")}, 5))
        await answer_to(reader)

        assert set(await here.spooled()) == {
            Sample("dust", "pm25", NOON_MS, 7.0, Quality.FLAG),
            Sample("dust", "noise", NOON_MS, None, Quality.SENTINEL),
        }
        writer.close()


async def test_a_station_that_hangs_up_may_come_again(tmp_path: Path) -> None:
    async with post(tmp_path, dust()) as here:
        for minute in range(3):
            reader, writer = await here.connect()
            moment = NOON + timedelta(minutes=minute)
            writer.write(from_the_standard("A1", moment, {"a34004": ("1", "N")}, 5))
            await answer_to(reader)
            writer.transport.abort()

        assert len(await here.spooled()) == 3


async def test_an_address_that_is_taken_is_asked_for_until_it_is_free(tmp_path: Path) -> None:
    squatter = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = squatter.sockets[0].getsockname()[1]
    with capture_logs() as logs:
        async with post(tmp_path, dust(), port=port) as here:
            await until(lambda: "bus-down" in {entry["event"] for entry in logs}, "the address to be refused")
            squatter.close()

            _, writer = await here.connect()
            writer.close()
