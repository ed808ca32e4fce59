"""A new district is right from its first line, whatever it is called."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from district.load import load_district
from tests.tocsin.test_field import tocsin
from tocsin.check import check
from tocsin.cli import app
from tocsin.errors import TocsinError
from tocsin.fresh import Fresh, write_district

XIN = Fresh(
    id="xin-qu",
    zh="新区",
    en="Xin District",
    code="330100",
    lon=120.1,
    lat=30.2,
    radius_km=8.0,
    telephone="+8657112345678",
    port="/dev/serial/by-id/usb-1",
)


async def test_init_writes_four_files_that_check_accepts(tmp_path: Path) -> None:
    words = ["--id", "xin-qu", "--zh", "新区", "--en", "Xin District", "--code", "330100", "--json"]
    words += ["--at", "120.1,30.2", "--telephone", "+8657112345678"]

    code, out = await tocsin("init", tmp_path / "new", *words)

    assert code == 0
    assert {Path(file).name for file in json.loads(out)["wrote"]} == {
        *("devices.yaml", "areas.geojson", "rules.yaml", "contacts.yaml")
    }
    code, out = await tocsin("check", "--district", tmp_path / "new", "--json")
    assert (code, json.loads(out)) == (0, [])


def test_an_id_that_is_none_writes_nothing(tmp_path: Path) -> None:
    words = ["init", str(tmp_path / "new"), "--id", "Xin Qu", "--zh", "新", "--en", "Xin", "--code", "330100"]
    words += ["--at", "120.1,30.2", "--telephone", "+8657112345678"]

    result = CliRunner().invoke(app, words)

    assert result.exit_code == 2
    assert "'Xin Qu' is no id" in result.output
    assert not (tmp_path / "new").exists()


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("mine")

    with pytest.raises(TocsinError, match="already"):
        write_district(tmp_path, XIN)

    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("rules.yaml", "mine")]


@settings(max_examples=8, deadline=None)
@given(
    name=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20),
    lat=st.floats(-60, 60),
    lon=st.floats(-170, 170),
    radius_km=st.floats(1, 50),
)
def test_any_name_and_place_make_a_district(name: str, lat: float, lon: float, radius_km: float) -> None:
    with TemporaryDirectory() as folder:
        fresh = Fresh(
            **{field: getattr(XIN, field) for field in ("id", "code", "telephone", "port")},
            zh=name,
            en=name,
            lat=lat,
            lon=lon,
            radius_km=radius_km,
        )

        write_district(Path(folder), fresh)

        assert check(Path(folder)) == []
        assert load_district(Path(folder)).name.zh == name
