"""The collector between a real broker and a real store."""

import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from collector.app import CollectorConfig
from collector.stores import open_store
from district.devices import Influx1Store, SqliteStore
from district.inventory import District
from tests.collector.conftest import influx1_settings
from tests.collector.gateways import NOON, batch_of, dead_letters, eventually, open_gateway, running
from tests.servers import running_influx1, running_mosquitto
from transport.batch import Reading, build_batch
from transport.clock import real_clock
from transport.measurement import Quality
from transport.session import Endpoint

FOREVER = 2**60


@pytest.fixture
def config(district: District, broker: Endpoint, tmp_path: Path) -> CollectorConfig:
    return CollectorConfig(
        district=district,
        broker=broker,
        store=SqliteStore(),
        state_dir=tmp_path,
        clock=real_clock(),
        beat_every_s=0.05,
    )


async def stored(
    config: CollectorConfig, device: str = "river-01-level", point: str = "level"
) -> list[float | None]:
    """What another process reads in the store."""
    async with open_store(config.store, district=config.district, state_dir=config.state_dir) as store:
        return [row.value for row in await store.history(device, point, 0, FOREVER)]


async def test_what_is_acknowledged_is_stored(config: CollectorConfig) -> None:
    async with open_gateway(config.broker) as gateway, running(config):
        await gateway.reports(store_down=0)
        for seq in range(1, 21):
            await gateway.send(batch_of(seq, 5, value=seq / 10))
        await gateway.has(*(("first", seq) for seq in range(1, 21)))

        assert await stored(config) == [seq / 10 for seq in range(1, 21) for _ in range(5)]


async def test_a_replay_and_a_repeat_are_acknowledged_again_and_change_nothing(
    config: CollectorConfig,
) -> None:
    async with open_gateway(config.broker) as gateway, running(config):
        await gateway.reports(store_down=0)
        await gateway.send(batch_of(1, 3))
        await gateway.has(("first", 1))
        gateway.acknowledged.clear()

        await gateway.send(batch_of(1, 3), replay=True)
        await gateway.has(("first", 1))

        assert await stored(config) == [0.5] * 3


async def test_bad_samples_are_kept_and_marked(config: CollectorConfig) -> None:
    reading = Reading(
        "river-01-level", NOON, {"level": (None, Quality.TIMEOUT), "answers": (7.0, Quality.GOOD)}
    )
    async with open_gateway(config.broker) as gateway, running(config):
        await gateway.reports(store_down=0)
        await gateway.send(build_batch([reading], gateway="gw-qingshan", epoch="first", seq=1))
        await gateway.has(("first", 1))

        assert await stored(config) == [None]
        assert await stored(config, point="answers") == [7.0]


async def test_the_good_samples_of_a_broken_batch_are_stored_and_the_rest_is_named(
    config: CollectorConfig,
) -> None:
    long = "x" * 5_000_000
    broken = (
        f'{{"gateway":"g","epoch":"first","seq":1,"origin_ms":{NOON},"groups":['
        '["river-01-level",["level"],[0,1,2,3,4],[[0.5],["high"],[NaN],[true],[1.5]]],'
        f'["river-01-level",["level"],[-{NOON},6],[[9.5],[2.5]]],'
        f'["river-01-level",["{long}"],[7],[[9.5]]],"none"]}}'
    )
    async with open_gateway(config.broker) as gateway, running(config):
        await gateway.reports(store_down=0)
        await gateway.send_raw(broken.encode())
        await gateway.send(batch_of(2, value=3.5))
        await gateway.has(("first", 1), ("first", 2))

        assert await stored(config) == [0.5, 1.5, 2.5, 3.5]
    letters = dead_letters(config.state_dir).splitlines()
    assert len(letters) == 6
    for reason, letter in zip(
        ("no number", "not finite", "no number", "no time", "no name", "no group"), letters, strict=True
    ):
        assert reason in letter
        assert len(letter) < 2000


async def test_what_is_no_batch_becomes_a_dead_letter_and_the_stream_goes_on(config: CollectorConfig) -> None:
    ragged = b'{"gateway":"g","epoch":"first","seq":2,"origin_ms":0,"groups":[["d",["a","b"],[0],[[1]]]]}'
    async with open_gateway(config.broker) as gateway, running(config):
        await gateway.reports(store_down=0)
        await gateway.send(batch_of(1))
        await gateway.send_raw(b"\xff no batch at all")
        await gateway.send_raw(ragged)
        await gateway.send(batch_of(3))

        await gateway.has(("first", 1), ("first", 2), ("first", 3))
        await gateway.reports(batches=3, stored=2, refused=1, dead_letters=2)

        assert "no batch at all" in dead_letters(config.state_dir)
        assert "no answer of 2 values" in dead_letters(config.state_dir)
        assert await stored(config) == [0.5] * 2


