"""One thing that the doctor looked at: well, or with what is wrong and the remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from district.findings import Language, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What was looked at and how it is; with a remedy if it is not well."""

    what: str
    said: Text
    code: str = ""  # stable, such as "no-port"; empty where there is nothing to mend
    remedy: Text | None = None

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to mend."""
        return self.remedy is None

    def as_json(self) -> dict[str, Any]:
        """Itself, for machines."""
        return {
            "what": self.what,
            "ok": self.is_well,
            "code": self.code or None,
            "said": self.said._asdict(),
            "remedy": self.remedy._asdict() if self.remedy else None,
        }


def well(what: str, said: Text) -> Remark:
    """Something that is as it should be."""
    return Remark(what=what, said=said)


def found(code: str, what: str, said: Text, remedy: Text) -> Remark:
    """Something to mend; ``code`` names its kind for machines, in every version."""
    return Remark(what=what, said=said, code=code, remedy=remedy)


def spoken(remarks: Sequence[Remark], language: Language) -> str:
    """Remarks for a terminal: what is not well has its remedy beneath."""
    width = max(len(each.what) for each in remarks)
    lines = []
    for each in remarks:
        mark = "✓" if each.is_well else "✗"
        lines.append(f"{mark} {each.what:<{width}}  {each.said.in_language(language)}")
        if each.remedy is not None:
            lines.append(f"  {'':<{width}}  → {each.remedy.in_language(language)}")
    number = sum(not each.is_well for each in remarks)
    words = Text(
        f"{number} to mend" if number else "all well", f"{number} 项待处理" if number else "一切正常"
    )
    return "\n".join([*lines, words.in_language(language)])
