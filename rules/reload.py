"""What people ask of the running engine: to take over the rules as they are on disk now."""

from collections.abc import Callable

import msgspec

from district.findings import InvalidFileError
from rules.changes import changes, summary
from rules.rulebook import Rulebook


class Reload(msgspec.Struct, frozen=True, kw_only=True, tag="reload", tag_field="kind"):
    """Read the rules anew."""

    id: str  # of the request


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it, in the form in which every server process answers."""

    id: str
    ok: bool
    en: str
    zh: str


def read_anew(
    request: Reload, load: Callable[[], Rulebook], before: Rulebook
) -> tuple[Rulebook | None, Reloaded]:
    """The rules as they are now, and the answer, with what changes; no rules if the file has mistakes."""
    try:
        rulebook = load()
    except InvalidFileError as exc:
        first = exc.findings[0]
        return None, Reloaded(
            id=request.id,
            ok=False,
            en=f"{first.place.file}:{first.place.line}: {first.what.en}; the rules before hold on",
            zh=f"{first.place.file} 第 {first.place.line} 行：{first.what.zh}；原规则继续有效",
        )
    name, said = rulebook.fingerprint, summary(changes(before, rulebook))
    return rulebook, Reloaded(
        id=request.id,
        ok=True,
        en=f"rules {name} are in force; changed: {said}",
        zh=f"规则 {name} 已生效；变化：{said}",
    )
