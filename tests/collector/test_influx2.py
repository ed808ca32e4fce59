"""What is said to an InfluxDB 2 and made of its answers; the contract suite asks a real one if it can."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collector.block import blocks_from
from collector.errors import StoreDownError, StoreRefusedError
from collector.influx2 import Influx2Store, open_influx2
from collector.store import Row
from collector.wide import LineBuilder, Place
from tests.collector.gateways import NOON
from transport.batch import Sample
from transport.measurement import Quality

# Annotated CSV, in which Flux queries are answered.
TABLES = """\
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,{type},string,string,string
#group,false,false,true,true,false,false,true,true,true
#default,_result,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,device
,,0,2018-01-01T00:00:00Z,2019-01-01T00:00:00Z,2018-06-03T12:00:00.007Z,{value},{field},river,gauge

"""
ANSWER = TABLES.format(type="double", value="0.5", field="level") + TABLES.format(
    type="string", value="uncertain:spike", field="level_q"
)


class FakeInflux:
    """Answers every query with one spike, and every write as told."""

    def __init__(self) -> None:
        self.refusal: web.Response | None = None
        self.queries: list[dict[str, object]] = []
        self.writes: list[tuple[str, str]] = []

    async def query(self, request: web.Request) -> web.Response:
        self.queries.append(await request.json())
        return web.Response(text=ANSWER.replace("\n", "\r\n"), content_type="text/csv")

    async def write(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert request.headers["Authorization"] == "Token secret"
        plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        self.writes.append((request.path_qs, plain.decode()))
        return self.refusal or web.Response(status=204)


@asynccontextmanager
async def open_fake() -> AsyncIterator[tuple[FakeInflux, Influx2Store]]:
    fake, app = FakeInflux(), web.Application()
    app.add_routes([web.post("/api/v2/query", fake.query), web.post("/api/v2/write", fake.write)])
    async with (
        TestServer(app) as server,
        open_influx2(
            url=str(server.make_url("")).rstrip("/"),
            org="org",
            bucket="bucket",
            token="secret",  # noqa: S106
            lines=LineBuilder({"gauge": Place("river")}),
        ) as store,
    ):
        yield fake, store


SAMPLE = Sample("gauge", "level", NOON + 7, 0.5, Quality.SPIKE)


async def test_values_and_marks_become_rows() -> None:
    async with open_fake() as (fake, store):
        assert await store.history("gauge", "level", NOON, NOON + 8) == [Row(NOON + 7, 0.5, Quality.SPIKE)]
        assert await store.latest() == [SAMPLE]
        assert await store.history("gauge", "level", NOON, NOON) == []

    asked = json.dumps(fake.queries[0])
    assert "2018-06-03T12:00:00.008000000Z" in asked
    assert "gauge" not in str(fake.queries[0]["query"])  # names travel as parameters, never as text


async def test_lines_are_written_in_milliseconds() -> None:
    async with open_fake() as (fake, store):
        await store.write(blocks_from([SAMPLE]))
        await store.write([])

    [(path, body)] = fake.writes
    assert path == "/api/v2/write?org=org&bucket=bucket&precision=ms"
    assert body == f'river,device=gauge level=0.5,level_q="uncertain:spike" {NOON + 7}'


async def test_an_overloaded_server_says_when_to_come_back() -> None:
    async with open_fake() as (fake, store):
        fake.refusal = web.Response(status=429, headers={"Retry-After": "7"}, text='{"message":"too many"}')
        with pytest.raises(StoreDownError, match="too many") as caught:
            await store.write(blocks_from([SAMPLE]))

    assert caught.value.retry_after_s == 7


async def test_a_refused_body_is_refused_for_good() -> None:
    async with open_fake() as (fake, store):
        fake.refusal = web.Response(status=422, text='{"message":"field type conflict"}')
        with pytest.raises(StoreRefusedError, match="field type conflict"):
            await store.write(blocks_from([SAMPLE]))
