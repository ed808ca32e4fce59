"""From MQTT to stored rows, beside what the same store takes raw in the same run.

The raw rate writes rows or bodies built beforehand through the same client, with nothing else running. The
whole way is a collector in a process of its own behind a real mosquitto; a batch counts once the store has
committed it and it is acknowledged. Then the same at a steady 10,000 points/s, for the latency. Load, broker,
collector and store share the machine's cores, so the processor time of each is measured too.
"""

import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing
from functools import partial
from itertools import chain, islice
from pathlib import Path

import aiohttp
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from collector.app import CollectorConfig, run
from collector.block import Block, blocks_of
from collector.sqlite import open_sqlite
from collector.wide import LineBuilder, compressed, places_of
from district.devices import Influx1Store, InfluxStore, SqliteStore, Store
from district.load import load_district
from tests.servers import running_influx1, running_mosquitto, running_victoria
from transport.acks import decode_ack
from transport.batch import Batch, Reading, build_batch, encode_batch
from transport.clock import real_clock
from transport.measurement import Quality
from transport.session import Endpoint, Session, open_session, parse_endpoint
from transport.topics import GatewayTopics

REPOSITORY = Path(__file__).parents[1]
TOPICS = GatewayTopics("qingshan-town", "gw-qingshan")
POINTS, ROWS = 4, 125
BATCH = POINTS * ROWS
BATCHES = 1200
ROUNDS = 3  # of raw and whole way by turns, for the machine is not always equally quiet
WRITE = 20_000  # samples in one raw write, as many as the collector writes at most
WINDOW = 200  # batches on their way
LONG = 10_000_000  # points
STEADY_POINTS_S, STEADY_S = 10_000, 10
NOON = 1_528_027_200_000

Settings = SqliteStore | Influx1Store | InfluxStore


def batches(count: int, *, epoch: str, turn: int = 0) -> Iterator[Batch]:
    """Batches of many answers of few devices; no two of one or of several turns share a key."""
    origin_ms = NOON + turn * 30 * 86_400_000
    devices = sorted(load_district(REPOSITORY).devices)
    for seq in range(count):
        readings = [
            Reading(
                devices[seq % len(devices)],
                origin_ms + (seq * ROWS + row) * 1000,
                {f"point-{n}": (seq * 0.1 + row + n / 7, Quality.GOOD) for n in range(POINTS)},
            )
            for row in range(ROWS)
        ]
        yield build_batch(readings, gateway=TOPICS.gateway, epoch=epoch, seq=seq)


def portions(turn: int) -> list[list[Block]]:
    """All samples in raw writes."""
    blocks = [block for batch in batches(BATCHES, epoch="raw", turn=turn) for block in blocks_of(batch)]
    step = WRITE // BATCH
    return [blocks[start : start + step] for start in range(0, len(blocks), step)]


