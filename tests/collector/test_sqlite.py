"""What only the embedded store promises."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from collector.block import blocks_from
from collector.errors import StoreDownError, StoreRefusedError, StoreSettingsError
from collector.sqlite import open_sqlite
from transport.batch import Sample
from transport.measurement import Quality

FOREVER = 2**60


def levels(count: int, *, device: str = "gauge") -> list[Sample]:
    return [Sample(device, "level", 1000 * number, float(number), Quality.GOOD) for number in range(count)]


async def test_another_process_reads_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    async with open_sqlite(path) as store:
        await store.write(blocks_from(levels(10)))
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as reader:
            cursor = reader.execute("SELECT value FROM reading")
            first = cursor.fetchone()
            await store.write(blocks_from(levels(20)))  # the reader's transaction is still open

            assert first == (0.0,)
            assert len(cursor.fetchall()) == 9
            assert reader.execute("SELECT count(*) FROM sample").fetchone() == (20,)
        reader.close()


async def test_people_can_read_it_with_sqlite_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    async with open_sqlite(path) as store:
        await store.write(blocks_from([Sample("gauge", "level", 1_528_027_200_007, None, Quality.TIMEOUT)]))

    reader = sqlite3.connect(path)
    row = reader.execute("SELECT * FROM reading").fetchone()
    reader.close()
    assert row == ("gauge", "level", "2018-06-03T12:00:00.007Z", None, "bad:timeout")


async def test_what_was_written_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    program = """
import asyncio, os, signal, sys
from pathlib import Path
from collector.block import blocks_from
from collector.sqlite import open_sqlite
from transport.batch import Sample
from transport.measurement import Quality

async def main():
    async with open_sqlite(Path(sys.argv[1])) as store:
        samples = [Sample("gauge", "level", n, float(n), Quality.GOOD) for n in range(1000)]
        await store.write(blocks_from(samples))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program, str(path)], check=False, cwd=Path(__file__).parents[2]
    )
    assert killed.returncode == -9

    async with open_sqlite(path) as store:
        assert len(await store.history("gauge", "level", 0, FOREVER)) == 1000


async def test_a_time_no_store_can_hold_is_refused_and_nothing_is_half_written(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "store.sqlite") as store:
        with pytest.raises(StoreRefusedError):
            await store.write(blocks_from([*levels(5), Sample("gauge", "level", 2**70, 1.0, Quality.GOOD)]))

        assert await store.history("gauge", "level", 0, FOREVER) == []
        await store.write(blocks_from(levels(5)))
        assert len(await store.history("gauge", "level", 0, FOREVER)) == 5


async def test_a_full_disk_is_worth_another_attempt(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    async with open_sqlite(path) as store:
        await store.write(blocks_from(levels(1)))
        store._writer.execute("PRAGMA max_page_count = 12")  # as full as a disk can be
        with pytest.raises(StoreDownError, match="full"):
            await store.write(blocks_from(levels(50_000)))

        store._writer.execute("PRAGMA max_page_count = 1000000")
        await store.write(blocks_from(levels(50_000)))
        assert len(await store.history("gauge", "level", 0, FOREVER)) == 50_000


async def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    later = sqlite3.connect(path)
    later.execute("PRAGMA user_version = 99")
    later.close()

    with pytest.raises(StoreSettingsError, match="later version"):
        async with open_sqlite(path):
            pass


async def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"not a database" * 1000)

    with pytest.raises(StoreSettingsError, match=r"store\.sqlite"):
        async with open_sqlite(path):
            pass


async def test_two_writers_share_one_file(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    async with open_sqlite(path) as one, open_sqlite(path) as other:
        await asyncio.gather(
            *(
                store.write(blocks_from(levels(500, device=f"gauge-{n % 7}")))
                for n in range(20)
                for store in (one, other)
            )
        )

        newest = await one.latest()
        assert [(sample.device, sample.value) for sample in newest] == [
            (f"gauge-{n}", 499.0) for n in range(7)
        ]
