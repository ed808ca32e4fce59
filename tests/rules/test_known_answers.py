"""Real floods, storms and hazes against the packs that a district would use, by `tocsin rules backtest`."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from district.load import load_district
from rules.load import load_rules
from rules.measure import Curved
from rules.windows import interpolated
from tests.rules.places import (
    LEVELS,
    Station,
    backtest,
    episodes,
    first_reached,
    write_district,
    write_history,
)

FOOT_M = 0.3048
RAIN = "prsa_4stations_2016-07-15_2016-07-26_rainstorm.csv"
CLOUDBURST = "prsa_12stations_2015-09-01_2015-09-07_short_cloudburst.csv"
HAZE = "prsa_12stations_2015-11-15_2016-01-05_haze.csv"
DUST = "prsa_12stations_2015-03-20_2015-04-20_dust.csv"


def hours(path: Path) -> Iterator[tuple[datetime, dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            year, month, day, hour = (int(row[key]) for key in ("year", "month", "day", "hour"))
            yield datetime(year, month, day, hour), row  # noqa: DTZ001  (by the district's clock)


RAIN_TABLE = [
    (RAIN, "Gucheng", "2016-07-20", "10", ("10", 52.3), ("11", 56.8)),
    (RAIN, "Wanliu", "2016-07-20", "10", ("11", None), ("11", 51.7)),
    (RAIN, "Dongsi", "2016-07-20", "10", ("10", 52.1), ("11", 61.6)),
    (RAIN, "Huairou", "2016-07-20", "14", ("15", 63.7), ("17", 50.3)),
    (CLOUDBURST, "Gucheng", "2015-09-04", "16", ("16", None), ("16", 69.1)),
]


@pytest.mark.parametrize("row", RAIN_TABLE, ids=lambda row: f"{row[1]}-{row[2]}")
def test_the_rain_table(
    shared_data: Path,
    tmp_path: Path,
    row: tuple[str, str, str, str, tuple[str, float | None], tuple[str, float]],
) -> None:
    file, station, day, blue, yellow, orange = row
    name = station.lower()
    folder = write_district(
        tmp_path, [Station(name, "weather", {"rain": "mm"})], "version: 1\npacks: [rainstorm@1]\n"
    )
    rows = [
        (at.isoformat(), name, "rain", hour["RAIN"])
        for at, hour in hours(shared_data / "rain_beijing" / file)
        if hour["station"] == station and hour["RAIN"] != "NA"
    ]
    answer = backtest(folder, write_history(tmp_path / "rain.csv", rows))

    reached = first_reached(answer, "rainstorm", f"{name}:rain")
    assert reached["blue"][0] == f"{day}T{blue}:00:00+08:00"
    assert reached["yellow"][0] == f"{day}T{yellow[0]}:00:00+08:00"
    assert reached["orange"] == (f"{day}T{orange[0]}:00:00+08:00", orange[1])
    assert yellow[1] is None or reached["yellow"][1] == yellow[1]
    assert "red" not in reached


def test_the_cloudburst_is_one_warning_at_the_highest_level(shared_data: Path, tmp_path: Path) -> None:
    folder = write_district(
        tmp_path, [Station("gucheng", "weather", {"rain": "mm"})], "version: 1\npacks: [rainstorm@1]\n"
    )
    rows = [
        (at.isoformat(), "gucheng", "rain", row["RAIN"])
        for at, row in hours(shared_data / "rain_beijing" / CLOUDBURST)
        if row["station"] == "Gucheng" and row["RAIN"] != "NA"
    ]
    answer = backtest(folder, write_history(tmp_path / "rain.csv", rows))
    raised = [each for each in answer["transitions"] if each["from"] == "normal"]

    assert [(each["at"], each["to"], each["value"]) for each in raised] == [
        ("2015-09-04T16:00:00+08:00", "orange", 69.1)
    ]


RIVER = """
version: 1
packs: [river@1]
refine:
  river-level:
    override:
      dead-run:
        levels:
          blue: {above: 0.6, clear: 0.5}
          yellow: {above: 0.8, clear: 0.7}
          orange: {above: 1.2, clear: 1.1}
          red: {above: 1.6, clear: 1.5}
  river-rise:
    levels:
      red: {above: 1.219}
