import json
from pathlib import Path

import pytest

from district.findings import Finding, Place, Text
from tocsin.findings import default_language, findings_json, render_findings

FINDING = Finding(
    code="unknown-key",
    place=Place(file="devices.yaml", line=2, column=8, width=5),
    key="devices.0.unti",
    what=Text("unknown key 'unti'", "未知的键 'unti'"),
    remedy=Text("use one of: unit", "可用的键：unit"),
    suggestion="unit",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "devices.yaml").write_text("version: 1\n水位计: wrong here\n", encoding="utf-8")
    return tmp_path


def test_the_caret_stands_under_the_place(folder: Path) -> None:
    lines = render_findings([FINDING], folder, "en").splitlines()

    assert lines[0] == "devices.yaml:2:8: devices.0.unti: unknown key 'unti'"
    assert lines[1] == "     2 | 水位计: wrong here"
    # three wide characters take six columns at a terminal
    assert lines[2] == "       | " + " " * (6 + len(": wr") - 0) + "^^^^^"
    assert lines[3] == "  fix: use one of: unit; did you mean 'unit'?"
    assert lines[-1] == "1 finding"


def test_people_read_it_in_chinese(folder: Path) -> None:
    text = render_findings([FINDING], folder, "zh")

    assert "未知的键 'unti'" in text
    assert "是否想写 'unit'？" in text
    assert "发现 1 处问题" in text


def test_machines_read_both_languages() -> None:
    (row,) = json.loads(findings_json([FINDING]))

    assert (row["file"], row["line"], row["column"]) == ("devices.yaml", 2, 8)
    assert row["what"] == {"en": "unknown key 'unti'", "zh": "未知的键 'unti'"}


def test_a_file_that_is_gone_still_gets_its_finding(tmp_path: Path) -> None:
    assert "devices.yaml:2:8" in render_findings([FINDING], tmp_path, "en")


@pytest.mark.parametrize(("locale", "language"), [("zh_CN.UTF-8", "zh"), ("en_GB.UTF-8", "en"), ("C", "en")])
def test_the_locale_chooses_the_language(locale: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", locale)

    assert default_language() == language