async def test_a_poison_sample_becomes_a_dead_letter_and_the_rest_is_stored(config: CollectorConfig) -> None:
    poison = Reading("river-01-level", 2**70, {"level": (0.5, Quality.GOOD)})
    good = [Reading("river-01-level", NOON + row, {"level": (row / 2, Quality.GOOD)}) for row in range(9)]
    async with open_gateway(config.broker) as gateway, running(config):
        await gateway.reports(store_down=0)
        batch = build_batch([*good[:4], poison, *good[4:]], gateway="gw-qingshan", epoch="first", seq=1)
        await gateway.send(batch)
        await gateway.has(("first", 1))
        await gateway.reports(stored=9, refused=1, dead_letters=1)

        assert await stored(config) == [row / 2 for row in range(9)]
        assert str(2**70) in dead_letters(config.state_dir)


async def test_a_broker_that_comes_late_is_waited_for(config: CollectorConfig, tmp_path: Path) -> None:
    with running_mosquitto(tmp_path) as server:
        server.kill()
        config = replace(config, broker=server.endpoint)
        async with running(config):
            await asyncio.to_thread(server.start)
            async with open_gateway(config.broker) as gateway:
                await gateway.reports(store_down=0)
                await gateway.send(batch_of(1))
                await gateway.has(("first", 1))


async def test_it_ends_cleanly_though_it_never_met_its_broker(
    config: CollectorConfig, unused_endpoint: Endpoint
) -> None:
    async with running(replace(config, broker=unused_endpoint)):
        await asyncio.sleep(0)


async def test_a_database_that_is_down_takes_no_acknowledgement_and_loses_nothing(
    config: CollectorConfig, tmp_path: Path
) -> None:
    with running_influx1(tmp_path) as server:
        config = replace(config, store=await influx1_settings(server.url))
        async with open_gateway(config.broker) as gateway, running(config):
            await gateway.reports(store_down=0)
            server.kill()
            for seq in range(1, 6):
                await gateway.send(batch_of(seq, 2, value=float(seq)))
            await gateway.reports(store_down=1)
            assert not gateway.acknowledged

            server.start()
            await gateway.has(*(("first", seq) for seq in range(1, 6)))
            await gateway.reports(store_down=0, stored=10)

            assert await stored(config) == [float(seq) for seq in range(1, 6) for _ in range(2)]


async def test_a_missing_database_is_down_not_poison(config: CollectorConfig, influx1: str) -> None:
    config = replace(config, store=Influx1Store(kind="influx1", url=influx1, database="no_such_database"))
    async with open_gateway(config.broker) as gateway, running(config):
        await gateway.reports(store_down=0)
        await gateway.send(batch_of(1))
        await gateway.reports(store_down=1, dead_letters=0)

        assert not gateway.acknowledged


async def test_a_conflict_of_types_in_the_database_is_a_dead_letter(
    config: CollectorConfig, influx1: str
) -> None:
    settings = await influx1_settings(influx1)
    conflict = f'river,device=other level="word" {NOON}000001'.encode()  # types are settled shard by shard
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{influx1}/write?db={settings.database}", data=conflict) as answer,
    ):
        assert answer.status == 204
    config = replace(config, store=settings)
    reading = Reading("river-01-level", NOON, {"level": (0.5, Quality.GOOD), "answers": (3.0, Quality.GOOD)})
    async with open_gateway(config.broker) as gateway, running(config):
        await gateway.reports(store_down=0)
        await gateway.send(build_batch([reading], gateway="gw-qingshan", epoch="first", seq=1))
        await gateway.has(("first", 1))

        assert "conflict" in dead_letters(config.state_dir)
        assert await stored(config, point="answers") == [3.0]


async def test_it_ends_cleanly_while_its_database_is_down(config: CollectorConfig, influx1: str) -> None:
    config = replace(config, store=Influx1Store(kind="influx1", url=influx1, database="no_such_database"))
    async with open_gateway(config.broker) as gateway:
        async with running(config):
            await gateway.reports(store_down=0)
            await gateway.send(batch_of(1))
            await gateway.reports(store_down=1)

        assert not gateway.acknowledged


async def test_the_collector_says_when_it_is_gone(config: CollectorConfig) -> None:
    async with open_gateway(config.broker) as gateway:
        async with running(config):
            await gateway.reports(store_down=0)

        async def said_down() -> bool:
            return gateway.beat is not None and gateway.beat.state == "down"

        await eventually(said_down)
