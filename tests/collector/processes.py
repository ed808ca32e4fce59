"""Collectors as processes of their own, to be killed, and what another process sees in their store."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from district.devices import Influx1Store, SqliteStore
from tests.collector.conftest import REPOSITORY
from transport.session import Endpoint

SOAK = os.environ.get("TOCSIN_SOAK") == "1"

PROGRAM = """
import asyncio, sys
from pathlib import Path
from pydantic import TypeAdapter
from collector.app import CollectorConfig, run
from district.devices import Store
from district.load import load_district
from transport.clock import real_clock
from transport.session import parse_endpoint

district, state_dir, broker, store, member = sys.argv[1:]
config = CollectorConfig(
    district=load_district(Path(district)),
    broker=parse_endpoint(broker),
    store=TypeAdapter(Store).validate_json(store),
    state_dir=Path(state_dir),
    clock=real_clock(),
    member=member or None,
    beat_every_s=0.2,
)
asyncio.run(run(config, asyncio.Event()))
"""


async def start_collector(
    state_dir: Path, broker: Endpoint, *, store: SqliteStore | Influx1Store | None = None, member: str = ""
) -> asyncio.subprocess.Process:
    """A collector at work; alone, or a member of a group."""
    settings = (store or SqliteStore()).model_dump_json()
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(REPOSITORY), str(state_dir), broker.url, settings, member,
        cwd=REPOSITORY, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a process, as a power cut would."""
    if process.returncode is None:
        process.kill()
    await process.wait()


@asynccontextmanager
async def collecting(
    state_dir: Path, broker: Endpoint, *, store: SqliteStore | Influx1Store | None = None, member: str = ""
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A collector that is killed at the end of the block."""
    process = await start_collector(state_dir, broker, store=store, member=member)
    try:
        yield process
    finally:
        await end(process)


def stored_values(state_dir: Path) -> list[float]:
    """Every value in the embedded store, sorted; none before it is made."""
    try:
        with closing(sqlite3.connect(f"file:{state_dir / 'store.sqlite'}?mode=ro", uri=True)) as reader:
            return [value for (value,) in reader.execute("SELECT value FROM sample ORDER BY value")]
    except sqlite3.OperationalError:  # the file or its tables are not made yet
        return []


def memory_mib(pid: int) -> float:
    """The most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
