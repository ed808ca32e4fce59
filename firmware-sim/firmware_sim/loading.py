"""Reading a scenario file: every mistake at once, each at its line and column."""

import csv
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase, CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from firmware_sim.curves import Curve
from firmware_sim.errors import ScenarioError
from firmware_sim.scenario import (
    Hj212SerialSpec,
    Hj212TcpSpec,
    ModbusRtuSpec,
    ModbusTcpSpec,
    Scenario,
    StationSpec,
    UnitSpec,
)
from firmware_sim.sources import FromSeries, FromTips, SeriesSpec, Source

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A scenario that holds together, with its series read."""

    scenario: Scenario
    series: Mapping[str, Curve]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong at a place of the document, and what to do."""

    path: Path_
    text: str
    at_key: bool = False


def load_scenario(path: Path) -> Loaded:
    """Read and check a scenario file and the CSV files it names.

    Raises:
        ScenarioError: With one line ``file:line:column: key: what is wrong`` a mistake.
    """
    document = _parse(path)
    try:
        # ruamel's containers are dict and list; strict validation wants the plain types
        scenario = Scenario.model_validate(_plain(document))
    except ValidationError as exc:
        raise _refusal(path, document, list(_schema_mistakes(exc))) from exc
    series: dict[str, Curve] = {}
    mistakes = list(_reference_mistakes(scenario))
    for name, spec in scenario.series.items():
        try:
            series[name] = read_series(path.parent / spec.csv, spec)
        except (ValueError, OSError) as exc:
            mistakes.append(Mistake(path=("series", name), text=str(exc)))
    mistakes += _negative_rates(scenario, series)
    if mistakes:
        raise _refusal(path, document, mistakes)
    return Loaded(scenario=scenario, series=series)


def read_series(path: Path, spec: SeriesSpec) -> Curve:
    """Read one column of a CSV file.

    Raises:
        OSError: The file cannot be read.
        ValueError: A column is missing, or a cell is no time or number.
    """
    zone = timezone(timedelta(seconds=spec.utc_offset))
    samples: list[tuple[float, float]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter=spec.delimiter)
        for column in (spec.time, spec.column):
            if column not in (rows.fieldnames or ()):
                raise ValueError(
                    f"{path.name} has no column {column!r}{_guess(column, rows.fieldnames or ())}"
                )
        for row in rows:
            cell = row[spec.column]
            if not cell:
                continue
            try:
                taken = datetime.fromisoformat(row[spec.time])
                value = float(cell.replace(",", ".") if spec.decimal == "," else cell)
            except ValueError as exc:
                raise ValueError(f"{path.name}:{rows.line_num}: {exc}") from exc
            if not isfinite(value):
                raise ValueError(f"{path.name}:{rows.line_num}: {cell!r} is no value: leave the cell empty")
            time_s = (taken if taken.tzinfo else taken.replace(tzinfo=zone)).timestamp()
            if samples and time_s <= samples[-1][0]:
                raise ValueError(f"{path.name}:{rows.line_num}: time does not rise: sort the file")
            samples.append((time_s, value * spec.scale + spec.offset))
    if not samples:
        raise ValueError(f"{path.name} holds no value in column {spec.column!r}")
    return Curve(samples, linear=spec.between == "linear")


def _parse(path: Path) -> CommentedMap:
    try:
        with path.open(encoding="utf-8") as file:
            document = YAML(typ="rt").load(file)
    except OSError as exc:
        raise ScenarioError(f"{path}: {exc.strerror}") from exc
    except MarkedYAMLError as exc:
        mark = exc.problem_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise ScenarioError(f"{place}: {exc.problem}") from exc
    except (YAMLError, UnicodeDecodeError) as exc:
        raise ScenarioError(f"{path}: {exc}") from exc
    if not isinstance(document, CommentedMap):
        raise ScenarioError(f"{path}:1:1: a scenario is a mapping: write `version: 1` and `lines:`")
    return document


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    return next((kind(node) for kind in (str, int, float) if isinstance(node, kind)), node)


def _refusal(path: Path, document: CommentedMap, mistakes: list[Mistake]) -> ScenarioError:
    lines = []
    for mistake in mistakes:
        found, line, column = _place(document, mistake)
        key = ".".join(str(part) for part in found)
        lines.append((line, column, f"{path}:{line}:{column}: {key}: {mistake.text}"))
    return ScenarioError("\n".join(text for _, _, text in sorted(lines)))


def _place(document: CommentedMap, mistake: Mistake) -> tuple[Path_, int, int]:
    """Where the deepest part of the path that exists is written; lines and columns from 1."""
    node: Any = document
    found: list[str | int] = []
    line, column = 0, 0
    for part in mistake.path:
        if not _has(node, part):
            continue  # a union's tag, or a key that is missing
        last = part == mistake.path[-1]
        line, column = _mark(node, part, at_key=last and mistake.at_key)
        node = node[part]
        found.append(part)
    return tuple(found) or tuple(mistake.path), line + 1, column + 1


def _has(node: Any, part: str | int) -> bool:
    if isinstance(node, CommentedMap):
        return part in node
    return isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node)


