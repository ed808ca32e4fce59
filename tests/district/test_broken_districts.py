"""Each folder of tests/data/districts holds one broken file; the files it lacks are the demo district's."""

import json
import shutil
from pathlib import Path

import pytest

from district.load import check_district
from rules.load import check_rules

DEMO = Path(__file__).parents[2]
FILES = ("devices.yaml", "areas.geojson", "rules.yaml", "contacts.yaml")
BROKEN = sorted((DEMO / "tests" / "data" / "districts").iterdir())


@pytest.mark.parametrize("folder", BROKEN, ids=lambda folder: folder.name)
def test_the_mistake_is_found_at_its_place_and_nothing_else_is(folder: Path, tmp_path: Path) -> None:
    for name in FILES:
        source = folder / name if (folder / name).exists() else DEMO / name
        if source.exists():
            shutil.copy(source, tmp_path)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))

    checked = check_district(tmp_path)
    findings = [*checked.findings, *check_rules(tmp_path, checked).findings]
    found = [
        {
            "file": finding.place.file,
            "line": finding.place.line,
            "column": finding.place.column,
            "code": finding.code,
        }
        for finding in findings
    ]

    assert found == [expected]