async def raw_sqlite(folder: Path, turn: int) -> float:
    """Points a second of rows that are ready, in the store's own schema, by the statement that it uses."""
    path, step, width = folder / "raw.sqlite", 500, 4
    async with open_sqlite(path):
        pass
    series: dict[tuple[str, str], int] = {}
    writes: list[list[list[object]]] = []
    for blocks in portions(turn):
        rows = [
            (series.setdefault((s.device, s.point), len(series)), s.at_ms, s.value, 1)
            for block in blocks
            for s in block.samples()
        ]
        writes.append(
            [list(chain.from_iterable(rows[start : start + step])) for start in range(0, len(rows), step)]
        )
    statement = "INSERT OR IGNORE INTO sample VALUES (?, ?, ?, ?)" + ", (?, ?, ?, ?)" * (step - 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        began = time.perf_counter()
        for write in writes:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for cells in write:
                    assert len(cells) == step * width
                    connection.execute(statement, cells)
        return BATCHES * BATCH / (time.perf_counter() - began)


async def raw_http(url: str, turn: int) -> float:
    """Points a second of compressed bodies that are ready."""
    lines = LineBuilder(places_of(load_district(REPOSITORY)))
    bodies = [await compressed(lines.lines(blocks)) for blocks in portions(turn)]
    async with aiohttp.ClientSession(headers={"Content-Encoding": "gzip"}) as http:
        began = time.perf_counter()
        for body in bodies:
            async with http.post(url, data=body) as answer:
                assert answer.status == 204, await answer.text()
        return BATCHES * BATCH / (time.perf_counter() - began)


async def create_database(url: str, name: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/query", data={"q": f"CREATE DATABASE {name}"}),
    ):
        pass


class Publisher:
    """Publishes with QoS 1 over a bare socket, so that the load costs little of the machine that it loads."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._number = 0

    async def publish(self, topic: str, body: bytes) -> None:
        self._number = self._number % 65_535 + 1
        head = len(topic).to_bytes(2, "big") + topic.encode() + self._number.to_bytes(2, "big")
        length, size = bytearray(), len(head) + len(body)
        while size > 127:
            length.append(size & 127 | 128)
            size >>= 7
        self._writer.writelines((b"\x32", bytes([*length, size]), head, body))
        await self._writer.drain()


@asynccontextmanager
async def open_publisher(broker: Endpoint) -> AsyncIterator[Publisher]:
    reader, writer = await asyncio.open_connection(broker.host, broker.port)
    writer.write(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04load")
    assert await reader.readexactly(4) == b"\x20\x02\x00\x00"

    async def swallow() -> None:
        while await reader.read(65_536):
            pass

    swallowing = asyncio.create_task(swallow())
    try:
        yield Publisher(writer)
    finally:
        writer.close()
        swallowing.cancel()


class Load:
    """Publishes batches and waits for what is acknowledged."""

    def __init__(self, session: Session, publisher: Publisher) -> None:
        self.latencies_s: list[float] = []
        self._session = session
        self._publisher = publisher
        self._sent_at: dict[int, float] = {}
        self._fewer = asyncio.Event()

    async def hear(self) -> None:
        while True:
            for message in await self._session.receive(most=100):
                for first, last in decode_ack(message.payload).ranges:
                    for seq in range(first, last + 1):
                        sent_at = self._sent_at.pop(seq, None)
                        if sent_at is not None:
                            self.latencies_s.append(time.perf_counter() - sent_at)
                self._fewer.set()

    async def at_most(self, on_their_way: int) -> None:
        async with asyncio.timeout(120):
            while len(self._sent_at) > on_their_way:
                self._fewer.clear()
                await self._fewer.wait()

    async def send(self, seq: int, body: bytes) -> None:
        self._sent_at[seq] = time.perf_counter()
        await self._publisher.publish(TOPICS.live, body)

    async def flood(self, bodies: Iterable[bytes], *, first: int = 0) -> float:
        """Send batches, numbered from ``first``, as fast as they are acknowledged; batches a second."""
        began, seq = time.perf_counter(), first - 1
        for seq, body in enumerate(bodies, first):
            await self.at_most(WINDOW)
            await self.send(seq, body)
        await self.at_most(0)
        return (seq + 1 - first) / (time.perf_counter() - began)

    async def steadily(self, bodies: list[bytes]) -> list[float]:
        """Send at a steady rate; seconds from sending to acknowledgement, sorted."""
        self.latencies_s.clear()
        began = time.perf_counter()
        for seq, body in enumerate(bodies):
            await asyncio.sleep(began + seq * BATCH / STEADY_POINTS_S - time.perf_counter())
            await self.send(seq, body)
        await self.at_most(0)
        return sorted(self.latencies_s)


@asynccontextmanager
async def open_load(broker: Endpoint) -> AsyncIterator[Load]:
    """A load whose collector is there."""
    async with (
        open_session(broker, client_id="listener", subscriptions=[TOPICS.ack]) as session,
        open_publisher(broker) as publisher,
        asyncio.TaskGroup() as tasks,
    ):
        load = Load(session, publisher)
        hearing = tasks.create_task(load.hear())
        await session.connected.wait()
        probe = encode_batch(next(batches(1, epoch="probe")))
        while not load.latencies_s:
            await load.send(0, probe)
            await asyncio.sleep(0.2)
        yield load
        hearing.cancel()


@asynccontextmanager
async def collecting(store: Settings, state_dir: Path, broker: Endpoint) -> AsyncIterator[int]:
    """A collector in a process of its own; its number."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.collector", store.model_dump_json(), str(state_dir), broker.url),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


def cpu_s(pid: int) -> float:
    """Processor time that a process has used."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def largest_mib(pid: int) -> float:
    """The most memory a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