"""


@pytest.fixture(scope="module")
def dead_run(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = write_district(
        tmp_path_factory.mktemp("river"),
        [Station("dead-run", "river", {"level": "m"}, every="5m")],
        RIVER,
    )
    source = shared_data / "river_usgs" / "usgs_01589330_2018-06_5min.csv"
    with source.open(encoding="utf-8", newline="") as file:
        rows = [
            (row["datetime_utc"], "dead-run", "level", round(float(row["gage_height_ft"]) * FOOT_M, 3))
            for row in csv.DictReader(file)
        ]
    return folder, write_history(folder / "level.csv", rows)


def test_dead_runs_four_peaks(dead_run: tuple[Path, Path]) -> None:
    answer = backtest(*dead_run)
    yellow, days = LEVELS.index("yellow"), set()
    changes = [each for each in answer["transitions"] if each["rule"] == "river-level"]
    for begin, end in pairwise(changes):
        if LEVELS.index(begin["to"]) >= yellow:
            first, last = (datetime.fromisoformat(each["at"]).astimezone(UTC) for each in (begin, end))
            days |= {first.date(), last.date()}
    reds = [level for _, level in episodes(answer, "river-level") if level == "red"]

    assert sorted(days) == [date(2018, 6, day) for day in (3, 4, 10, 11)]
    assert len(reds) == 2  # 1.881 m on the 3rd, 1.841 m on the 11th


def test_dead_run_rose_by_1219_millimetres_in_an_hour(dead_run: tuple[Path, Path]) -> None:
    answer = backtest(*dead_run)
    fastest = [each for each in answer["transitions"] if each["rule"] == "river-rise" and each["to"] == "red"]

    assert [(each["at"], each["value"]) for each in fastest] == [("2018-06-11T18:10:00+08:00", 1.219)]


RESERVOIR = """
version: 1
packs: [reservoir@1]
refine:
  reservoir-level:
    clear_for: 0s
    override:
      conroe:
        levels: {blue: {above: 201.8}, yellow: {above: 203}, orange: {above: 204.2}, red: {above: 205.5}}
  reservoir-rise: {levels: {yellow: {above: 2.5}}}
curves:
  conroe:
    unit: acre-ft
    of_unit: ft
    points: POINTS
rules:
  - id: storage
    name: {zh: 蓄水量, en: Storage}
    hazard: flood
    select: {point: level}
    through: conroe
    levels: {blue: {above: 484371.05}}
