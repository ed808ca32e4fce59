"""The form writes into the file as a careful person would: only what was changed differs."""

from difflib import SequenceMatcher
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from console.editing import Edit, apply_edits
from console.errors import ConsoleError
from tests.alerting.samples import DEMO

RULES = (DEMO / "rules.yaml").read_bytes().decode()


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def figures(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all numbers of a file."""
    if isinstance(node, dict):
        return [place for key, value in node.items() for place in figures(value, (*path, key))]
    if isinstance(node, list):
        return [place for index, value in enumerate(node) for place in figures(value, (*path, index))]
    return [path] if isinstance(node, float | int) and not isinstance(node, bool) else []


def put(data: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value


def changed_lines(before: str, after: str) -> list[str]:
    one, other = before.splitlines(), after.splitlines()
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return [line for tag, _, _, first, last in blocks if tag != "equal" for line in other[first:last]]


@given(st.data())
def test_of_any_figures_only_their_lines_differ(data: st.DataObject) -> None:
    places = data.draw(st.lists(st.sampled_from(figures(read(RULES))), min_size=1, max_size=5, unique=True))
    values = [data.draw(st.decimals(0, 999, places=2)) for _ in places]
    edits = [Edit(path=place, value=str(value)) for place, value in zip(places, values, strict=True)]

    after = apply_edits(RULES, edits)

    wanted = read(RULES)
    for place, value in zip(places, values, strict=True):
        put(wanted, place, float(value))
    assert read(after) == wanted
    assert len(after.splitlines()) == len(RULES.splitlines())
    assert len(changed_lines(RULES, after)) <= len(places)


def test_a_flood_seasons_limit_is_one_line() -> None:
    index = next(n for n, rule in enumerate(read(RULES)["rules"]) if rule["id"] == "reservoir-level")
    path = ("rules", index, "override", "res-01", "during", "flood", "yellow", "above")

    after = apply_edits(RULES, [Edit(path=path, value="79.2")])

    assert changed_lines(RULES, after) == ["            yellow: {above: 79.2}"]


NOTES = """\
# a note in front
rules:
  - id: river   # its name
    levels: # metres
      blue: {above: 1.0, clear: 0.9}   # the first

      # before red
      red: {above: 2.0}
    clear_for: 9m
  # the end of the list

other: kept
"""


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("rules", 0, "levels", "red", "clear"), "1.8", "      red: {above: 2.0, clear: 1.8}"),
        (("rules", 0, "levels", "orange", "above"), "1.5", "      orange: {above: 1.5}"),
        (("rules", 0, "stale_after"), "3x", "    stale_after: 3x"),
        (("rules", 0, "during", "flood", "red", "above"), "1.9", "    during: {flood: {red: {above: 1.9}}}"),
        (("other",), "has: colon", 'other: "has: colon"'),
        (("other",), "水位", 'other: "水位"'),
    ],
)
def test_what_was_not_written_yet_is_put_beside_what_is(path: tuple[Any, ...], value: str, line: str) -> None:
    after = apply_edits(NOTES, [Edit(path=path, value=value)])

    assert changed_lines(NOTES, after) == [line]
    node = read(after)
    for step in path:
        node = node[step]
    assert str(node) == value


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        (("rules", 0, "levels", "blue", "clear"), "clear: 0.9"),
        (("rules", 0, "levels", "red"), "red: {above: 2.0}"),
        (("rules", 0, "clear_for"), "clear_for: 9m"),
        (("rules", 0, "levels", "red", "above"), "red: {above: 2.0}"),  # what is left would be empty
    ],
)
def test_what_is_taken_away_takes_nothing_with_it(path: tuple[Any, ...], gone: str) -> None:
    after = apply_edits(NOTES, [Edit(path=path, value=None)])

    assert gone not in after
    kept = [line for line in NOTES.splitlines() if gone not in line]
    assert [line for line in kept if line not in after.splitlines()] == []
    assert read(after)["other"] == "kept"


def test_what_is_put_and_taken_away_again_leaves_the_file_as_it_was() -> None:
    path = ("rules", 0, "levels", "red", "clear")

    after = apply_edits(NOTES, [Edit(path=path, value="1.8"), Edit(path=path, value=None)])

    assert after == NOTES


@pytest.mark.parametrize("path", [("rules", 7, "id"), ("rules", 0), ("rules", 0, "id", "deeper"), ()])
def test_a_place_that_cannot_be_is_refused(path: tuple[Any, ...]) -> None:
    with pytest.raises(ConsoleError):
        apply_edits(NOTES, [Edit(path=path, value="x")])


def test_a_text_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(ConsoleError):
        apply_edits("rules: [", [Edit(path=("rules",), value="x")])
