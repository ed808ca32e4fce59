"""A collector that is killed under load and started again: every sample is stored, each once."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.collector.conftest import REPOSITORY
from tests.transport.consumers import open_sender
from transport.session import Endpoint

pytestmark = pytest.mark.server

PROGRAM = """
import asyncio, sys
from pathlib import Path
from collector.app import CollectorConfig, run
from district.devices import SqliteStore
from district.load import load_district
from transport.clock import real_clock
from transport.session import parse_endpoint

district, state_dir, broker = sys.argv[1:]
config = CollectorConfig(
    district=load_district(Path(district)),
    broker=parse_endpoint(broker),
    store=SqliteStore(),
    state_dir=Path(state_dir),
    clock=real_clock(),
)
asyncio.run(run(config, asyncio.Event()))
"""


async def start_collector(state_dir: Path, broker: Endpoint) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(REPOSITORY), str(state_dir), broker.url, cwd=REPOSITORY,
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


def stored_count(state_dir: Path) -> int:
    try:
        reader = sqlite3.connect(f"file:{state_dir / 'store.sqlite'}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        return 0
    try:
        return int(reader.execute("SELECT count(*) FROM sample").fetchone()[0])
    except sqlite3.OperationalError:  # its tables are not made yet
        return 0
    finally:
        reader.close()


async def test_kills_under_load_lose_and_double_nothing(broker: Endpoint, tmp_path: Path) -> None:
    sent = 0
    async with open_sender(broker, tmp_path / "outbox", consumers=["store"]) as sender:
        for _ in range(4):
            before = stored_count(tmp_path)
            collector = await start_collector(tmp_path, broker)
            try:
                async with asyncio.timeout(60):
                    while stored_count(tmp_path) < before + 50:
                        await sender.send(20)
                        sent += 20
            finally:
                collector.kill()
                await collector.wait()
        collector = await start_collector(tmp_path, broker)
        try:
            await sender.drained()
        finally:
            collector.kill()
            await collector.wait()

    assert stored_count(tmp_path) == sent
