"""Making databases ready: a real InfluxDB 1, and what is said to an InfluxDB 2."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collector.errors import StoreDownError, StoreSettingsError
from collector.prepare import prepare_influx1, prepare_influx2
from tests.servers import free_port


async def shown(url: str, statement: str) -> list[list[Any]]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/query", params={"q": statement}) as answer:
        [result] = (await answer.json())["results"]
    return [row for series in result["series"] for row in series.get("values", ())]


@pytest.mark.server
async def test_an_influx1_keeps_as_long_as_is_asked_and_hourly_values_for_good(influx1: str) -> None:
    database = f"d{uuid4().hex}"
    for keep in (None, timedelta(days=30), timedelta(days=90)):
        await prepare_influx1(url=influx1, database=database, username=None, password=None, keep=keep)

    policies = {row[0]: row[1] for row in await shown(influx1, f'SHOW RETENTION POLICIES ON "{database}"')}
    assert policies == {"autogen": "2160h0m0s", "hourly": "0s"}
    queries = await shown(influx1, "SHOW CONTINUOUS QUERIES")
    assert any(database in row[1] and "time(1h)" in row[1] for row in queries)


async def test_a_server_that_is_away_is_worth_another_attempt() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StoreDownError):
        await prepare_influx1(url=url, database="d", username=None, password=None, keep=None)


TOKEN = "t"  # noqa: S105


class FakeInflux2:
    """Knows one organisation, and the buckets and tasks it is told to make."""

    def __init__(self) -> None:
        self.buckets: dict[str, list[dict[str, Any]]] = {}
        self.tasks: list[str] = []

    async def orgs(self, request: web.Request) -> web.Response:
        found = [{"id": "0001"}] if request.query["org"] == "district" else []
        return web.json_response({"orgs": found})

    async def find(self, request: web.Request) -> web.Response:
        name = request.query["name"]
        return web.json_response({"buckets": [{"id": name}] if name in self.buckets else []})

    async def make(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.buckets[asked["name"]] = asked["retentionRules"]
        return web.json_response(asked, status=201)

    async def change(self, request: web.Request) -> web.Response:
        self.buckets[request.match_info["id"]] = (await request.json())["retentionRules"]
        return web.json_response({})

    async def find_tasks(self, request: web.Request) -> web.Response:
        assert request.query["orgID"] == "0001"
        return web.json_response({"tasks": self.tasks})

    async def make_task(self, request: web.Request) -> web.Response:
        self.tasks.append((await request.json())["flux"])
        return web.json_response({}, status=201)

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/api/v2/orgs", self.orgs),
                web.get("/api/v2/buckets", self.find),
                web.post("/api/v2/buckets", self.make),
                web.patch("/api/v2/buckets/{id}", self.change),
                web.get("/api/v2/tasks", self.find_tasks),
                web.post("/api/v2/tasks", self.make_task),
            ]
        )
        return app


async def test_an_influx2_gets_its_buckets_and_one_task_however_often_it_is_asked() -> None:
    fake = FakeInflux2()
    async with TestServer(fake.app()) as server:
        for keep in (None, timedelta(days=30)):
            await prepare_influx2(
                url=str(server.make_url("")),
                org="district",
                bucket="tocsin",
                token=TOKEN,
                keep=keep,
            )
        with pytest.raises(StoreSettingsError, match="elsewhere"):
            await prepare_influx2(
                url=str(server.make_url("")),
                org="elsewhere",
                bucket="tocsin",
                token=TOKEN,
                keep=None,
            )

    assert fake.buckets == {
        "tocsin": [{"type": "expire", "everySeconds": 30 * 86400}],
        "tocsin-hourly": [],
    }
    [flux] = fake.tasks
    assert 'to(bucket: "tocsin-hourly", org: "district")' in flux


@pytest.mark.server
async def test_a_victoriametrics_makes_no_buckets_and_says_what_to_do(victoria: str) -> None:
    with pytest.raises(StoreSettingsError, match="retentionPeriod"):
        await prepare_influx2(url=victoria, org="o", bucket="b", token="", keep=None)
