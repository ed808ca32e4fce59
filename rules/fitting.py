"""What shows only once rules meet devices: ladders as they are resolved, and reporting that hides changes."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from district.document import Document
from district.fields import format_duration
from district.findings import Finding, Place, Text, closest
from district.inventory import Device, District, Point
from district.load import DEVICES
from district.mistakes import Location
from rules.compile import selected_devices, selected_points
from rules.compounding import check_compound
from rules.limits import Resolved, Written, relevant_seasons, resolve
from rules.measuring import check_measuring, check_windows, comparable
from rules.reach import check_overrides, check_reachable, check_watched, needs_own_levels
from rules.seasons import combinations
from rules.spec import RulesFile, RuleSpec

_DEADBAND_SHARE = 4  # a deadband takes at most one part in so many of the way from limit to clear


def check_fitting(
    spec: RulesFile, district: District, rules: Document, devices: Document | None, *, skip: frozenset[int]
) -> Iterator[Finding]:
    """The mistakes of each rule beside the district, except of those numbered in ``skip``."""
    for index, rule in enumerate(spec.rules):
        if index in skip:
            continue
        if rule.when:
            yield from check_compound(rules, spec, index)
            continue
        if rule.silence is not None:
            if not any(selected_devices(rule.select, district)):
                yield _selects_nothing(rules, index, rule, district)
            continue
        selected = list(selected_points(rule.select, district))
        if not selected:
            yield _selects_nothing(rules, index, rule, district)
        else:
            yield from check_overrides(rules, index, rule, selected, district)
        for device, point in selected:
            yield from check_measuring(rules, spec, index, district, (device, point))
            yield from _check_subject(spec, index, district, device, point, rules=rules, devices=devices)
    if devices is not None and not skip:
        yield from check_watched(spec, district, devices)


def _selects_nothing(rules: Document, index: int, rule: RuleSpec, district: District) -> Finding:
    location: Location = ("rules", index, "select")
    devices = list(selected_devices(rule.select, district))
    suggestion = None
    if devices and rule.select.point is not None:
        location = (*location, "point")
        suggestion = closest(rule.select.point, {point for device in devices for point in device.points})
    return rules.finding(
        "selects-nothing",
        location,
        Text("no device in use has what this rule watches", "没有在用设备符合该规则的选择条件"),
        Text(
            "check site, device and point against devices.yaml",
            "请对照 devices.yaml 检查 site、device、point",
        ),
        suggestion=suggestion,
    )


def _check_subject(
    spec: RulesFile,
    index: int,
    district: District,
    device: Device,
    point: Point,
    *,
    rules: Document,
    devices: Document | None,
) -> Iterator[Finding]:
    """The mistakes of one rule for one point, in every combination of seasons."""
    rule = spec.rules[index]
    site = district.sites[device.site]
    for seasons in combinations(spec.seasons, relevant_seasons(rule, device, site)):
        if not seasons.issuperset(rule.only):
            continue
        levels = resolve(index, rule, device, site, seasons)
        if needs_own_levels(rule, site.kind) and not (
            levels and all(level.limit and level.limit.own for level in levels)
        ):
            yield _no_own_levels(rules, index, rule, site.id)
        elif not levels:
            yield rules.finding(
                "no-levels",
                ("rules", index, "id"),
                Text(f"no level is set for {device.id}", f"没有为 {device.id} 设置任何级别"),
                Text("write levels, as in yellow: {above: 20}", "请写 levels，例如 yellow: {above: 20}"),
            )
        else:
            found = [
                *check_windows(rules, rule, levels),
                *_check_ladder(rules, rule, levels),
                *check_reachable(rules, rule, device, point, levels),
            ]
            yield from found
            if not found and point.by_exception and rule.kind is None:
                yield from _check_reporting(devices, device, point, levels)


def _no_own_levels(rules: Document, index: int, rule: RuleSpec, site: str) -> Finding:
    location: Location = ("rules", index)
    for key in ("override", "levels", "select"):
        if rules.at("rules", index, key):
            location = (*location, key)
            break
    if site in rule.override:
        location = (*location, site)
    return rules.finding(
        "no-own-levels",
        location,
        Text(f"{site} has no water levels of its own", f"{site} 没有自己的水位标准"),
        Text(
            f"write them under override: {site}: every level is a datum of the site",
            f"请写在 override: {site} 之下：每一级水位都是该站点自己的数据",
        ),
        of_key=True,
    )


def _check_ladder(rules: Document, rule: RuleSpec, levels: Sequence[Resolved]) -> Iterator[Finding]:
    for level in levels:
        if level.limit is None:
            yield rules.finding(
                "no-limit",
                level.location,
                Text(f"{level.name} has neither above nor below", f"{level.name} 既没有 above 也没有 below"),
                Text("add its limit, as in above: 20", "请补上限值，例如 above: 20"),
                of_key=True,
            )
        elif level.clear is not None and _wrong_side(level.limit, level.clear, rising=level.rising):
            side, under = ("above", "高于") if level.rising else ("below", "低于")
            yield rules.finding(
                "clear-on-wrong-side",
                level.clear.location,
                Text(
                    f"clear {level.clear.value:g} lies {side} the limit {level.limit.value:g}",
                    f"解除值 {level.clear.value:g} {under}限值 {level.limit.value:g}",
                ),
                Text(
                    "write a value on the safe side of the limit, or leave clear out",
                    "请写限值安全一侧的值，或去掉 clear",
                ),
            )
    for lower, higher in pairwise(levels):
        yield from _check_pair(rules, rule, lower, higher)


def _wrong_side(limit: Written, clear: Written, *, rising: bool) -> bool:
    return clear.value > limit.value if rising else clear.value < limit.value


def _check_pair(rules: Document, rule: RuleSpec, lower: Resolved, higher: Resolved) -> Iterator[Finding]:
    low, high = lower.limit, higher.limit
    if low is None or high is None:
        return
    nearest = low.location if low.rank > high.rank else high.location  # the later word made the mistake
    if lower.rising != higher.rising:
        yield rules.finding(
            "mixed-directions",
            nearest,
            Text(
                f"{lower.name} and {higher.name} look in different directions",
                f"{lower.name} 与 {higher.name} 方向不同",
            ),
            Text("use above for all levels, or below for all", "所有级别统一用 above 或统一用 below"),
            of_key=True,
        )
    elif comparable(rule, lower, higher) and (
        (high.value <= low.value) if lower.rising else (high.value >= low.value)
    ):
        beyond, wording = ("above", "高于") if lower.rising else ("below", "低于")
        yield rules.finding(
            "ladder-not-monotone",
            nearest,
            Text(
                f"{higher.name} ({high.value:g}) does not lie {beyond} {lower.name} ({low.value:g})",
                f"{higher.name}（{high.value:g}）没有{wording} {lower.name}（{low.value:g}）",
            ),
            Text(
                "each level must lie beyond the one before it, in every season",
                "在任何时段，每一级都必须比前一级更严重",
            ),
        )


def _check_reporting(
    devices: Document | None, device: Device, point: Point, levels: Sequence[Resolved]
) -> Iterator[Finding]:
    """Report by exception must not hide what the ladder waits for."""
    narrowest = min(
        abs(level.limit.value - level.clear.value) if level.limit and level.clear else 0.0 for level in levels
    )
    if point.deadband is not None and point.deadband * _DEADBAND_SHARE > narrowest:
        yield _of_point(
            devices,
            device,
            point,
            "deadband",
            code="deadband-too-wide",
            what=Text(
                f"{point.deadband:g} is more than a quarter of limit minus clear ({narrowest:g})",
                f"死区 {point.deadband:g} 超过限值与解除值之差（{narrowest:g}）的四分之一",
            ),
            remedy=Text(
                "narrow the deadband, or move clear away from the limit in rules.yaml",
                "请减小死区，或在 rules.yaml 中拉开 clear 与限值的距离",
            ),
        )
    delays = [level.delay for level in levels if isinstance(level.delay, timedelta) and level.delay]
    if point.heartbeat is not None and delays and point.heartbeat > min(delays):
        shortest = format_duration(min(delays))
        yield _of_point(
            devices,
            device,
            point,
            "heartbeat",
            code="heartbeat-too-long",
            what=Text(
                f"longer than the shortest `for` of its rules ({shortest})",
                f"比规则中最短的 for（{shortest}）还长",
            ),
            remedy=Text(f"write {shortest} or less", f"请写不超过 {shortest}"),
        )


def _of_point(
    devices: Document | None, device: Device, point: Point, key: str, *, code: str, what: Text, remedy: Text
) -> Finding:
    """A finding at a key of a point's profile in devices.yaml."""
    if devices is None:
        place = Place(file=DEVICES, line=1, column=1)
        return Finding(code=code, place=place, key=f"{device.id}.{point.id}.{key}", what=what, remedy=remedy)
    profile: Location = ("profiles", device.profile)
    location: Location = (*profile, "points", point.id, key)
    codes: Mapping[str, object] = devices.block(*profile, "codes")
    for name in codes:
        if devices.at(*profile, "codes", name, "point") == point.id:
            location = (*profile, "codes", name, key)
    return devices.finding(code, location, what, remedy)
