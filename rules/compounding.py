"""Mistakes in rules about rules: rules that are not there, levels that cannot be reached."""

from collections.abc import Iterator
from typing import Any

from district.document import Document
from district.findings import Finding, Text, closest
from district.mistakes import Location
from rules.spec import LEVELS, RulesFile, RuleSpec


def check_compound(rules: Document, spec: RulesFile, index: int) -> Iterator[Finding]:
    """The mistakes of the conditions of one rule."""
    known = {rule.id: rule for rule in spec.rules if not rule.when}
    for level in spec.rules[index].when:
        here: Location = ("rules", index, "when", level)
        yield from _check(rules, here, rules.at(*here), known)


def _check(rules: Document, here: Location, said: Any, known: dict[str, RuleSpec]) -> Iterator[Finding]:
    for form in ("all", "any"):
        for position, each in enumerate(said.get(form, ())):
            yield from _check(rules, (*here, form, position), each, known)
    if "not" in said:
        yield from _check(rules, (*here, "not"), said["not"], known)
    if "rule" not in said:
        return
    rule = known.get(said["rule"])
    if rule is None:
        yield rules.finding(
            "unknown-rule",
            (*here, "rule"),
            Text(f"no rule {said['rule']!r} that watches something", f"没有直接监测的规则 {said['rule']!r}"),
            Text(f"use one of: {', '.join(sorted(known))}", f"可用：{'、'.join(sorted(known))}"),
            suggestion=closest(str(said["rule"]), known),
        )
    elif rule.silence is None and LEVELS[said.get("level", "blue")] > _highest(rule):
        yield rules.finding(
            "unreachable-level",
            (*here, "level"),
            Text(f"{rule.id} never reaches {said['level']}", f"{rule.id} 达不到 {said['level']}"),
            Text("ask for a level that it has", "请写该规则具有的级别"),
        )


def _highest(rule: RuleSpec) -> int:
    ladders = [rule.levels, *rule.during.values()]
    for override in rule.override.values():
        ladders += [override.levels, *override.during.values()]
    return max((LEVELS[name] for ladder in ladders for name in ladder), default=0)