async def whole_way(
    store: Settings, folder: Path, broker: Endpoint, servers: Mapping[str, int], turn: int
) -> dict[str, float]:
    """Rate, processor time a point, latency and memory from MQTT to acknowledged rows."""
    flood = [encode_batch(batch) for batch in batches(BATCHES, epoch="flood", turn=turn)]
    steady = flood[: STEADY_POINTS_S * STEADY_S // BATCH]  # repeats cost what new ones do but for the fill
    async with collecting(store, folder, broker) as pid, open_load(broker) as load:
        processes = {"collector": pid, "load": os.getpid(), **servers}
        before = {name: cpu_s(number) for name, number in processes.items()}
        points_s = await load.flood(flood) * BATCH
        used = {
            f"{name}_us": (cpu_s(number) - before[name]) / (BATCHES * BATCH) * 1e6
            for name, number in processes.items()
        }
        latencies_s = await load.steadily(steady)
        return {
            "points_s": points_s,
            "ack_p50_ms": statistics.median(latencies_s) * 1000,
            "ack_p99_ms": latencies_s[int(len(latencies_s) * 0.99)] * 1000,
            "memory_mib": largest_mib(pid),
            **used,
        }


async def measured(
    store: Settings,
    raw: Callable[[int], Awaitable[float]],
    folder: Path,
    broker: Endpoint,
    servers: Mapping[str, int],
) -> dict[str, float]:
    """The median of some rounds; each holds raw and whole way against each other."""
    rounds: list[dict[str, float]] = []
    for turn in range(ROUNDS):
        raw_points_s = await raw(turn)
        way = await whole_way(store, folder, broker, servers, turn)
        rounds.append({"raw_points_s": raw_points_s, **way, "share_of_raw": way["points_s"] / raw_points_s})
    return {key: round(statistics.median(one[key] for one in rounds), 2) for key in rounds[0]}


async def all_stores(folder: Path) -> dict[str, object]:
    with ExitStack() as running:
        broker = running.enter_context(running_mosquitto(folder))
        influx = running.enter_context(running_influx1(folder))
        victoria = running.enter_context(running_victoria(folder))
        for name in ("raw", "flood"):
            await create_database(influx.url, name)
        stores: dict[str, tuple[Settings, Callable[[int], Awaitable[float]], dict[str, int]]] = {
            "SQLite": (SqliteStore(), partial(raw_sqlite, folder), {}),
            "InfluxDB 1": (
                Influx1Store(kind="influx1", url=influx.url, database="flood"),
                partial(raw_http, f"{influx.url}/write?db=raw&precision=ms"),
                {"store": influx.pid},
            ),
            "VictoriaMetrics": (
                InfluxStore(kind="influx", url=victoria.url, org="bench", bucket="flood"),
                partial(raw_http, f"{victoria.url}/api/v2/write?precision=ms&db=raw"),
                {"store": victoria.pid},
            ),
        }
        return {
            name: await measured(settings, raw, folder, broker.endpoint, {"broker": broker.pid, **servers})
            for name, (settings, raw, servers) in stores.items()
        }


async def long_way(folder: Path) -> dict[str, float]:
    """The memory of a collector over ten million points: after a tenth of them, and after all."""
    with running_mosquitto(folder) as broker:
        state_dir = folder / "long"
        state_dir.mkdir()
        async with (
            collecting(SqliteStore(), state_dir, broker.endpoint) as pid,
            open_load(broker.endpoint) as load,
        ):
            tenth = LONG // BATCH // 10
            bodies = map(encode_batch, batches(10 * tenth, epoch="long"))
            await load.flood(islice(bodies, tenth))
            early_mib = largest_mib(pid)
            await load.flood(bodies, first=tenth)
            return {
                "points": LONG,
                "early_mib": round(early_mib, 1),
                "memory_mib": round(largest_mib(pid), 1),
            }


def main() -> dict[str, object]:
    """Measure every store; print a table and return the figures."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        long = asyncio.run(long_way(Path(folder)))
        stores = asyncio.run(all_stores(Path(folder)))
    table = Table(
        title=f"MQTT to stored rows: {BATCHES * BATCH:,} points in batches of {BATCH}, median of {ROUNDS}"
    )
    headings = {
        "raw_points_s": "raw points/s",
        "points_s": "points/s",
        "share_of_raw": "share of raw",
        "ack_p50_ms": "ack p50 ms",
        "ack_p99_ms": "ack p99 ms",
        "memory_mib": "memory MiB",
        "collector_us": "collector us",
        "load_us": "load us",
        "broker_us": "broker us",
        "store_us": "store us",
    }
    table.add_column("store")
    for heading in headings.values():
        table.add_column(heading, justify="right")
    for store, figures in stores.items():
        assert isinstance(figures, dict)
        table.add_row(store, *(f"{figures.get(key, 0):,}" for key in headings))
    console = Console(width=150)
    console.print(table)
    console.print(
        f"memory over {long['points']:,} points: {long['early_mib']} MiB after a tenth, "
        f"{long['memory_mib']} MiB at the end"
    )
    return {
        "points": BATCHES * BATCH,
        "points_a_batch": BATCH,
        "rounds": ROUNDS,
        "stores": stores,
        "long": long,
    }


def collect(store: str, state_dir: str, broker: str) -> None:
    """Be the collector that is measured."""
    config = CollectorConfig(
        district=load_district(REPOSITORY),
        broker=parse_endpoint(broker),
        store=TypeAdapter[Settings](Store).validate_json(store),
        state_dir=Path(state_dir),
        clock=real_clock(),
    )
    asyncio.run(run(config, asyncio.Event()))


if __name__ == "__main__":
    collect(*sys.argv[1:])
