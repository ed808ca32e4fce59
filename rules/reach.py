"""What no reading can reach and what no rule watches: mistakes by which an alarm would never come."""

from collections.abc import Collection, Iterator, Sequence

from district.document import Document
from district.findings import Finding, Text
from district.inventory import Device, District, Point
from district.mistakes import Location
from rules.compile import selected_points
from rules.limits import Resolved
from rules.spec import RulesFile, RuleSpec

_OWN_LEVELS = frozenset({"reservoir", "river"})  # whose water levels mean nothing at another site
_WATER_LEVEL_UNIT = "m"


def needs_own_levels(rule: RuleSpec, site_kind: str) -> bool:
    """Whether a rule judges a water level, which has no limits of its kind."""
    return rule.kind is None and rule.through is None and rule.hazard == "flood" and site_kind in _OWN_LEVELS


def check_reachable(
    rules: Document, rule: RuleSpec, device: Device, point: Point, levels: Sequence[Resolved]
) -> Iterator[Finding]:
    """Limits of the plain value beyond all that its instrument can show, datum included."""
    if rule.kind is not None or rule.through is not None or point.valid is None or point.counter:
        return
    lowest, highest = (device.datum_zero + edge for edge in point.valid)
    for level in levels:
        if level.limit is None:
            continue
        limit = level.limit.value
        if (limit > highest) if level.rising else (limit < lowest):
            yield rules.finding(
                "limit-out-of-reach",
                level.limit.location,
                Text(
                    f"{device.id} can never show {limit:g}: it measures from {lowest:g} to {highest:g}",
                    f"{device.id} 永远测不到 {limit:g}：其量程为 {lowest:g} 至 {highest:g}",
                ),
                Text(
                    "check the limit, the point's valid range and the device's datum",
                    "请检查限值、测点的 valid 量程和设备的 datum",
                ),
            )


def check_overrides(
    rules: Document,
    index: int,
    rule: RuleSpec,
    selected: Collection[tuple[Device, Point]],
    district: District,
) -> Iterator[Finding]:
    """Overrides for a device, site or kind of site that the rule does not watch."""
    watched = {device.id for device, _ in selected} | {device.site for device, _ in selected}
    watched |= {district.sites[device.site].kind for device, _ in selected}
    known = set(district.devices) | set(district.sites) | {site.kind for site in district.sites.values()}
    for name in rule.override:
        if name in known and name not in watched:
            yield rules.finding(
                "override-unused",
                ("rules", index, "override", name),
                Text(f"this rule does not watch {name}", f"该规则并不监视 {name}"),
                Text("take the override out, or widen select", "请去掉这一项，或放宽 select"),
                of_key=True,
            )


def check_watched(spec: RulesFile, district: District, devices: Document) -> Iterator[Finding]:
    """Rivers and reservoirs whose water level no rule judges."""
    judged = {
        device.site
        for rule in spec.rules
        if not rule.when and rule.silence is None
        for device, _ in selected_points(rule.select, district)
        if needs_own_levels(rule, district.sites[device.site].kind)
    }
    for site in district.sites.values():
        measures = any(
            point.unit == _WATER_LEVEL_UNIT and not point.counter
            for device in district.site_devices(site.id)
            for point in device.points.values()
        )
        if site.kind in _OWN_LEVELS and measures and site.id not in judged:
            location: Location = ("sites", site.id)
            yield devices.finding(
                "water-level-unwatched",
                location,
                Text(f"no rule judges the water level of {site.id}", f"没有规则监视 {site.id} 的水位"),
                Text(
                    f"write a ladder in rules.yaml, with the levels of {site.id} under override",
                    f"请在 rules.yaml 中写阶梯规则，并在 override 中写明 {site.id} 自己的水位标准",
                ),
                of_key=True,
            )
