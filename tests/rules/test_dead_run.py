"""A month of a real river, with four flash floods, against a plain loop over its file."""

import csv
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from district.load import load_district
from rules.load import load_rules
from rules.plain import Engine
from rules.transition import Level, Transition
from tests.rules.support import batch, repository
from transport.batch import Reading
from transport.measurement import Quality, to_ms

FOOT_M = 0.3048
LADDER = [(Level.BLUE, 0.6), (Level.YELLOW, 0.9), (Level.ORANGE, 1.2), (Level.RED, 1.6)]
BACK = 0.1
RISES = [(Level.YELLOW, 0.5, 0.4), (Level.ORANGE, 1.0, 0.8)]
CLEAR_FOR = timedelta(minutes=9)
GAP = timedelta(minutes=15)


class Gauge(NamedTuple):
    at: datetime
    level_m: float


class Change(NamedTuple):
    at: datetime
    before: Level
    to: Level
    value: float


@pytest.fixture(scope="module")
def month(shared_data: Path) -> list[Gauge]:
    path = shared_data / "river_usgs" / "usgs_01589330_2018-06_5min.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Gauge(
                datetime.fromisoformat(row["datetime_utc"]), round(float(row["gage_height_ft"]) * FOOT_M, 3)
            )
            for row in csv.DictReader(file)
        ]


def level_changes(month: list[Gauge]) -> list[Change]:
    """Held over four minutes (red at once), cleared after nine minutes a decimetre below."""
    found, level, last = [], Level.NORMAL, month[0].at
    since: dict[Level, datetime] = {}
    below_since: datetime | None = None
    for at, value in month:
        if at - last > GAP:
            since, below_since = {}, None
        last, reached = at, level
        for name, limit in LADDER:
            if value < round(limit - BACK, 3):
                since.pop(name, None)
            elif value >= limit:
                held = at - since.setdefault(name, at)
                if held >= (timedelta() if name is Level.RED else timedelta(minutes=4)):
                    reached = max(reached, name)
        if reached > level:
            found.append(Change(at, level, reached, value))
            level, below_since = reached, None
        elif level and value < round(dict(LADDER)[level] - BACK, 3):
            below_since = below_since or at
            if at - below_since >= CLEAR_FOR:
                standing = [
                    name for name, limit in LADDER if name < level and value >= round(limit - BACK, 3)
                ]
                to = max(standing, default=Level.NORMAL)
                found.append(Change(at, level, to, value))
                level, below_since = to, None
        else:
            below_since = None
    return found


def rise_changes(month: list[Gauge]) -> list[Change]:
    """The change over an hour, at once; cleared after nine minutes below."""
    by_time = dict(month)
    found, level, below_since = [], Level.NORMAL, None
    for at, value in month:
        if at - timedelta(hours=1) not in by_time:
            continue  # no row an hour earlier: the file has every five minutes, so it is the beginning
        rise = value - by_time[at - timedelta(hours=1)]
        reached = max([name for name, limit, _ in RISES if rise >= limit], default=Level.NORMAL)
        if reached > level:
            found.append(Change(at, level, reached, rise))
            level, below_since = reached, None
        elif level and rise < {name: clear for name, _, clear in RISES}[level]:
            below_since = below_since or at
            if at - below_since >= CLEAR_FOR:
                to = max(
                    [name for name, _, clear in RISES if name < level and rise >= clear], default=Level.NORMAL
                )
                found.append(Change(at, level, to, rise))
                level, below_since = to, None
        else:
            below_since = None
    return found


def replay(month: list[Gauge], size: int) -> list[Transition]:
    district = load_district(repository())
    engine = Engine(load_rules(repository(), district))
    found = []
    for begun in range(0, len(month), size):
        rows = [
            Reading("river-01-level", to_ms(at), {"level": (level_m, Quality.GOOD)})
            for at, level_m in month[begun : begun + size]
        ]
        found += [each.transition for each in engine.take(batch(rows), rows[-1].at_ms)]
    return found


def changes_of(found: list[Transition], rule: str) -> list[tuple[int, Level, Level]]:
    return [(each.at_ms, each.before, each.to) for each in found if each.rule == rule]


@pytest.mark.parametrize("size", [1, 2])
def test_a_months_levels_are_those_of_a_plain_loop(month: list[Gauge], size: int) -> None:
    found = replay(month, size)
    truth = level_changes(month)
    assert changes_of(found, "river-level") == [(to_ms(each.at), each.before, each.to) for each in truth]
    assert [each.value for each in found if each.rule == "river-level"] == [each.value for each in truth]
    assert any(each.to is Level.RED for each in truth)
    assert sum(each.before is Level.NORMAL for each in truth) >= 3


def test_a_months_rises_are_those_of_a_plain_loop(month: list[Gauge]) -> None:
    found = replay(month, 1)
    truth = rise_changes(month)
    assert changes_of(found, "river-rise") == [(to_ms(each.at), each.before, each.to) for each in truth]
    values = [each.value for each in found if each.rule == "river-rise"]
    assert values == pytest.approx([each.value for each in truth])
    assert max(each.value for each in truth) > 1.0
