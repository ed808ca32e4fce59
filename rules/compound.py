"""From rules about rules to combinations: one for each site or area that has alarms to judge."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from district.inventory import District
from rules.combining import All, Any, Combination, Condition, Holds, Not
from rules.limits import to_whole_ms
from rules.spec import LEVELS, RuleSpec
from rules.when import AllSpec, AnySpec, ConditionSpec, HoldsSpec, NotSpec, Scope, terms

Alarm = tuple[str, str, str]  # rule, subject, site


def combinations_of(rule: RuleSpec, district: District, alarms: Sequence[Alarm]) -> Iterator[Combination]:
    """The combinations of one rule; a place without any of its alarms has none."""
    asked = {term.rule for condition in rule.when.values() for term in terms(condition)}
    found: defaultdict[str, list[Alarm]] = defaultdict(list)
    for alarm in alarms:
        if alarm[0] in asked:
            found[place_of(rule.per, district, alarm[2])].append(alarm)
    for place, inputs in sorted(found.items()):
        ascending = sorted(rule.when.items(), key=lambda each: LEVELS[each[0]])
        yield Combination(
            rule=rule.id,
            hazard=rule.hazard,
            subject=place,
            site=min(site for _, _, site in inputs),
            conditions=tuple((LEVELS[level], _condition(spec, inputs)) for level, spec in ascending),
        )


def place_of(scope: Scope, district: District, site: str) -> str:
    """The site, asset or area by which alarms of a site are judged together."""
    if scope == "site":
        return site
    if scope == "asset":
        return district.sites[site].asset
    chain = district.area_chain(district.sites[site].area)
    return next((area for area in chain if district.areas[area].rank == scope), district.root_area)


def _condition(spec: ConditionSpec, inputs: Sequence[Alarm]) -> Condition:
    match spec:
        case AllSpec():
            return All(each=tuple(_condition(each, inputs) for each in spec.each))
        case AnySpec():
            return Any(each=tuple(_condition(each, inputs) for each in spec.each))
        case NotSpec():
            return Not(condition=_condition(spec.condition, inputs))
        case HoldsSpec():
            alarms = tuple(f"{rule}|{subject}" for rule, subject, _ in inputs if rule == spec.rule)
            within_ms = to_whole_ms(spec.within) if spec.within is not None else 0
            return Holds(alarms=alarms, level=LEVELS[spec.level], count=spec.count, within_ms=within_ms)
