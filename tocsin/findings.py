"""Findings as people read them: the line, a caret under the place, what is wrong and what to do."""

import locale
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from unicodedata import east_asian_width

import msgspec

from district.findings import Finding, Language

_MEANT = {"en": "; did you mean {word!r}?", "zh": "；是否想写 {word!r}？"}
_REMEDY = {"en": "fix", "zh": "处理"}
_COUNT = {
    "en": {0: "no findings", 1: "1 finding", 2: "{number} findings"},
    "zh": {0: "没有发现问题", 1: "发现 1 处问题", 2: "发现 {number} 处问题"},
}


def default_language() -> Language:
    """The language of the locale: Chinese where it is Chinese, else English."""
    setting = next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    return "zh" if (setting or locale.getlocale()[0] or "").lower().startswith("zh") else "en"


def render_findings(findings: Iterable[Finding], folder: Path, language: Language) -> str:
    """Every finding with its line and a caret under the place."""
    sources: dict[str, list[str]] = {}
    blocks = []
    for finding in sorted(findings, key=lambda f: (f.place.file, f.place.line, f.place.column)):
        place = finding.place
        if place.file not in sources:
            sources[place.file] = _lines(folder / place.file)
        key = f"{finding.key}: " if finding.key else ""
        rows = [f"{place.file}:{place.line}:{place.column}: {key}{finding.what.in_language(language)}"]
        if place.line <= len(sources[place.file]):
            line = sources[place.file][place.line - 1]
            number = f"{place.line:>6} | "
            before, meant = line[: place.column - 1], line[place.column - 1 :][: place.width]
            lead = "".join(c if c == "\t" else " " * _columns(c) for c in before)  # as wide as what is above
            rows += [number + line, " " * (len(number) - 2) + "| " + lead + "^" * max(1, _columns(meant))]
        rows.append(f"  {_REMEDY[language]}: {finding.remedy.in_language(language)}")
        if finding.suggestion:
            rows[-1] += _MEANT[language].format(word=finding.suggestion)
        blocks.append("\n".join(rows))
    words = _COUNT[language]
    count = words[min(len(blocks), 2)].format(number=len(blocks))
    return "\n\n".join([*blocks, count])


def _columns(text: str) -> int:
    """How many columns a terminal gives to ``text``."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def findings_json(findings: Iterable[Finding]) -> str:
    """Every finding as a JSON array."""
    rows: list[Mapping[str, object]] = [
        {
            "file": finding.place.file,
            "line": finding.place.line,
            "column": finding.place.column,
            "width": finding.place.width,
            "key": finding.key,
            "code": finding.code,
            "what": finding.what._asdict(),
            "remedy": finding.remedy._asdict(),
            "suggestion": finding.suggestion,
        }
        for finding in findings
    ]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
