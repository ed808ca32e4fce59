"""The data-quality report, and the catalogue with its lint."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.block import blocks_from
from collector.catalogue import catalogue, two_sources
from collector.clean import nature_of
from collector.quality import day_bounds_ms, judge, quality_of
from collector.sqlite import open_sqlite
from collector.store import Correction, Method, Row
from district.inventory import District
from tests.collector.conftest import REPOSITORY
from tocsin.cli import app
from transport.batch import Sample
from transport.measurement import Quality

DAY = date(2018, 6, 3)
HOUR = 3600_000


def test_a_day_is_the_districts(district: District) -> None:
    start_ms, end_ms = day_bounds_ms(DAY, district)

    assert start_ms == 1_527_955_200_000  # 2018-06-02T16:00Z is midnight in Shanghai
    assert end_ms - start_ms == 24 * HOUR


def test_a_point_is_as_complete_as_the_intervals_in_which_it_was_heard(district: District) -> None:
    device = district.devices["river-01-level"]
    nature = nature_of(device, device.points["level"])._replace(interval_ms=HOUR)
    rows = [
        Row(0, 1.0, Quality.GOOD),
        Row(1, 1.0, Quality.GOOD),  # twice in one hour
        Row(HOUR, 1.0, Quality.SPIKE),
        Row(2 * HOUR, None, Quality.TIMEOUT),
    ]

    day = judge("g", nature, rows, [Correction(HOUR, Method.HAMPEL, 1.0)], (0, 4 * HOUR))

    assert (day.due, day.heard, day.good, day.uncertain, day.bad) == (4, 2, 2, 1, 1)
    assert day.completeness == 0.5
    assert day.corrections == {"hampel": 1}


async def test_a_site_without_readings_is_wholly_incomplete_and_a_day_to_come_is_not(
    district: District, tmp_path: Path
) -> None:
    start_ms, end_ms = day_bounds_ms(DAY, district)
    async with open_sqlite(tmp_path / "store.sqlite") as store:
        past = await quality_of(store, district, DAY, now_ms=end_ms)
        future = await quality_of(store, district, DAY, now_ms=start_ms - HOUR)

    assert {site.completeness for site in past} == {0.0}
    assert {site.completeness for site in future} == {1.0}


def test_the_catalogue_names_every_point_and_how_long_it_is_known(district: District) -> None:
    sample = Sample("river-01-level", "level", 7, 0.5, Quality.SPIKE)

    entries = catalogue(district, [sample], [sample._replace(at_ms=9)])

    assert len(entries) == len(list(district.device_points()))
    [known] = [entry for entry in entries if entry.since_ms is not None]
    assert (known.site, known.point, known.unit) == ("river-01", "level", "m")
    assert (known.since_ms, known.newest_ms, known.newest_quality) == (7, 9, Quality.SPIKE)


def test_two_instruments_that_say_one_quantity_of_one_site_are_named(district: District) -> None:
    entries = catalogue(district, [], [])
    assert two_sources(entries) == []

    twin = next(entry for entry in entries if entry.device == "river-01-level" and entry.point == "level")
    [found] = two_sources([*entries, replace(twin, device="river-01-twin")])

    assert (found.site, found.point, found.first, found.second) == (
        "river-01", "level", "river-01-level", "river-01-twin",
    )  # fmt: skip


def run(*words: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, words), "--district", str(REPOSITORY)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
async def state(district: District, tmp_path: Path) -> Path:
    """A state folder whose store holds a day of the river with one spike."""
    start_ms, _ = day_bounds_ms(DAY, district)
    samples = [
        Sample(
            "river-01-level", "level", start_ms + n * 300_000, 9.0 if n == 100 else 1 + n / 1000, Quality.GOOD
        )
        for n in range(288)
    ]
    (tmp_path / "collector").mkdir()
    async with open_sqlite(tmp_path / "collector" / "store.sqlite") as store:
        await store.write(blocks_from(samples))
    return tmp_path


def test_cleaning_and_the_report_are_commands(state: Path) -> None:
    words = ("--day", "2018-06-03", "--state", state)
    assert run("store", "clean", "--days", "1", *words) == "1 corrections\n"

    [river] = [site for site in json.loads(run("quality", "--json", *words)) if site["site"] == "river-01"]
    [level] = [point for point in river["points"] if point["point"] == "level"]
    assert level["completeness"] == 1.0
    assert level["good"] == 288
    assert river["corrections"] == {"hampel": 1}
    assert "river-01" in run("quality", *words)
    assert "<td>river-01" in run("quality", "--html", *words)


def test_the_catalogue_is_a_command(state: Path) -> None:
    answer = json.loads(run("catalogue", "--json", "--state", state))

    assert answer["two_sources"] == []
    [level] = [
        one for one in answer["series"] if (one["device"], one["point"]) == ("river-01-level", "level")
    ]
    assert (level["unit"], level["since"]) == ("m", "2018-06-02T16:00:00Z")
    assert "river-01-level" in run("catalogue", "--state", state)
    assert "<td>river-01-level" in run("catalogue", "--html", "--state", state)
