"""A district in a folder, with stations of one's own, and what the command line says of their history."""

import csv
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from tests.rules.support import repository
from tocsin.cli import app

LEVELS = ["normal", "blue", "yellow", "orange", "red"]


class Station(NamedTuple):
    """One device with its site of the same name."""

    name: str
    kind: str
    points: Mapping[str, str]  # to their units
    every: str = "1h"
    zero: float = 0.0


def write_district(
    folder: Path, stations: Sequence[Station], rules: str, *, zone: str = "Asia/Shanghai"
) -> Path:
    """The folder with the files that rules need."""
    shutil.copy(repository() / "areas.geojson", folder)
    profiles, devices, sites = {}, [], {}
    for number, station in enumerate(stations):
        codes = {
            f"a{index:05}": {"point": point, "unit": unit}
            for index, (point, unit) in enumerate(station.points.items())
        }
        profiles[station.name] = {"codes": codes}
        devices.append(
            {
                "id": station.name,
                "site": station.name,
                "gateway": "gw",
                "bus": "net",
                "mn": f"M{number}",
                "use": station.name,
                "expect": station.every,
                "datum": {"zero": station.zero},
            }
        )
        sites[station.name] = {
            "kind": station.kind,
            "area": "yunling-1",
            "name": {"zh": station.name, "en": station.name},
        }
    bus = {"kind": "hj212-tcp", "listen": "192.0.2.1:9212"}
    district = {
        "id": "linjiang",
        "name": {"zh": "临江区", "en": "Linjiang"},
        "timezone": zone,
        "code": "330199",
        "broker": "auto",
    }
    whole = {
        "version": 1,
        "district": district,
        "gateways": {"gw": {"area": "linjiang", "buses": {"net": bus}}},
        "profiles": profiles,
        "devices": devices,
        "sites": sites,
    }
    (folder / "devices.yaml").write_text(json.dumps(whole), encoding="utf-8")
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    return folder


def write_history(path: Path, rows: Iterable[Sequence[object]]) -> Path:
    """A history in long form."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["taken_at", "device", "point", "value", "quality"])
        writer.writerows([*row, "good"] if len(row) == 4 else row for row in rows)
    return path


def backtest(folder: Path, history: Path, *options: str) -> dict[str, Any]:
    """What `tocsin rules backtest --json` answers."""
    command = ["rules", "backtest", "--district", str(folder), "--history", str(history), "--json", *options]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def first_reached(answer: Mapping[str, Any], rule: str, subject: str) -> dict[str, tuple[str, float]]:
    """When each level or a higher one was first reached, and the value that did it."""
    found: dict[str, tuple[str, float]] = {}
    for each in answer["transitions"]:
        if (each["rule"], each["subject"]) == (rule, subject):
            for level in LEVELS[1 : LEVELS.index(each["to"]) + 1]:
                found.setdefault(level, (each["at"], each["value"]))
    return found


def episodes(answer: Mapping[str, Any], rule: str) -> list[tuple[str, str]]:
    """The begin of each episode of a rule, and the highest level it reached."""
    found: list[tuple[str, str]] = []
    for each in answer["transitions"]:
        if each["rule"] == rule and each["from"] == "normal":
            found.append((each["at"], each["to"]))
        elif each["rule"] == rule and LEVELS.index(each["to"]) > LEVELS.index(found[-1][1]):
            found[-1] = (found[-1][0], each["to"])
    return found
