"""What a rule may judge of a point: mistakes that show beside the devices, and differences to a reference."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from district.findings import InvalidFileError
from district.load import load_district
from rules.backtest import backtest
from rules.load import load_rules
from rules.transition import Level
from tests.rules.naive import Row
from tests.rules.naive_windows import rain
from tests.rules.places import Station, write_district
from tests.rules.support import GOOD, MINUTE_MS, device, district, minute, rulebook, site
from transport.batch import Sample

HOUR_MS = 60 * MINUTE_MS
STATIONS = [
    Station("here", "air", {"pm10": "ug/m3", "pm25": "ug/m3"}),
    Station("there", "air", {"pm10": "mg/m3", "pm25": "ug/m3"}),
]


def rules(more: str, point: str = "pm10") -> str:
    return f"""
version: 1
curves: {{volume: {{unit: m3, of_unit: m, points: [[0, 0], [1, 10]]}}}}
rules:
  - id: dust
    name: {{zh: 扬尘, en: Dust}}
    hazard: dust
    select: {{device: here, point: {point}}}
    {more}
"""


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("sum: {}\n    levels: {blue: {above: 1}}", "no-window"),
        ("levels: {blue: {above: 1, over: 1h}}", "window-without-use"),
        ("mean: {each: day}\n    levels: {blue: {above: 1, over: 1h}}", "window-without-use"),
        ("minus: {device: there}\n    levels: {blue: {above: 1}}", "unit-mismatch"),
        ("minus: {device: there, point: o3}\n    levels: {blue: {above: 1}}", "unknown-point"),
        ("minus: {device: nowhere}\n    levels: {blue: {above: 1}}", "unknown-device"),
        ("through: volume\n    levels: {blue: {above: 1}}", "unit-mismatch"),
        ("through: volumes\n    levels: {blue: {above: 1}}", "unknown-curve"),
        ("only: [summer]\n    levels: {blue: {above: 1}}", "unknown-season"),
        ("sum: {over: 1h}\n    levels: {blue: {above: 2}, red: {above: 1, over: 2h}}", "ladder-not-monotone"),
    ],
)
def test_a_mistake_is_found_with_its_code(tmp_path: Path, more: str, code: str) -> None:
    write_district(tmp_path, STATIONS, rules(more))
    with pytest.raises(InvalidFileError) as caught:
        load_rules(tmp_path, load_district(tmp_path))
    assert code in {finding.code for finding in caught.value.findings}
    assert all(finding.what.zh and finding.remedy.zh for finding in caught.value.findings)


@pytest.mark.parametrize(
    "more",
    [
        "sum: {over: 1h}\n    mean: {over: 1h}",
        "mean: {over: 1h, each: day}",
        "rate: {over: 1h}\n    minus: {device: there}",
        "stuck: {}\n    allowed: 2",
        "sum: {over: 1h, complete: 120%}",
        "percentile: {of: 0, over: 1h}",
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, more: str) -> None:
    write_district(tmp_path, STATIONS, rules(f"{more}\n    levels: {{blue: {{above: 1}}}}"))
    with pytest.raises(InvalidFileError):
        load_rules(tmp_path, load_district(tmp_path))


MAST = district([device("mast", "peak", "rain", every_min=60)], [site("peak", "weather")])
STORM = rulebook(
    """
version: 1
rules:
  - id: storm
    name: {zh: 暴雨, en: Storm}
    hazard: rainstorm
    select: {point: rain}
    sum: {}
    clear_for: 0s
    levels: {blue: {above: 5, over: 12h}, yellow: {above: 5, over: 6h}, orange: {above: 5, over: 3h}}
""",
    MAST,
)
LIMITS = ((Level.ORANGE, 3), (Level.YELLOW, 6), (Level.BLUE, 12))


def storm_levels(rows: Sequence[Row]) -> list[Level]:
    """The level after each hour, by the sums alone: up at once, down where the sum that is past is known."""
    level, found = Level.NORMAL, []
    for now in range(len(rows)):
        sums = {name: rain(rows, now, hours * HOUR_MS, HOUR_MS) for name, hours in LIMITS}
        holding = [name for name, (amount, _) in sums.items() if amount >= 5]
        if holding and max(holding) > level:
            level = max(holding)
        elif level is not Level.NORMAL and sums[level][0] < 5 and sums[level][1] >= 0.9:
            lower = [name for name in sums if name < level and stands(rows, now, name)]
            level = max(lower, default=Level.NORMAL)
        found.append(level)
    return found


def stands(rows: Sequence[Row], now: int, name: Level) -> bool:
    """Whether a level holds, or has held and not been known to be past since."""
    hours = dict(LIMITS)[name]
    held = False
    for index in range(now + 1):
        amount, covered = rain(rows, index, hours * HOUR_MS, HOUR_MS)
        held = amount >= 5 or (held and covered < 0.9)
    return held


@settings(max_examples=60, deadline=None)
@given(
    hours=st.lists(
        st.tuples(st.sampled_from([1, 1, 1, 1, 2, 3]), st.sampled_from([0, 0, 1, 2, 6])), max_size=30
    )
)
def test_each_level_may_look_at_its_own_window(hours: list[tuple[int, int]]) -> None:
    at, rows = 0, []
    for step, amount in hours:
        at += step
        rows.append(Row(minute(at * 60), float(amount)))
    samples = [Sample("mast", "rain", row.at_ms, row.value, GOOD) for row in rows]
    changes = {each.at_ms: each.to for each in backtest(STORM, samples)}

    level, found = Level.NORMAL, []
    for row in rows:
        level = changes.get(row.at_ms, level)
        found.append(level)
    assert found == storm_levels(rows)


TWO = district(
    [device("here", "pit", "pm10", every_min=5), device("there", "city", "pm10", every_min=5)],
    [site("pit", "construction"), site("city", "air")],
)


def test_an_hour_above_the_background_by_more_than_is_allowed() -> None:
    book = rulebook(
        """
version: 1
rules:
  - id: excess
    name: {zh: 超标, en: Excess}
    hazard: dust
    select: {device: here, point: pm10}
    mean: {each: hour}
    minus: {device: there}
    allowed: 1
    clear_for: 0s
    levels: {blue: {above: 80}}
""",
        TWO,
    )
    excess = [90, 10, 85, 70]  # of four hours over a background of 50
    samples = [
        Sample(name, "pm10", minute(5 * number), 50.0 + (excess[number // 12] if name == "here" else 0), GOOD)
        for number in range(48)
        for name in ("here", "there")
    ]
    samples.append(Sample("here", "pm10", minute(240), 0.0, GOOD))
    (found,) = backtest(book, samples)
    assert (found.at_ms, found.to, found.value) == (minute(180), Level.BLUE, 85.0)
