"""The stores under test, and the demo district they serve."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from collector.store import Store
from collector.stores import open_store
from district.devices import Influx1Store, InfluxStore, SqliteStore
from district.inventory import District
from district.load import load_district
from tests.servers import free_port
from transport.session import Endpoint

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def district() -> District:
    return load_district(REPOSITORY)


async def influx1_settings(url: str) -> Influx1Store:
    """Settings of a database made for one test."""
    database = f"test_{uuid4().hex}"
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/query", data={"q": f'CREATE DATABASE "{database}"'}) as answer,
    ):
        assert answer.status == 200, await answer.text()
    return Influx1Store(kind="influx1", url=url, database=database)


def influx2_settings() -> InfluxStore:
    """Settings of an InfluxDB 2 whose address and token are in the environment, else the test is skipped."""
    names = ("URL", "ORG", "BUCKET")
    values = {name.lower(): os.environ.get(f"TOCSIN_TEST_INFLUX2_{name}", "") for name in names}
    if not all(values.values()):
        pytest.skip("no InfluxDB 2 in TOCSIN_TEST_INFLUX2_URL, _TOKEN, _ORG and _BUCKET")
    return InfluxStore.model_validate({"kind": "influx", "token_env": "TOCSIN_TEST_INFLUX2_TOKEN", **values})


@pytest.fixture
def unused_endpoint() -> Endpoint:
    """Where no broker is."""
    return Endpoint(host="127.0.0.1", port=free_port())


@pytest.fixture(params=["sqlite", "influx1", "influx2"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, district: District) -> AsyncIterator[Store]:
    """An empty store of each kind that can be read back."""
    settings: SqliteStore | Influx1Store | InfluxStore
    match request.param:
        case "sqlite":
            settings = SqliteStore()
        case "influx1":
            settings = await influx1_settings(request.getfixturevalue("influx1"))
        case _:
            settings = influx2_settings()
    async with open_store(settings, district=district, state_dir=tmp_path) as opened:
        yield opened
