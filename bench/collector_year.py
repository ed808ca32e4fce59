"""A year of fifty stations at one-minute steps: import, then one day and one year of one series.

The same points go to the embedded store, to InfluxDB 1 and to VictoriaMetrics, each through its own client of
ours; the questions are asked of each in its own language, and the fastest of five answers counts.
"""

import asyncio
import math
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from bench.collector import REPOSITORY, create_database
from collector.block import Block
from collector.store import Store
from collector.stores import open_store
from district.devices import Influx1Store, InfluxStore, SqliteStore
from district.load import load_district
from tests.servers import running_influx1, running_victoria

STATIONS, MINUTES = 50, 365 * 24 * 60
AT_ONCE = 400  # minutes in one write
BEGIN_MS = 1_735_689_600_000  # 2025-01-01T00:00Z
DAY_MS = 86_400_000
ASKED = "station-7"
Question = Callable[[int, int], Awaitable[object]]  # of a span


def writes() -> Iterator[list[Block]]:
    """All points, in the order in which they would have come."""
    for first in range(0, MINUTES, AT_ONCE):
        minutes = range(first, min(first + AT_ONCE, MINUTES))
        at_ms = [BEGIN_MS + minute * 60_000 for minute in minutes]
        for_all = []
        for station in range(STATIONS):
            values = [[round(2 + math.sin(minute / 500 + station), 3)] for minute in minutes]
            for_all.append(Block(f"station-{station}", ["level"], at_ms, values))
        yield for_all


async def imported(store: Store) -> float:
    """Points a second from ready blocks to stored rows."""
    took_s = 0.0
    for blocks in writes():
        began = time.perf_counter()
        await store.write(blocks)
        took_s += time.perf_counter() - began
    return STATIONS * MINUTES / took_s


async def fastest_ms(question: Question, first_day: int, days: int) -> float:
    """The fastest of five answers about a span."""
    took: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        answer = await question(BEGIN_MS + first_day * DAY_MS, BEGIN_MS + (first_day + days) * DAY_MS)
        took.append(time.perf_counter() - began)
        assert answer, "an answer without rows"
    return min(took) * 1000


async def get(url: str, params: dict[str, str]) -> object:
    async with aiohttp.ClientSession() as http, http.get(url, params=params) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def figures(store: Store, day: Question, year: Question, size: Callable[[], float]) -> dict[str, float]:
    points_s = await imported(store)
    return {
        "points_s": round(points_s),
        "day_ms": round(await fastest_ms(day, 100, 1), 1),
        "year_ms": round(await fastest_ms(year, 0, MINUTES // 1440), 1),
        "mb": round(size()),
    }


def folder_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


async def all_stores(folder: Path) -> dict[str, dict[str, float]]:
    district = load_district(REPOSITORY)
    with ExitStack() as running:
        places = {name: folder / name for name in ("sqlite", "influx", "victoria")}
        for place in places.values():
            place.mkdir()
        influx = running.enter_context(running_influx1(places["influx"])).url
        victoria = running.enter_context(running_victoria(places["victoria"])).url
        await create_database(influx, "year")

        async def influx_day(start_ms: int, end_ms: int) -> object:
            return await ask_influx("value", start_ms, end_ms, "")

        async def influx_year(start_ms: int, end_ms: int) -> object:
            return await ask_influx(
                "mean(value), min(value), max(value)", start_ms, end_ms, "GROUP BY time(1d)"
            )

        async def ask_influx(what: str, start_ms: int, end_ms: int, how: str) -> object:
            query = (
                f"SELECT {what.replace('value', 'level')} FROM unassigned WHERE device = '{ASKED}' "  # noqa: S608
                f"AND time >= {start_ms}ms AND time < {end_ms}ms {how}"
            )
            return await get(f"{influx}/query", {"db": "year", "q": query, "epoch": "ms"})

        async def victoria_day(start_ms: int, end_ms: int) -> object:
            match = f'unassigned_level{{device="{ASKED}"}}[{(end_ms - start_ms) // 1000}s]'
            return await get(f"{victoria}/api/v1/query", {"query": match, "time": str(end_ms / 1000)})

        async def victoria_year(start_ms: int, end_ms: int) -> object:
            query = f'avg_over_time(unassigned_level{{device="{ASKED}"}}[1d])'
            span = {"start": str(start_ms / 1000), "end": str(end_ms / 1000), "step": "1d", "nocache": "1"}
            return await get(f"{victoria}/api/v1/query_range", {"query": query, **span})

        found: dict[str, dict[str, float]] = {}
        async with open_store(SqliteStore(), district=district, state_dir=places["sqlite"]) as sqlite:
            found["SQLite"] = await figures(
                sqlite,
                lambda start_ms, end_ms: sqlite.history(ASKED, "level", start_ms, end_ms),
                lambda start_ms, end_ms: sqlite.aggregate(ASKED, "level", start_ms, end_ms, DAY_MS),
                lambda: folder_mb(places["sqlite"]),
            )
        settings = Influx1Store(kind="influx1", url=influx, database="year")
        async with open_store(settings, district=district, state_dir=folder) as store:
            found["InfluxDB 1"] = await figures(
                store, influx_day, influx_year, lambda: folder_mb(places["influx"])
            )
        other = InfluxStore(kind="influx", url=victoria, org="bench", bucket="year")
        async with open_store(other, district=district, state_dir=folder) as store:
            found["VictoriaMetrics"] = await figures(
                store, victoria_day, victoria_year, lambda: folder_mb(places["victoria"])
            )
        return found


def main() -> dict[str, object]:
    """Measure every store; print a table and return the figures."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        stores = asyncio.run(all_stores(Path(folder)))
    table = Table(
        "store", "points/s", "one day ms", "one year by day ms", "MB",
        title=f"{STATIONS * MINUTES:,} points: a year of {STATIONS} stations",
    )  # fmt: skip
    for store, one in stores.items():
        table.add_row(store, *(f"{one[key]:,}" for key in ("points_s", "day_ms", "year_ms", "mb")))
    Console(width=110).print(table)
    return {"points": STATIONS * MINUTES, "stores": stores}
