"""From answers to the spool: batches, report by exception, and what a batch vouches for."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest

from district.inventory import Device
from edge.counters import Counters
from edge.errors import NotKeptError
from edge.intake import Intake
from tests.edge.field import PATIENCE_S, intake_of
from tests.edge.points import device, point, register
from transport.batch import Batch, Reading, Sample, decode_batch
from transport.courier import Courier
from transport.measurement import Quality
from transport.outbox import Outbox, open_outbox
from transport.session import Endpoint, open_session

NOBODY = Endpoint(host="127.0.0.1", port=1)
GOOD = Quality.GOOD
BANDED = device(
    "gauge",
    point("level", source=register(type_="f32"), deadband=0.1, heartbeat=timedelta(minutes=10)),
    point("volts", source=register(2, "f32"), valid=(0, 24)),
)


class Bench:
    """An intake over a real spool."""

    def __init__(self, intake: Intake, outbox: Outbox, counters: Counters) -> None:
        self.intake = intake
        self.counters = counters
        self._outbox = outbox

    def answer(self, at_ms: int, **values: float) -> None:
        self.intake.take(Reading("gauge", at_ms, {name: (value, GOOD) for name, value in values.items()}))

    async def batches(self) -> list[Batch]:
        return [decode_batch(entry.body) for entry in await self._outbox.backlog("store", most=10_000)]


@asynccontextmanager
async def bench(folder: Path, *devices: Device) -> AsyncIterator[Bench]:
    """An intake that has kept everything when the block's caller looks at ``batches`` after ``finished``."""
    async with (
        open_outbox(folder / "spool.sqlite", epoch="e", consumers=["store"]) as outbox,
        open_session(NOBODY, client_id="edge") as session,
    ):
        counters = Counters()
        courier = Courier(outbox, session, live_topic="live", replay_topics={})
        yield Bench(
            intake_of(devices, outbox, courier, counters),
            outbox,
            counters,
        )


async def finished(here: Bench) -> list[Batch]:
    here.intake.finish()
    await asyncio.wait_for(here.intake.run(), PATIENCE_S)
    return await here.batches()


def samples(batches: list[Batch], name: str) -> list[Sample]:
    return [sample for batch in batches for sample in batch.samples() if sample.point == name]


async def test_what_comes_together_goes_together(tmp_path: Path) -> None:
    async with bench(tmp_path, BANDED) as here:
        here.answer(1000, level=1.0, volts=12.0)
        here.answer(2000, level=2.0, volts=12.5)

        (batch,) = await finished(here)

        assert (batch.gateway, batch.epoch, batch.seq) == ("gw", "e", 1)
        assert [sample.value for sample in samples([batch], "volts")] == [12.0, 12.5]


async def test_a_large_batch_does_not_linger(tmp_path: Path) -> None:
    async with bench(tmp_path, BANDED) as here:
        running = asyncio.create_task(here.intake.run())
        for at in range(3000):
            here.answer(1000 * at, volts=12.0)
            if at % 50 == 0:
                await asyncio.sleep(0)
        here.intake.finish()
        await asyncio.wait_for(running, PATIENCE_S)

        batches = await here.batches()

        assert len(samples(batches, "volts")) == 3000
        assert [batch.seq for batch in batches] == list(range(1, len(batches) + 1))
        assert len(batches) > 1


async def test_a_suppressed_poll_vouches_for_the_last_values(tmp_path: Path) -> None:
    async with bench(tmp_path, BANDED) as here:
        here.answer(1000, level=1.0, volts=12.0)
        here.answer(61_000, level=1.05, volts=12.0)

        batches = await finished(here)

        assert [sample.at_ms for sample in samples(batches, "level")] == [1000]
        assert batches[-1].good_until_ms == {"gauge": 61_000}
        assert here.counters.suppressed == 1


