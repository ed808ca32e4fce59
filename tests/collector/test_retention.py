"""Forgetting the old while the new is written."""

import asyncio
from pathlib import Path

import pytest

from collector.block import blocks_from
from collector.errors import StoreDownError
from collector.retention import forget
from collector.sqlite import open_sqlite
from transport.batch import Sample
from transport.measurement import Quality

FOREVER = 2**60


def samples(device: str, first: int, count: int) -> list[Sample]:
    return [Sample(device, "level", n, float(n), Quality.GOOD) for n in range(first, first + count)]


async def test_exactly_the_old_goes_while_others_write(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "store.sqlite") as store:
        await store.write(blocks_from(samples("a", 0, 12_000) + samples("b", 9_000, 2_000)))
        forgetting = asyncio.create_task(
            asyncio.to_thread(lambda: list(forget(tmp_path / "store.sqlite", 10_000)))
        )
        written = 0
        while not forgetting.done():
            await store.write(blocks_from(samples("c", 20_000 + written, 10)))
            written += 10
        portions = await forgetting

        assert sum(portions) == 11_000
        assert max(portions) <= 5_000
        assert [row.at_ms for row in await store.history("a", "level", 0, FOREVER)] == [
            *range(10_000, 12_000)
        ]
        assert [row.at_ms for row in await store.history("b", "level", 0, FOREVER)] == [
            *range(10_000, 11_000)
        ]
        assert len(await store.history("c", "level", 0, FOREVER)) == written


def test_there_must_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreDownError, match=r"store\.sqlite"):
        list(forget(tmp_path / "store.sqlite", 1))