def _mark(node: CommentedBase, part: str | int, *, at_key: bool) -> tuple[int, int]:
    if isinstance(node, CommentedSeq):
        line, column = node.lc.item(part)
    else:
        line, column = node.lc.key(part) if at_key else node.lc.value(part)
    return line, column


def _schema_mistakes(error: ValidationError) -> Iterator[Mistake]:
    for detail in error.errors():
        path = detail["loc"]
        match detail["type"]:
            case "extra_forbidden":
                yield Mistake(path=path, text="no such key: remove it or mind its spelling", at_key=True)
            case "missing":
                yield Mistake(path=path[:-1], text=f"`{path[-1]}` is missing: add it")
            case _:
                yield Mistake(path=path, text=detail["msg"].removeprefix("Value error, "))


def _guess(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f": did you mean {close[0]!r}?" if close else f": it has {', '.join(known)}"


def _instruments(scenario: Scenario) -> Iterator[tuple[Path_, UnitSpec | StationSpec]]:
    for line_name, line in scenario.lines.items():
        match line:
            case ModbusRtuSpec() | ModbusTcpSpec():
                for index, unit in enumerate(line.units):
                    yield ("lines", line_name, "units", index), unit
            case Hj212SerialSpec() | Hj212TcpSpec():
                for index, station in enumerate(line.stations):
                    yield ("lines", line_name, "stations", index), station


def _values(scenario: Scenario) -> Iterator[tuple[Path_, Source]]:
    for path, instrument in _instruments(scenario):
        if isinstance(instrument, UnitSpec):
            for index, register in enumerate(instrument.registers):
                yield (*path, "registers", index, "value"), register.value
        else:
            for code, factor in instrument.factors.items():
                yield (*path, "factors", code, "value"), factor.value


def _reference_mistakes(scenario: Scenario) -> Iterator[Mistake]:
    names: dict[str, Path_] = {}
    addresses: set[tuple[str | int, str | int]] = set()
    for path, instrument in _instruments(scenario):
        if instrument.name in names:
            yield Mistake(path=(*path, "name"), text=f"{instrument.name!r} is taken: choose another name")
        names[instrument.name] = path
        key, address = (
            ("unit", instrument.unit) if isinstance(instrument, UnitSpec) else ("mn", instrument.mn)
        )
        if (path[1], address) in addresses:
            yield Mistake(path=(*path, key), text=f"{address} is taken on this line: choose another")
        addresses.add((path[1], address))
        yield from (
            _unit_mistakes(path, instrument)
            if isinstance(instrument, UnitSpec)
            else _station_mistakes(path, instrument)
        )
    for path, source in _values(scenario):
        rate = source.tips.rate if isinstance(source, FromTips) else source
        if isinstance(rate, FromSeries) and rate.series not in scenario.series:
            where = (*path, "tips", "rate", "series") if isinstance(source, FromTips) else (*path, "series")
            yield Mistake(path=where, text=f"no series {rate.series!r}{_guess(rate.series, scenario.series)}")


def _unit_mistakes(path: Path_, unit: UnitSpec) -> Iterator[Mistake]:
    taken: dict[tuple[str, int], str] = {}
    counters = 0
    for index, register in enumerate(unit.registers):
        where = (*path, "registers", index)
        if (register.type == "bool") != (register.table in ("coil", "discrete")):
            yield Mistake(
                path=(*where, "type"), text="coil and discrete hold bool, input and holding numbers"
            )
        if register.words == 1 and register.order != "ABCD":
            yield Mistake(path=(*where, "order"), text="only types of 32 bits have an order: remove it")
        if register.value == "answers":
            counters += 1
            if register.type != "u32" or register.scale != 1 or counters > 1:
                yield Mistake(path=(*where, "value"), text="answers is one u32 of scale 1 a unit")
        for addr in range(register.addr, register.addr + register.words):
            if (register.table, addr) in taken:
                yield Mistake(path=(*where, "addr"), text=f"overlaps {taken[register.table, addr]}: move it")
                break
            taken[register.table, addr] = register.key
        if register.addr + register.words > 1 << 16:
            yield Mistake(path=(*where, "addr"), text="reaches beyond address 65535: move it")


def _station_mistakes(path: Path_, station: StationSpec) -> Iterator[Mistake]:
    if station.answers in station.factors:
        yield Mistake(path=(*path, "answers"), text="this factor has a value: name one that is free")
    for code, factor in station.factors.items():
        if factor.value == "answers":
            text = "a station's counter has no value: write `answers: CODE` beside `factors`"
            yield Mistake(path=(*path, "factors", code, "value"), text=text)


def _negative_rates(scenario: Scenario, series: Mapping[str, Curve]) -> Iterator[Mistake]:
    for path, source in _values(scenario):
        if isinstance(source, FromTips) and isinstance(source.tips.rate, FromSeries):
            curve = series.get(source.tips.rate.series)
            if curve is not None and curve.lowest < 0:
                text = f"the rate of tips falls to {curve.lowest:g}: rain never falls below 0 mm/h"
                yield Mistake(path=(*path, "tips", "rate"), text=text)
