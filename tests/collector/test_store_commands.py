"""The commands about the store, as people type them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.collector.conftest import REPOSITORY
from tocsin.cli import app


def run(*words: str | Path, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, [*map(str, words), "--district", str(REPOSITORY)])
    assert result.exit_code == exit_code, result.output
    return result.stdout


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    rows = [f"river-01-level,level,2018-06-03T12:{n:02}:00Z,{n / 8}" for n in range(60)]
    path.write_text("\n".join(["device,point,taken_at,value", *rows]))
    return path


def test_files_are_imported_backed_up_and_put_back(tmp_path: Path, readings: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert "store.sqlite" in run("store", "init", "--state", first)
    for _ in range(2):  # a repeat changes nothing
        assert json.loads(run("import", readings, "--state", first, "--json")) == {
            "samples": 60,
            "refused": 0,
        }
    copy = json.loads(run("backup", tmp_path / "copy", "--state", first, "--json"))
    assert copy["samples"] == 60

    assert "60 samples" in run("restore", tmp_path / "copy", "--state", second)
    shown = json.loads(run("history", "river-01-level", "level", "--state", second, "--json"))
    assert [row["value"] for row in shown["rows"]] == [n / 8 for n in range(60)]


def test_rows_that_are_no_readings_are_named_and_counted(tmp_path: Path, readings: Path) -> None:
    readings.write_text(readings.read_text() + "\nriver-01-level,level,today,1\n")
    result = CliRunner().invoke(
        app, ["import", str(readings), "--state", str(tmp_path), "--district", str(REPOSITORY)]
    )

    assert result.exit_code == 1
    assert "60 samples, 1 rows refused" in result.stdout
    assert f"{readings}:62: " in result.stderr


def test_the_old_is_forgotten(tmp_path: Path, readings: Path) -> None:
    run("import", readings, "--state", tmp_path)

    assert "forgot 60 samples" in run("store", "forget", "--keep-days", "30", "--state", tmp_path)
