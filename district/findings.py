"""A finding: one mistake in one file, at its exact place, with what to do, in the reader's language."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple

Language = Literal["en", "zh"]


class Text(NamedTuple):
    """One text for people, in both languages."""

    en: str
    zh: str

    def in_language(self, language: Language) -> str:
        """The text in ``language``."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in which file: line and column count from 1, ``width`` characters are meant."""

    file: str
    line: int
    column: int
    width: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One mistake, where it is, what it is and what to do."""

    code: str  # stable, such as "unknown-key"
    place: Place
    key: str  # dotted path, such as "devices.3.use"
    what: Text
    remedy: Text
    suggestion: str | None = None  # the word that was probably meant


class DistrictError(Exception):
    """Root of every error district raises on purpose."""


class InvalidFileError(DistrictError):
    """What people wrote cannot be used; starting again cannot help, editing can."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        first = self.findings[0]
        place = first.place
        super().__init__(f"{place.file}:{place.line}:{place.column}: {first.key}: {first.what.en}")


class SpecError(ValueError):
    """A value in a file is impossible; validators raise it to say why in both languages.

    ``at`` names the key at fault when the validator looked at a whole block.
    """

    def __init__(
        self,
        what: Text,
        remedy: Text,
        *,
        suggestion: str | None = None,
        code: str = "impossible-value",
        at: str | int | None = None,
    ) -> None:
        super().__init__(what.en)
        self.what = what
        self.remedy = remedy
        self.suggestion = suggestion
        self.code = code
        self.at = at


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if any is near."""
    matches = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
