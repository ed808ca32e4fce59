"""``tocsin cap``: CAP messages judged and shown."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from alerting.capcheck.reading import Element, read_elements
from alerting.capcheck.verdict import Verdict, judge
from district.findings import Finding, Language
from tocsin.errors import TocsinError
from tocsin.findings import findings_json, render_findings

_ADVICE = {"en": "advice, which refuses nothing:", "zh": "改进建议（不影响有效性）："}
_SHOWN = ("event", "severity", "urgency", "certainty", "effective", "expires", "senderName")
_SAID = ("headline", "description", "instruction")


def judge_files(files: Iterable[Path]) -> Verdict:
    """Judge messages, each for itself and as a chain.

    Raises:
        TocsinError: A file cannot be read.
    """
    return judge({str(path): _read(path) for path in files})


def render_verdict(verdict: Verdict, language: Language) -> str:
    """Every finding with its line, then what is advised."""
    text = _render(verdict.refused, language)
    if verdict.advice:
        text += f"\n\n{_ADVICE[language]}\n\n{_render(verdict.advice, language)}"
    return text


def verdict_json(verdict: Verdict) -> str:
    """The verdict as a JSON object; findings are as those of ``tocsin check``."""
    content = {
        "valid": not verdict.refused,
        "findings": msgspec.Raw(findings_json(verdict.refused).encode()),
        "advice": msgspec.Raw(findings_json(verdict.advice).encode()),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def read_message(path: Path) -> Element:
    """The message in a file.

    Raises:
        TocsinError: The file cannot be read.
        InvalidFileError: It is no XML.
    """
    return read_elements(_read(path), str(path))


def render_message(alert: Element, language: Language) -> str:
    """A message as people read it; the block for ``language``, or all if none is."""
    rows = [
        f"{alert.value('msgType')} {alert.value('identifier')}",
        f"{alert.value('sender')}  {alert.value('sent')}  {alert.value('status')}  {alert.value('scope')}",
    ]
    rows += [f"references: {word}" for word in alert.value("references").split()]
    infos = alert.all("info")
    for info in [info for info in infos if info.value("language").startswith(language)] or infos:
        rows += ["", *(info.value(name) for name in _SAID if info.value(name)), ""]
        rows += [f"{name:<14}{info.value(name)}" for name in _SHOWN if info.value(name)]
        rows += [f"{one.value('valueName'):<14}{one.value('value')}" for one in info.all("parameter")]
        rows += [f"{'area':<14}{area.value('areaDesc')}" for area in info.all("area")]
    return "\n".join(rows)


def message_json(alert: Element) -> str:
    """A message as JSON: elements by name, repeated ones as lists."""
    return msgspec.json.format(msgspec.json.encode(_plain(alert)), indent=2).decode()


def _plain(element: Element) -> Any:
    if not element.children:
        return element.text
    content: dict[str, Any] = {}
    for name in dict.fromkeys(child.name for child in element.children):
        values = [_plain(child) for child in element.children if child.name == name]
        content[name] = values[0] if len(values) == 1 else values
    return content


def _render(findings: Iterable[Finding], language: Language) -> str:
    return render_findings(findings, Path(), language)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise TocsinError(f"{path}: {exc.strerror}") from exc
