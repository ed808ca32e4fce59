"""One value changes; everything else in the file stays to the character."""

from difflib import unified_diff
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from district.amending import AmendError, amend

DEMO = Path(__file__).parents[2] / "devices.yaml"

FILE = """\
# Whose file this is.
devices:
  - id: one   # the old gauge
    datum: {zero: 71.35, system: "1985"}  # levelled in May
    every: 2m

  - {id: two, site: dam, every: 1m}
  - id: three
    every: 5m # as agreed

sites: {dam: {kind: river}}
"""


def changed(before: str, after: str) -> list[str]:
    lines = unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[0] in "+-" and line[:3] not in {"+++", "---"}]


def test_a_value_is_replaced_and_its_comment_stays() -> None:
    after = amend(FILE, ["devices", 0, "datum", "zero"], "70.35")

    assert changed(FILE, after) == [
        '-    datum: {zero: 71.35, system: "1985"}  # levelled in May',
        '+    datum: {zero: 70.35, system: "1985"}  # levelled in May',
    ]


def test_a_missing_key_of_a_block_is_added_at_its_end() -> None:
    after = amend(FILE, ["devices", 2, "datum"], "{zero: 1.0}")

    assert changed(FILE, after) == ["+    datum: {zero: 1.0}"]
    assert YAML(typ="safe").load(after)["devices"][2] == {
        "id": "three",
        "every": "5m",
        "datum": {"zero": 1.0},
    }


def test_a_missing_key_of_a_line_is_added_before_its_brace() -> None:
    after = amend(FILE, ["devices", 1, "datum"], "{zero: 1.0}")

    assert "  - {id: two, site: dam, every: 1m, datum: {zero: 1.0}}\n" in after


@pytest.mark.parametrize(
    ("location", "why"),
    [
        (["devices", 7, "datum"], "devices.7: there is no such place"),
        (["sites", "sea", "kind"], "sites.sea: there is no such place"),
        (["devices"], "devices: more than one line"),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(location: list[str | int], why: str) -> None:
    with pytest.raises(AmendError, match=why):
        amend(FILE, location, "1")


def test_what_is_written_elsewhere_is_not_changed_there() -> None:
    text = "common: &c {zero: 1}\ndevices:\n  - {id: one, datum: *c}\n"

    with pytest.raises(AmendError, match="anchor"):
        amend(text, ["devices", 0, "datum", "zero"], "2")


@settings(max_examples=15)
@given(index=st.integers(0, 7), zero=st.floats(-100, 100).map(lambda x: round(x, 3)))
def test_in_a_whole_district_nothing_but_the_value_changes(index: int, zero: float) -> None:
    text = DEMO.read_text(encoding="utf-8")
    before = YAML(typ="safe").load(text)
    key: list[str | int] = ["devices", index, "datum"]
    value = f"{{zero: {zero}}}"

    after = YAML(typ="safe").load(amend(text, key, value))

    assert after["devices"][index].pop("datum") == {"zero": zero}
    before["devices"][index].pop("datum", None)
    assert after == before
    assert len(changed(text, amend(text, key, value))) <= 2
