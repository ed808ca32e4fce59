"""Each folder of tests/data/districts holds one broken file; the files it lacks are the demo district's."""

import json
import shutil
from pathlib import Path

import pytest

from tests.district.districts import DEMO
from tocsin.check import check

FILES = ("devices.yaml", "areas.geojson", "rules.yaml", "contacts.yaml")
BROKEN = sorted((DEMO / "tests" / "data" / "districts").iterdir())


@pytest.mark.parametrize("folder", BROKEN, ids=lambda folder: folder.name)
def test_the_mistake_is_found_at_its_place_and_nothing_else_is(folder: Path, tmp_path: Path) -> None:
    for name in FILES:
        shutil.copy(folder / name if (folder / name).exists() else DEMO / name, tmp_path)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))

    found = [
        {
            "file": finding.place.file,
            "line": finding.place.line,
            "column": finding.place.column,
            "code": finding.code,
        }
        for finding in check(tmp_path)
    ]

    assert found == [expected]
