"""Sharing data: what the API gives is what the store holds, above the datum, in pages."""

import csv
from io import StringIO
from pathlib import Path

import pytest

from console.roles import Role
from tests.alerting.samples import MINUTE_MS, NOON_MS
from tests.console.houses import House, levels, open_house
from transport.batch import Sample
from transport.measurement import Quality

SERIES = "/api/v1/series/river-01-level/level/history"


async def test_pages_of_a_history_are_the_history(tmp_path: Path) -> None:
    async with open_house(tmp_path, samples=levels(100), minute=200) as house:
        program = await house.token()
        rows, start = [], NOON_MS
        while start is not None:
            page = (await program.get(SERIES, params={"from_ms": start, "limit": 7})).json()
            rows += page["rows"]
            start = page["next"]

    assert rows == [[NOON_MS + n * MINUTE_MS, round(0.5 + n / 100, 6), "good"] for n in range(100)]


async def test_values_stand_above_the_datum(tmp_path: Path) -> None:
    reading = Sample("res-01-level", "level", NOON_MS, 7.25, Quality.GOOD)
    async with open_house(tmp_path, samples=[reading]) as house:
        program = await house.token()
        history = (await program.get("/api/v1/series/res-01-level/level/history")).json()
        latest = (await program.get("/api/v1/latest", params={"site": "res-01"})).json()["latest"]

    assert history["rows"] == [[NOON_MS, 78.6, "good"]]  # 71.35 + 7.25
    assert [(one["value"], one["at_ms"]) for one in latest] == [(78.6, NOON_MS)]


async def test_sums_are_those_of_the_rows(tmp_path: Path) -> None:
    async with open_house(tmp_path, samples=levels(60), minute=60) as house:
        program = await house.token()
        params = {"from_ms": NOON_MS, "to_ms": NOON_MS + 60 * MINUTE_MS, "step_s": 600}
        buckets = (await program.get(SERIES, params=params)).json()["buckets"]

    assert [one[:2] for one in buckets] == [[NOON_MS + n * 10 * MINUTE_MS, 10] for n in range(6)]
    for n, (_, _, mean, low, high) in enumerate(buckets):
        assert mean == pytest.approx(0.5 + (10 * n + 4.5) / 100)
        assert (low, high) == (pytest.approx(0.5 + n / 10), pytest.approx(0.5 + n / 10 + 0.09))


async def test_a_spreadsheet_gets_the_same_rows(tmp_path: Path) -> None:
    async with open_house(tmp_path, samples=levels(5)) as house:
        program = await house.token()
        answer = await program.get(SERIES, params={"form": "csv"})

    assert answer.headers["content-type"].startswith("text/csv")
    heading, *rows = csv.reader(StringIO(answer.text.removeprefix("\ufeff")))
    assert heading == ["taken_at", "value_m", "quality"]
    assert rows[1] == ["2018-06-03T04:27:40.000Z", "0.51", "good"]
    assert len(rows) == 5


async def test_a_span_that_is_none_and_a_step_too_short_are_refused_in_words(house: House) -> None:
    program = await house.token()

    backwards = await program.get(SERIES, params={"from_ms": 5, "to_ms": 5})
    endless = await program.get(SERIES, params={"from_ms": 0, "to_ms": NOON_MS, "step_s": 1})

    assert backwards.status_code == endless.status_code == 400
    assert backwards.json()["zh"]
    assert "5000" in endless.json()["en"]


async def test_the_catalogue_pages_and_names_every_series(tmp_path: Path) -> None:
    async with open_house(tmp_path, samples=levels(3)) as house:
        program = await house.token()
        whole = (await program.get("/api/v1/catalogue")).json()["series"]
        pages, start = [], 0
        while start is not None:
            page = (await program.get("/api/v1/series", params={"start": start, "limit": 4})).json()
            pages += page["series"]
            start = page["next"]

    assert pages == whole
    river = next(one for one in whole if (one["device"], one["point"]) == ("river-01-level", "level"))
    assert (river["unit"], river["since_ms"], river["newest_ms"]) == ("m", NOON_MS, NOON_MS + 2 * MINUTE_MS)


async def test_the_days_quality_is_counted(tmp_path: Path) -> None:
    async with open_house(tmp_path, samples=levels(60), minute=60) as house:
        viewer = await house.visitor(Role.VIEWER)
        report = (await viewer.get("/api/v1/quality")).json()

    river = next(one for one in report["sites"] if one["site"] == "river-01")
    level = next(one for one in river["points"] if one["point"] == "level")
    assert report["day"] == "2018-06-03"
    assert (level["good"], level["uncertain"], level["bad"]) == (60, 0, 0)
