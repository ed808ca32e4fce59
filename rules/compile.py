"""From what people wrote to the rulebook; only files without findings come here."""

from collections.abc import Iterator

from district.inventory import Device, District, Point
from rules.compound import combinations_of
from rules.limits import compile_ladder, relevant_seasons, resolve, to_whole_ms
from rules.measure import references
from rules.meter import Meter, stale_ms, unit_of
from rules.rulebook import LATE_GRACE_MS, Rule, Rulebook, SilenceWatch, Watch, season_key
from rules.seasons import combinations
from rules.spec import LEVELS, RulesFile, RuleSpec, SelectSpec
from rules.transition import Level


def compile_rules(spec: RulesFile, district: District) -> Rulebook:
    """The rulebook of a file that holds together, for its district."""
    watches = [
        _watch(index, spec, district, device, point)
        for index, rule in enumerate(spec.rules)
        if rule.silence is None and not rule.when
        for device, point in selected_points(rule.select, district)
    ]
    silences = [
        _silence(rule, spec, district, device, watches)
        for rule in spec.rules
        if rule.silence is not None
        for device in selected_devices(rule.select, district)
    ]
    alarms = [(watch.rule, watch.subject, watch.site) for watch in watches]
    alarms += [(watch.rule, watch.device, watch.site) for watch in silences]
    return Rulebook(
        combinations=tuple(
            each for rule in spec.rules if rule.when for each in combinations_of(rule, district, alarms)
        ),
        rules={rule.id: _rule(rule, watches) for rule in spec.rules},
        watches=tuple(watches),
        silences=tuple(silences),
        seasons=spec.seasons,
        timezone=district.timezone,
    )


def selected_devices(select: SelectSpec, district: District) -> Iterator[Device]:
    """The devices in use that a rule asks for, whatever their points."""
    for device in district.devices.values():
        asked = (select.device, select.site, select.site_kind)
        own = (device.id, device.site, district.sites[device.site].kind)
        if all(wanted in {None, word} for wanted, word in zip(asked, own, strict=True)):
            yield device


def selected_points(select: SelectSpec, district: District) -> Iterator[tuple[Device, Point]]:
    """The points of devices in use that a ladder watches."""
    for device in selected_devices(select, district):
        point = device.points.get(select.point or "")
        if point is not None:
            yield device, point


def _rule(rule: RuleSpec, watches: list[Watch]) -> Rule:
    rungs = {
        rung.level
        for watch in watches
        if watch.rule == rule.id
        for ladder in watch.ladders.values()
        for rung in ladder.rungs
    }
    if rule.silence is not None:
        rungs = {LEVELS[rule.silence.level], Level.YELLOW}  # blind silence is yellow at least
    rungs |= {LEVELS[level] for level in rule.when}
    return Rule(
        id=rule.id, name=rule.name, hazard=rule.hazard, levels=tuple(sorted(rungs)), at_edge=rule.at == "edge"
    )


def _watch(index: int, spec: RulesFile, district: District, device: Device, point: Point) -> Watch:
    rule = spec.rules[index]
    site = district.sites[device.site]
    relevant = relevant_seasons(rule, device, site)
    clear_for = rule.clear_for if rule.clear_for is not None else spec.defaults.clear_for
    meter = Meter(spec, rule, district, device, point)
    ladders = {}
    for held in combinations(spec.seasons, relevant):
        levels = resolve(index, rule, device, site, held) if held.issuperset(rule.only) else ()
        ladders[season_key(held)] = compile_ladder(levels, clear_for, meter.measure, latched=rule.latch)
    measures = [rung.measure for ladder in ladders.values() for rung in ladder.rungs]
    return Watch(
        rule=rule.id,
        hazard=rule.hazard,
        device=device.id,
        point=point.id,
        site=site.id,
        unit=unit_of(spec, rule, point),
        seasons=relevant,
        ladders=ladders,
        stale_after_ms=stale_ms(device, spec.defaults.stale_after),
        allowance_ms=_allowance_ms(device),
        reach_ms=max((each.reach_ms for each in measures), default=0),
        period_ms=max((each.period_ms for each in measures), default=0),
        references=tuple(dict.fromkeys(name for each in measures for name in references(each))),
        every_reading=rule.quality is not None,
        by_clock=rule.mean is not None and rule.mean.each is not None,
        zero=device.datum_zero,
    )


def _silence(
    rule: RuleSpec, spec: RulesFile, district: District, device: Device, watches: list[Watch]
) -> SilenceWatch:
    silence = rule.silence
    assert silence is not None, "only silence rules come here"  # noqa: S101
    subjects = (name for watch in watches for name in (watch.subject, *watch.references))
    mine = (name.split(":") for name in dict.fromkeys(subjects))
    watched = tuple(point for owner, point in mine if owner == device.id)
    silent_after_ms = stale_ms(device, silence.after or spec.defaults.stale_after)
    return SilenceWatch(
        rule=rule.id,
        hazard=rule.hazard,
        device=device.id,
        site=device.site,
        watched=watched,
        units=tuple(device.points[point].unit for point in watched),
        zero=device.datum_zero,
        level=LEVELS[silence.level],
        silent_after_ms=silent_after_ms + _allowance_ms(device),
        stale_after_ms=silent_after_ms,
        clear_for_ms=to_whole_ms(rule.clear_for if rule.clear_for is not None else spec.defaults.clear_for),
        related_sites=_related_sites(district, device.site),
    )


def _related_sites(district: District, site: str) -> frozenset[str]:
    """Sites of the same asset, and those up and down the water from them."""
    own = {each.id for each in district.asset_sites(district.sites[site].asset)}
    above = {other for each in own for other in district.upstream_sites(each)}
    below = {other for other in district.sites if own & district.upstream_sites(other)}
    return frozenset(own | above | below)


def _allowance_ms(device: Device) -> int:
    return to_whole_ms(device.interval) + LATE_GRACE_MS
