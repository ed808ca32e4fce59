"""Filling an approved template's variables from a warning."""

from collections.abc import Iterable
from typing import Literal

from alerting.channels.channel import WarningMessage
from alerting.phrases import LEVELS
from district.findings import Language

TemplateField = Literal["headline", "description", "instruction", "level", "time"]
"""What a variable of a template can stand for."""

_CUT = "…"


def fill(
    warning: WarningMessage, language: Language, fields: Iterable[TemplateField], longest: int
) -> list[str]:
    """A value for each field; one of more than ``longest`` characters is cut, or it would be refused."""
    texts = warning.texts[language]
    known: dict[TemplateField, str] = {
        "headline": texts.headline,
        "description": texts.description,
        "instruction": texts.instruction,
        "level": LEVELS[warning.level].in_language(language),
        "time": f"{warning.sent:%m-%d %H:%M}",
    }
    return [_cut(known[field], longest) for field in fields]


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - len(_CUT)] + _CUT
