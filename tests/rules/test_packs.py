"""Packs hold together, say where they are from, and a district may say otherwise."""

from pathlib import Path

import pytest

from district.findings import InvalidFileError
from district.load import load_district
from rules.load import load_rules
from rules.packing import pack_names, read_pack
from rules.rulebook import Rulebook
from rules.spec import RulesFile
from tests.rules.places import Station, write_district
from tests.rules.support import repository

EVERYTHING = [
    Station("mast", "weather", {"rain": "mm"}, every="5m"),
    Station("brook", "river", {"level": "m"}, every="5m"),
    Station("dam", "reservoir", {"level": "m"}, every="5m"),
    Station("pipe", "pipeline", {"ch4": "%LEL"}, every="1m"),
    Station("dip", "road", {"depth": "cm"}, every="1m"),
    Station("city", "air", {"pm25": "ug/m3", "pm10": "ug/m3"}),
    Station("pit", "construction", {"tsp": "ug/m3", "noise": "dB", "moment": "%", "wind": "m/s"}, every="1m"),
]
OWN = "{levels: {blue: {above: 1}, yellow: {above: 2}, orange: {above: 3}, red: {above: 4}}}"
ALL = ", ".join(f"{name}@{read_pack(name)['pack']['version']}" for name in pack_names())


def book(folder: Path, rules: str) -> Rulebook:
    write_district(folder, EVERYTHING, rules)
    return load_rules(folder, load_district(folder))


@pytest.mark.parametrize("name", pack_names())
def test_a_pack_ships_timelines(name: str) -> None:
    path = repository() / "rules" / "packs" / "timelines" / f"{name}.yaml"
    assert f"packs: [{name}@{read_pack(name)['pack']['version']}]" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", pack_names())
def test_a_pack_fits_its_model_and_has_a_page(name: str) -> None:
    assert RulesFile.model_validate(read_pack(name)).pack is not None
    page = (repository() / "docs" / "packs" / f"{name}.md").read_text(encoding="utf-8")
    assert f"`{name}@{read_pack(name)['pack']['version']}`" in page


def test_all_packs_together_have_no_findings(tmp_path: Path) -> None:
    rules = f"version: 1\npacks: [{ALL}]\nrefine:\n"
    rules += f"  river-level: {{override: {{brook: {OWN}}}}}\n"
    rules += f"  reservoir-level: {{override: {{dam: {OWN}}}}}\n"
    found = book(tmp_path, rules)
    watched = {watch.rule for watch in found.watches} | {watch.rule for watch in found.silences}
    assert watched == set(found.rules)


def test_a_pack_without_anything_to_watch_rests(tmp_path: Path) -> None:
    write_district(tmp_path, EVERYTHING[:1], "version: 1\npacks: [rainstorm@1, gas@1]\n")
    assert {watch.rule for watch in load_rules(tmp_path, load_district(tmp_path)).watches} == {"rainstorm"}


def test_a_district_says_otherwise(tmp_path: Path) -> None:
    found = book(
        tmp_path, "version: 1\npacks: [rainstorm@1]\nrefine: {rainstorm: {levels: {red: {above: 90}}}}\n"
    )
    rungs = found.watches[0].ladders[""].rungs
    assert [rung.limit for rung in rungs] == [50, 50, 50, 90]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("packs: [rainstorms@1]", "2:9.*no pack 'rainstorms@1'"),
        ("packs: [rainstorm@2]", "no pack 'rainstorm@2'"),
        ("packs: [rainstorm@1]\nrefine: {rainstrom: {levels: {}}}", "rainstrom"),
        ("packs: [river@1]", "no water levels of its own"),
        ("packs: [rainstorm@1]\nrefine: {rainstorm: {levels: {blue: {above: 50, over: 2h}}}}", "blue"),
        ("rules: []", "no rule"),
    ],
)
def test_a_mistake_beside_a_pack_stops_the_start(tmp_path: Path, rules: str, said: str) -> None:
    with pytest.raises(InvalidFileError, match=f"(?s){said}"):
        book(tmp_path, f"version: 1\n{rules}\n")


def test_a_finding_in_a_packed_rule_points_at_what_people_wrote(tmp_path: Path) -> None:
    rules = "version: 1\npacks: [river@1]\nrefine:\n  river-level:\n    override:\n      brook:\n"
    rules += "        levels: {blue: {above: 2}, red: {above: 1}}\n"
    with pytest.raises(InvalidFileError) as caught:
        book(tmp_path, rules)
    (finding,) = caught.value.findings
    assert (finding.code, finding.place.line) == ("ladder-not-monotone", 7)
