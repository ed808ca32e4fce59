"""The river's rules as rules.yaml writes them, read without the product's code."""

import csv
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.tocsin.plain_loop import Change, Row, Rung, ladder_changes, rise_rows

REPOSITORY = Path(__file__).parents[2]
CSV = REPOSITORY / "firmware-sim/data/dead_run/usgs_01589330_2018-06_5min.csv"
SUBJECT = "river-01-level:level"
INTERVAL = timedelta(minutes=5)
_FEET_M = 0.3048
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


def _duration(text: str) -> timedelta:
    return timedelta(**{_UNITS[text[-1]]: float(text[:-1])})


def _rungs(levels: dict[str, Any]) -> dict[str, Rung]:
    return {
        colour: Rung(above=level["above"], clear=level["clear"], hold=_duration(level.get("for", "0s")))
        for colour, level in levels.items()
    }


def river_changes(rows: Sequence[Row]) -> dict[str, list[Change]]:
    """The changes of both river rules over ``rows``, by rule."""
    text = (REPOSITORY / "rules.yaml").read_text(encoding="utf-8")
    written = YAML(typ="safe").load(text)
    rules = {rule["id"]: rule for rule in written["rules"]}
    defaults = written["defaults"]
    level, rise = rules["river-level"], rules["river-rise"]
    stale_after = float(defaults["stale_after"].removesuffix("x")) * INTERVAL
    return {
        "river-level": ladder_changes(
            rows,
            _rungs(level["override"]["river-01"]["levels"]),
            clear_for=_duration(level["clear_for"]),
            stale_after=stale_after,
        ),
        "river-rise": ladder_changes(
            rise_rows(rows, _duration(rise["rate"]["over"])),
            _rungs(rise["levels"]),
            clear_for=_duration(rise.get("clear_for", defaults["clear_for"])),
            stale_after=stale_after,
        ),
    }


def csv_rows(first: datetime, last: datetime) -> list[Row]:
    """Dead Run's stage in metres, as published, from ``first`` to ``last``."""
    with CSV.open(encoding="utf-8") as file:
        rows = [
            (datetime.fromisoformat(row["datetime_utc"]), float(row["gage_height_ft"]) * _FEET_M)
            for row in csv.DictReader(file)
            if row["gage_height_ft"]
        ]
    return [row for row in rows if first <= row[0] <= last]
