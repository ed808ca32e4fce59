"""Names in rules.yaml that nothing bears; found even while a file has other mistakes."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from district.devices import SiteKind
from district.document import Document
from district.findings import Finding, Text, closest
from district.known import Known
from district.mistakes import Location

_SELECTED: dict[str, tuple[str, Text]] = {  # key of `select`: field of Known, what it names
    "site": ("sites", Text("site", "站点")),
    "device": ("devices", Text("device", "设备")),
    "point": ("points", Text("point", "测点")),
}

_REFERRED = (
    ("device", "devices", Text("device", "设备")),
    ("point", "points", Text("point", "测点")),
)


def check_names(document: Document, known: Known) -> Iterator[Finding]:
    """A finding for each name that means nothing, and for each rule named like one before it."""
    seasons = document.block("seasons")
    first_line: dict[str, int] = {}
    for index, rule in document.rows("rules"):
        here: Location = ("rules", index)
        yield from _named_twice(document, here, rule, first_line)
        for key, (field, what) in _SELECTED.items():
            yield from _unknown(document, (*here, "select", key), getattr(known, field), what)
        for key, field, what in _REFERRED:
            yield from _unknown(document, (*here, "minus", key), getattr(known, field), what)
        for position, _ in enumerate(_listed(document.at(*here, "only"))):
            what = Text("season", "时段")
            yield from _unknown(document, (*here, "only", position), seasons, what)
        curves = document.block("curves")
        yield from _unknown(document, (*here, "through"), curves, Text("curve", "曲线"))
        yield from _unknown_keys(document, (*here, "during"), seasons, Text("season", "时段"))
        overridable = _overridable(known)
        if overridable is not None:
            what = Text("device, site or kind of site", "设备、站点或站点类型")
            yield from _unknown_keys(document, (*here, "override"), overridable, what)
        for name in document.block(*here, "override"):
            what = Text("season", "时段")
            yield from _unknown_keys(document, (*here, "override", name, "during"), seasons, what)


def _named_twice(
    document: Document, here: Location, rule: Mapping[Any, Any], first_line: dict[str, int]
) -> Iterator[Finding]:
    name = rule.get("id")
    if not isinstance(name, str):
        return
    line = document.place((*here, "id")).line
    if first_line.setdefault(name, line) != line:
        yield document.finding(
            "duplicate-id",
            (*here, "id"),
            Text(
                f"rule {name!r} is already there, in line {first_line[name]}",
                f"规则 {name!r} 已在第 {first_line[name]} 行定义",
            ),
            Text("give each rule its own id", "请为每条规则取不同的 id"),
        )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _overridable(known: Known) -> frozenset[str] | None:
    if known.devices is None or known.sites is None:
        return None
    return known.devices | known.sites | frozenset(get_args(SiteKind))


def _unknown(
    document: Document, location: Location, names: Collection[str] | None, what: Text
) -> Iterator[Finding]:
    name = document.at(*location)
    if names is not None and isinstance(name, str) and name not in names:
        yield _finding(document, location, name, names, what)


def _unknown_keys(
    document: Document, location: Location, names: Collection[str], what: Text
) -> Iterator[Finding]:
    for name in document.block(*location):
        if isinstance(name, str) and name not in names:
            yield _finding(document, (*location, name), name, names, what, of_key=True)


def _finding(
    document: Document,
    location: Location,
    name: str,
    names: Collection[str],
    what: Text,
    *,
    of_key: bool = False,
) -> Finding:
    listed = sorted(names)
    code = "unknown-subject" if "," in what.en else f"unknown-{what.en}"
    return document.finding(
        code,
        location,
        Text(f"no {what.en} {name!r}", f"没有{what.zh} {name!r}"),
        Text(
            f"use one of: {', '.join(listed[:12])}" if listed else f"define the {what.en} first",
            f"可用：{'、'.join(listed[:12])}" if listed else f"请先定义{what.zh}",
        ),
        of_key=of_key,
        suggestion=closest(name, listed),
    )