"""


@pytest.fixture(scope="module")
def conroe(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    source = shared_data / "reservoir_texas"
    with (source / "08067600_EAC_Data.csv").open(encoding="utf-8", newline="") as file:
        points = [[float(level), float(storage)] for level, storage in list(csv.reader(file))[1:]]
    folder = write_district(
        tmp_path_factory.mktemp("reservoir"),
        [Station("conroe", "reservoir", {"level": "ft"}, every="1d")],
        RESERVOIR.replace("POINTS", repr(points)),
        zone="America/Chicago",
    )
    with (source / "08067600_Res_Data.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            (row["date"], "conroe", "level", *levelled(float(row["c_elev"]))) for row in csv.DictReader(file)
        ]
    return folder, write_history(folder / "level.csv", rows)


def levelled(level_ft: float) -> tuple[object, str]:
    return ("", "bad:sentinel") if level_ft == -999999 else (level_ft, "good")


def test_lake_conroe_with_harvey(conroe: tuple[Path, Path]) -> None:
    answer = backtest(*conroe)
    harvey = [
        (each["rule"], each["at"][:10], each["to"], each["value"])
        for each in answer["transitions"]
        if "2017-08" <= each["at"] < "2017-10"
    ]

    assert [each[1:] for each in harvey if each[0] == "reservoir-level"] == [
        ("2017-08-27", "yellow", 203.06),
        ("2017-08-28", "red", 205.89),
        ("2017-08-29", "yellow", 203.87),
        ("2017-08-30", "blue", 202.91),
        ("2017-09-05", "normal", 201.76),
    ]
    assert ("reservoir-rise", "2017-08-28", "yellow", 2.83) in harvey
    assert answer["points"] == 4682


def test_above_its_curve_a_storage_stays_at_its_end(conroe: tuple[Path, Path]) -> None:
    answer = backtest(*conroe)
    full = [each for each in answer["transitions"] if each["rule"] == "storage" and each["to"] == "blue"]

    assert [(each["at"][:10], each["value"]) for each in full] == [
        ("2016-05-28", 484371.05),  # 204.34 ft; the curve ends at 204.2
        ("2017-08-28", 484371.05),  # 205.89 ft
    ]


def test_the_conroe_curve_at_201_feet(conroe: tuple[Path, Path]) -> None:
    curve = load_rules(conroe[0], load_district(conroe[0])).watches[0].ladders[""].rungs[0].measure
    assert isinstance(curve, Curved)
    assert round(interpolated(curve.points, 201.0), 2) == 416228.35


def air_days(shared_data: Path, folder: Path, file: str, years: int) -> dict[str, int]:
    """How many days lay over an index, by the table of the date so many years later."""
    points = {"pm25": "ug/m3", "pm10": "ug/m3"}
    write_district(folder, [Station("city", "air", points)], "version: 1\npacks: [air@1]\n")
    found: dict[tuple[datetime, str], list[float]] = defaultdict(list)
    for at, row in hours(shared_data / "air_beijing" / file):
        for point, column in (("pm25", "PM2.5"), ("pm10", "PM10")):
            if row[column] != "NA":
                found[at.replace(year=at.year + years), point].append(float(row[column]))
    last = max(at for at, _ in found)
    means = {key: sum(values) / len(values) for key, values in found.items()}
    means |= {
        (last + timedelta(hours=1), point): 0.0 for point in points
    }  # the first reading after the last day
    rows = [(at.isoformat(), "city", point, value) for (at, point), value in means.items()]
    answer = backtest(folder, write_history(folder / "air.csv", rows))
    first, days = min(at for at, _ in found).date(), {}
    for number in range((last.date() - first).days + 1):
        day = first + timedelta(days=number)
        days[day] = max(level_after(answer, point, day + timedelta(days=1)) for point in points)
    return {name: sum(level >= LEVELS.index(name) for level in days.values()) for name in LEVELS[1:]}


def level_after(answer: Mapping[str, Any], point: str, day: date) -> int:
    changes = [
        each
        for each in answer["transitions"]
        if each["subject"] == f"city:{point}" and each["at"][:10] <= str(day)
    ]
    return LEVELS.index(changes[-1]["to"]) if changes else 0


@pytest.mark.parametrize(
    ("file", "years", "over_100", "over_200", "over_300"),
    [(HAZE, 0, 28, 21, 10), (HAZE, 11, 32, 21, 10), (DUST, 0, 16, None, None), (DUST, 12, 20, None, None)],
)
def test_days_over_an_index_by_both_tables(  # noqa: PLR0917  (a row of the table)
    shared_data: Path,
    tmp_path: Path,
    file: str,
    years: int,
    over_100: int,
    over_200: int | None,
    over_300: int | None,
) -> None:
    days = air_days(shared_data, tmp_path, file, years)

    assert days["blue"] == over_100
    assert over_200 is None or days["orange"] == over_200
    assert over_300 is None or days["red"] == over_300
