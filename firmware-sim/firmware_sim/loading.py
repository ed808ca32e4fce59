"""Reading a scenario file: every mistake at once, each at its line and column."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from firmware_sim.checks import check
from firmware_sim.csv_series import read_series
from firmware_sim.curves import Curve
from firmware_sim.errors import ScenarioError
from firmware_sim.mistakes import Mistake, guess, refusal
from firmware_sim.scenario import Scenario
from firmware_sim.sources import CsvSpec, NoisySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A scenario that holds together, with its series read."""

    scenario: Scenario
    series: Mapping[str, Curve | NoisySpec]


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
        raise refusal(path, document, list(_schema_mistakes(exc))) from exc
    series: dict[str, Curve | NoisySpec] = {}
    mistakes: list[Mistake] = []
    for name, spec in scenario.series.items():
        if not isinstance(spec, CsvSpec):
            series[name] = spec
            continue
        try:
            series[name] = read_series(path.parent / spec.csv, spec)
        except OSError as exc:
            mistakes.append(
                Mistake(path=("series", name, "csv"), text=f"{path.parent / spec.csv}: {exc.strerror}")
            )
        except ValueError as exc:
            mistakes.append(Mistake(path=("series", name), text=str(exc)))
    mistakes += check(scenario, series)
    if mistakes:
        raise refusal(path, document, mistakes)
    return Loaded(scenario=scenario, series=series)


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


def _schema_mistakes(error: ValidationError) -> Iterator[Mistake]:
    for detail in error.errors():
        path = detail["loc"]
        match detail["type"]:
            case "extra_forbidden":
                yield Mistake(path=path, text="no such key: remove it or mind its spelling", at_key=True)
            case "missing":
                yield Mistake(path=path[:-1], text=f"`{path[-1]}` is missing: add it")
            case "union_tag_not_found":
                yield Mistake(path=path, text="`kind` is missing: add it")
            case "union_tag_invalid":
                known = (tag.strip("' ") for tag in detail["ctx"]["expected_tags"].split(","))
                tag = str(detail["ctx"]["tag"])
                yield Mistake(path=(*path, "kind"), text=f"no kind {tag!r}{guess(tag, known)}")
            case "string_type":
                yield Mistake(path=path, text="a text is wanted: write it in quotes")
            case _:
                yield Mistake(path=path, text=detail["msg"].removeprefix("Value error, "))
