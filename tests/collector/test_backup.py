"""Backup while the store is written, and what is refused to be put in its place."""

import asyncio
from pathlib import Path

import pytest

from collector.backup import back_up, restore
from collector.block import blocks_from
from collector.errors import BackupError
from collector.sqlite import open_sqlite
from transport.batch import Sample
from transport.measurement import Quality

FOREVER = 2**60


async def write(store_path: Path, first: int, count: int) -> None:
    async with open_sqlite(store_path) as store:
        samples = (Sample("gauge", "level", n, n / 8, Quality.GOOD) for n in range(first, first + count))
        await store.write(blocks_from(samples))


async def values(path: Path) -> list[float | None]:
    async with open_sqlite(path) as store:
        return [row.value for row in await store.history("gauge", "level", 0, FOREVER)]


async def test_a_backup_under_load_holds_all_that_was_acknowledged_before_and_no_half_write(
    tmp_path: Path,
) -> None:
    acknowledged, stop = 0, asyncio.Event()
    async with open_sqlite(tmp_path / "store.sqlite") as store:

        async def load() -> None:
            nonlocal acknowledged
            while not stop.is_set():
                first = acknowledged
                samples = [
                    Sample("gauge", "level", n, float(n), Quality.GOOD) for n in range(first, first + 700)
                ]
                await store.write(blocks_from(samples))
                acknowledged += 700

        loading = asyncio.create_task(load())
        for number in range(5):
            while acknowledged < 5000 * number + 700:  # noqa: ASYNC110  (the load is a task beside)
                await asyncio.sleep(0.001)
            before = acknowledged
            copy = await asyncio.to_thread(back_up, tmp_path / "store.sqlite", tmp_path / f"copy-{number}")
            after = acknowledged + 700  # one may have been committed and not yet counted

            assert before <= copy.samples <= after
            assert copy.samples % 700 == 0
            kept = await values(await asyncio.to_thread(restored, copy.path, tmp_path / f"back-{number}"))
            assert kept == list(range(copy.samples))
        stop.set()
        await loading


def restored(backup: Path, folder: Path) -> Path:
    folder.mkdir()
    return restore(backup, folder / "store.sqlite").path


async def test_a_restored_store_is_the_one_that_was_backed_up(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    await write(store, 0, 100)
    back_up(store, tmp_path / "copy")
    await write(store, 100, 50)

    restore(tmp_path / "copy", store, overwrite=True)

    assert await values(store) == [n / 8 for n in range(100)]


async def test_an_existing_store_is_replaced_only_when_told(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    await write(store, 0, 10)
    back_up(store, tmp_path / "copy")

    with pytest.raises(BackupError, match="--force"):
        restore(tmp_path / "copy", store)


async def test_a_store_in_use_is_never_replaced(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    await write(store, 0, 10)
    back_up(store, tmp_path / "copy")

    async with open_sqlite(store):
        with pytest.raises(BackupError, match="in use"):
            restore(tmp_path / "copy", store, overwrite=True)


async def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    await write(tmp_path / "store.sqlite", 0, 10)
    (tmp_path / "copy").write_text("precious")

    with pytest.raises(BackupError, match="exists"):
        back_up(tmp_path / "store.sqlite", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "precious"


@pytest.mark.parametrize("place", [0, 5000, -1])
async def test_a_damaged_backup_is_found_and_changes_nothing(tmp_path: Path, place: int) -> None:
    store = tmp_path / "store.sqlite"
    await write(store, 0, 5000)
    copy = back_up(store, tmp_path / "copy")
    body = bytearray(copy.path.read_bytes())
    body[place] ^= 0xFF
    copy.path.write_bytes(body)

    with pytest.raises(BackupError):
        restore(copy.path, store, overwrite=True)
    assert len(await values(store)) == 5000


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no store"):
        back_up(tmp_path / "store.sqlite", tmp_path / "copy")
    with pytest.raises(BackupError, match="no backup"):
        restore(tmp_path / "copy", tmp_path / "store.sqlite")
