"""VictoriaMetrics as a target of the v2 write API: read back through its own export."""

import json
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from collector.block import blocks_from
from collector.errors import StoreDownError
from collector.stores import open_store
from district.devices import InfluxStore
from district.inventory import District
from tests.collector.gateways import NOON, eventually
from tests.servers import free_port
from transport.batch import Sample
from transport.measurement import Quality

pytestmark = pytest.mark.server


def settings(url: str) -> InfluxStore:
    return InfluxStore(kind="influx", url=url, org="tocsin", bucket="tocsin")


async def exported(url: str, point: str) -> list[dict[str, object]]:
    """Every series of one point, as the server itself gives them out."""
    async with aiohttp.ClientSession() as http:
        await (await http.get(f"{url}/internal/force_flush")).read()
        match = {"match[]": f'{{__name__="river_{point}"}}'}
        async with http.get(f"{url}/api/v1/export", params=match) as answer:
            return [json.loads(line) for line in (await answer.text()).splitlines()]


async def test_what_is_written_can_be_read_there_with_its_place(
    victoria: str, district: District, tmp_path: Path
) -> None:
    point = f"p{uuid4().hex[:8]}"
    samples = [
        Sample("river-01-level", point, NOON + n * 1000, n / 8, Quality.GOOD if n % 2 else Quality.SPIKE)
        for n in range(100)
    ]
    missing = Sample("river-01-level", point, NOON - 1000, None, Quality.TIMEOUT)  # it keeps no strings
    async with open_store(settings(victoria), district=district, state_dir=tmp_path) as store:
        await store.write(blocks_from([missing, *samples]))
        await store.write(blocks_from(samples[:10]))

    async def all_there() -> bool:
        return [series["values"] for series in await exported(victoria, point)] == [
            [n / 8 for n in range(100)]
        ]

    await eventually(all_there)
    [series] = await exported(victoria, point)
    assert series["timestamps"] == [NOON + n * 1000 for n in range(100)]
    metric = series["metric"]
    assert isinstance(metric, dict)
    assert {key: metric[key] for key in ("device", "site", "area", "gateway")} == {
        "device": "river-01-level",
        "site": "river-01",
        "area": "xiaxi-1",
        "gateway": "gw-qingshan",
    }


async def test_a_server_that_is_away_is_worth_another_attempt(district: District, tmp_path: Path) -> None:
    nowhere = settings(f"http://127.0.0.1:{free_port()}")
    async with open_store(nowhere, district=district, state_dir=tmp_path) as store:
        with pytest.raises(StoreDownError):
            await store.write(blocks_from([Sample("river-01-level", "level", NOON, 0.5, Quality.GOOD)]))
