"""Who would be told of a warning, before anything happens: the very decision that the desk takes."""

from dataclasses import dataclass

from alerting.compose import areas_of
from alerting.errors import NoSuchRuleError
from alerting.targeting import Directory, Target
from district.findings import Text, closest
from district.inventory import District
from rules.rulebook import Rulebook
from rules.transition import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The beginning of a story: whom its first message goes to, and why."""

    hazard: str
    level: Level
    site: str
    areas: tuple[str, ...]
    people: tuple[Target, ...]
    widened: tuple[str, ...]  # affected areas where nobody holds a named role


def preview(
    district: District, directory: Directory, *, hazard: str, level: Level, site: str, blind: bool = False
) -> Preview:
    """Whom a warning of ``hazard`` at ``site`` that begins at ``level`` goes to."""
    areas = areas_of(district, (site,))
    targets = directory.targets(hazard, level, areas, blind=blind)
    return Preview(
        hazard=hazard, level=level, site=site, areas=areas, people=targets.people, widened=targets.widened
    )


def find_subject(rulebook: Rulebook, rule: str, subject: str) -> tuple[str, str]:
    """The hazard and the site of what a rule watches.

    Raises:
        NoSuchRuleError: There is no such rule, or it does not watch that subject.
    """
    if rule not in rulebook.rules:
        raise _nothing("rule", "规则", rule, list(rulebook.rules))
    subjects = {f"{one.device}:{one.point}": one.site for one in rulebook.watches if one.rule == rule}
    subjects |= {one.device: one.site for one in rulebook.silences if one.rule == rule}
    if subject not in subjects:
        raise _nothing("subject", "对象", subject, list(subjects))
    return rulebook.rules[rule].hazard, subjects[subject]


def _nothing(what: str, word: str, name: str, known: list[str]) -> NoSuchRuleError:
    meant = closest(name, known)
    some = ", ".join(sorted(known)[:8])
    return NoSuchRuleError(
        Text(
            f"no {what} {name!r}; " + (f"did you mean {meant!r}?" if meant else f"there are: {some}"),
            f"没有{word} {name!r}；" + (f"是否想写 {meant!r}？" if meant else f"可用的有：{some}"),
        )
    )
