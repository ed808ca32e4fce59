"""Packs: rules that are shipped, and what a district says differently.

A district names packs, as in ``packs: [rainstorm@1]``, and refines their rules by id. What comes out is one
document, as if all had been written in it; findings point at the line that people can change.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

from district.document import Document
from district.findings import Finding, Place, Text, closest
from district.mistakes import Location

_MERGED = ("levels", "during", "override")


class PackedDocument(Document):
    """A document with the rules of its packs behind its own."""

    def __init__(self, written: Document, data: dict[Any, Any], origins: list[tuple[int, str]]) -> None:
        self.file = written.file
        self.data = data
        self.findings = written.findings
        self.first_packed = len(data["rules"]) - len(origins)
        """The index of the first rule that a pack has brought."""
        self._written = written
        self._origins = origins  # of each packed rule: position in `packs`, id

    def place(self, location: Location, *, of_key: bool = False) -> Place:
        """Where people can change it: a packed rule under `refine`, or where its pack is named."""
        if len(location) > 1 and location[0] == "rules" and isinstance(location[1], int):
            position = location[1] - self.first_packed
            if position >= 0:
                pack, rule = self._origins[position]
                refined = self._written.at("refine", rule) is not None
                location = ("refine", rule, *location[2:]) if refined else ("packs", pack)
        return self._written.place(location, of_key=of_key)


def pack_names() -> list[str]:
    """The packs that are shipped."""
    names = (each.name for each in files("rules.packs").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def read_pack(name: str) -> dict[str, Any]:
    """The rules file of a pack.

    Raises:
        FileNotFoundError: There is no such pack.
    """
    text = files("rules.packs").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return dict(YAML(typ="safe", pure=True).load(text))


def unpack(document: Document) -> tuple[Document, list[Finding]]:
    """The document with its packs in it, and a finding for each that is not there or not of this version."""
    named = document.at("packs")
    if not isinstance(named, list) or not named:
        return document, []
    findings = list(_unknown(document, named))
    if findings:
        return document, findings
    data, origins = merge_packs(document.data)
    known = {rule["id"] for rule in data["rules"] if isinstance(rule, Mapping) and "id" in rule}
    findings = list(_refining_nothing(document, document.block("refine"), known))
    return PackedDocument(document, data, origins), findings


def merge_packs(said: Mapping[Any, Any]) -> tuple[dict[Any, Any], list[tuple[int, str]]]:
    """A rules file with the rules of its packs behind its own, and where each of them is from.

    Raises:
        FileNotFoundError: There is no such pack.
    """
    data = dict(deepcopy(said))
    own = data.get("rules")
    rules: list[Any] = list(own) if isinstance(own, list) else []
    refine = _block(data, "refine")
    seasons: dict[Any, Any] = {}
    curves: dict[Any, Any] = {}
    origins: list[tuple[int, str]] = []
    for position, name in enumerate(data["packs"]):
        pack = read_pack(_id_of(name))
        seasons |= pack.get("seasons", {})
        curves |= pack.get("curves", {})
        for rule in pack["rules"]:
            if not _block(refine, rule["id"]).get("off"):
                rules.append(_refined(rule, _block(refine, rule["id"])))
                origins.append((position, rule["id"]))
    seasons.update(_block(data, "seasons"))
    curves.update(_block(data, "curves"))
    return data | {"rules": rules, "seasons": seasons, "curves": curves}, origins


def _id_of(name: Any) -> str:
    return str(name).partition("@")[0]


def _block(data: Mapping[Any, Any], key: str) -> Mapping[Any, Any]:
    found = data.get(key)
    return found if isinstance(found, Mapping) else {}


def _refined(rule: dict[str, Any], said: Mapping[Any, Any]) -> dict[str, Any]:
    """A pack's rule with what the district says: levels, seasons and subjects one by one, the rest whole."""
    refined = dict(rule)
    for key, value in said.items():
        if key in _MERGED and isinstance(value, Mapping):
            refined[key] = _deep(rule.get(key, {}), value)
        elif key != "off":
            refined[key] = value
    return refined


def _deep(base: Mapping[Any, Any], said: Mapping[Any, Any]) -> dict[Any, Any]:
    merged = dict(base)
    for key, value in said.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _deep(merged[key], value) if both else value
    return merged


def _unknown(document: Document, named: list[Any]) -> Iterator[Finding]:
    known = {f"{name}@{read_pack(name)['pack']['version']}" for name in pack_names()}
    for position, name in enumerate(named):
        if name not in known:
            yield document.finding(
                "unknown-pack",
                ("packs", position),
                Text(f"no pack {name!r}", f"没有规则包 {name!r}"),
                Text(f"use one of: {', '.join(sorted(known))}", f"可用：{'、'.join(sorted(known))}"),
                suggestion=closest(str(name), known),
            )


def _refining_nothing(document: Document, refine: Mapping[Any, Any], rules: set[str]) -> Iterator[Finding]:
    for name, said in refine.items():
        if name not in rules and not (isinstance(said, Mapping) and said.get("off")):
            yield document.finding(
                "refines-nothing",
                ("refine", name),
                Text(f"no pack has a rule {name!r}", f"规则包中没有规则 {name!r}"),
                Text("name a rule of a pack in use", "请写所用规则包中的规则"),
                of_key=True,
                suggestion=closest(str(name), rules),
            )