async def test_holding_values_are_vouched_for_twice_a_minute_though_nothing_is_sent(tmp_path: Path) -> None:
    only_level = device(
        "gauge", point("level", source=register(type_="f32"), deadband=0.1, heartbeat=timedelta(hours=1))
    )
    async with bench(tmp_path, only_level) as here:
        running = asyncio.create_task(here.intake.run())
        for at_ms in range(0, 300_000, 10_000):
            here.answer(at_ms, level=1.0)
            await asyncio.sleep(0.03)  # longer than a batch lingers
        here.intake.finish()
        await asyncio.wait_for(running, PATIENCE_S)

        told = [until for batch in await here.batches() for until in batch.good_until_ms.values()]

        assert told == sorted(told)
        assert max(b - a for a, b in zip([0, *told], [*told, 290_000], strict=True)) <= 30_000
        assert len(told) <= 11


async def test_a_device_with_a_doubtful_point_is_not_vouched_for(tmp_path: Path) -> None:
    async with bench(tmp_path, BANDED) as here:
        here.answer(1000, level=1.0, volts=12.0)
        here.answer(61_000, level=1.0, volts=99.0)
        here.answer(121_000, level=1.0, volts=99.0)

        batches = await finished(here)

        assert [sample.at_ms for sample in samples(batches, "level")] == [1000, 61_000, 121_000]
        assert all(batch.good_until_ms == {} for batch in batches)
        assert [sample.quality for sample in samples(batches, "volts")] == [
            GOOD,
            Quality.INVALID,
            Quality.INVALID,
        ]


async def test_a_failed_device_has_no_values_and_says_why(tmp_path: Path) -> None:
    async with bench(tmp_path, BANDED) as here:
        here.answer(1000, level=1.0, volts=12.0)
        here.intake.fail(BANDED, BANDED.points, Quality.TIMEOUT, 61_000)
        here.intake.fail(BANDED, BANDED.points, Quality.TIMEOUT, 121_000)

        batches = await finished(here)

        for name in ("level", "volts"):
            assert [(each.at_ms, each.quality) for each in samples(batches, name)] == [
                (1000, GOOD),
                (61_000, Quality.TIMEOUT),
            ]


async def test_keeping_returns_once_the_batch_is_durable(tmp_path: Path) -> None:
    async with bench(tmp_path, BANDED) as here:
        running = asyncio.create_task(here.intake.run())

        await here.intake.keep([Reading("gauge", 1000, {"level": (1.0, GOOD)})])

        assert len(samples(await here.batches(), "level")) == 1
        here.intake.finish()
        await asyncio.wait_for(running, PATIENCE_S)


async def test_whoever_waits_is_told_when_readings_were_given_up(tmp_path: Path) -> None:
    many = device("gauge", *(point(f"p{i}") for i in range(500)))
    async with bench(tmp_path, many) as here:
        waiting = asyncio.create_task(here.intake.keep([Reading("gauge", 0, {"p0": (1.0, GOOD)})]))
        await asyncio.sleep(0)
        for at in range(1, 202):  # more than memory may hold while nothing reaches the disk
            here.answer(at, **dict.fromkeys(many.points, 1.0))

        batches = await finished(here)

        with pytest.raises(NotKeptError):
            await waiting
        assert here.counters.lost == 501
        assert here.counters.measurements == sum(1 for batch in batches for _ in batch.samples())


async def test_what_waits_for_a_disk_that_stays_full_is_counted_when_the_agent_must_end(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, BANDED) as here:
        with closing(sqlite3.connect(tmp_path / "spool.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # as a disk that takes nothing: every write is refused
            running = asyncio.create_task(here.intake.run())
            for at_ms in range(1000, 6000, 1000):
                here.answer(at_ms, level=at_ms / 1000)
            await asyncio.sleep(0)  # whether a batch is under way by now makes no difference
            running.cancel()
            await asyncio.wait([running])

        assert here.counters.lost == 5
        assert here.counters.measurements == 0
