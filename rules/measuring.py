"""Mistakes in what a rule judges of a point: missing windows, sums that cannot be had, odd references."""

from collections.abc import Iterator, Sequence

from district.document import Document
from district.findings import Finding, Text, closest
from district.inventory import Device, District, Point
from district.mistakes import Location
from rules.limits import Resolved
from rules.spec import RulesFile, RuleSpec


def check_measuring(
    rules: Document, spec: RulesFile, index: int, district: District, subject: tuple[Device, Point]
) -> Iterator[Finding]:
    """The mistakes of one rule for one point, whatever its levels."""
    here: Location = ("rules", index)
    rule, (device, point) = spec.rules[index], subject
    if point.counter and rule.kind not in {"sum", "rate", "stuck", "quality"}:
        yield rules.finding(
            "counter-judged-as-value",
            (*here, "select", "point"),
            Text(
                f"{point.id} only counts up: its value means nothing", f"{point.id} 是累计量，其数值没有意义"
            ),
            Text("judge how far it has come: sum: {over: 1h}", "请判断其增量：sum: {over: 1h}"),
        )
    if rule.sum is not None and not point.counter and point.by_exception:
        yield rules.finding(
            "sum-of-suppressed",
            (*here, "sum"),
            Text(
                f"{device.id} does not send every {point.id}: what it keeps to itself cannot be added",
                f"{device.id} 的 {point.id} 设有死区，未上报的读数无法累加",
            ),
            Text("remove its deadband, or report a counter", "请去掉死区，或改为上报累计量"),
            of_key=True,
        )
    curve = spec.curves.get(rule.through) if rule.through is not None else None
    if curve is not None and curve.of_unit != point.unit:
        yield rules.finding(
            "unit-mismatch",
            (*here, "through"),
            Text(
                f"{rule.through} takes {curve.of_unit}, and {device.id} measures {point.id} in {point.unit}",
                f"{rule.through} 的输入单位是 {curve.of_unit}，{device.id} {point.id} 的是 {point.unit}",
            ),
            Text("use a curve for this unit", "请使用该单位的曲线"),
        )
    if rule.minus is not None:
        yield from _check_reference(rules, (*here, "minus"), rule, district, subject)


def _check_reference(
    rules: Document, here: Location, rule: RuleSpec, district: District, subject: tuple[Device, Point]
) -> Iterator[Finding]:
    minus, (device, point) = rule.minus, subject
    assert minus is not None, "asked for rules with a reference"  # noqa: S101
    reference = district.devices.get(minus.device)
    if reference is None:
        return  # an unknown name has been found before; a device out of use is found here
    other = reference.points.get(minus.point or point.id)
    if other is None:
        yield rules.finding(
            "no-such-reference",
            (*here, "point" if minus.point is not None else "device"),
            Text(
                f"{minus.device} has no {minus.point or point.id}",
                f"{minus.device} 没有测点 {minus.point or point.id}",
            ),
            Text("name a point that it has", "请写它具有的测点"),
            suggestion=closest(minus.point or point.id, reference.points),
        )
    elif other.unit != point.unit:
        yield rules.finding(
            "unit-mismatch",
            (*here, "device"),
            Text(
                f"{minus.device} measures {other.id} in {other.unit}, {device.id} {point.id} in {point.unit}",
                f"{minus.device} {other.id} 的单位是 {other.unit}，{device.id} {point.id} 的是 {point.unit}",
            ),
            Text("compare what has the same unit", "请比较相同单位的量"),
        )


def check_windows(rules: Document, rule: RuleSpec, levels: Sequence[Resolved]) -> Iterator[Finding]:
    """The mistakes of the windows of one ladder as it is resolved."""
    for level in levels:
        if level.over is not None and not rule.has_windows:
            yield rules.finding(
                "window-without-use",
                (*level.location, "over"),
                Text("this rule judges nothing over windows of levels", "该规则不按级别窗口判断"),
                Text("leave over out, or judge a sum or mean", "请去掉 over，或改为判断 sum、mean"),
                of_key=True,
            )
        elif rule.has_windows and level.over is None and rule.window is None:
            yield rules.finding(
                "no-window",
                level.location,
                Text(f"{level.name} has no window", f"{level.name} 没有窗口长度"),
                Text("add over: 3h to the level or to the rule", "请在该级别或规则中补上 over: 3h"),
                of_key=True,
            )


def comparable(rule: RuleSpec, lower: Resolved, higher: Resolved) -> bool:
    """Whether the higher level's limit must lie beyond the lower one's.

    It need not where each level looks at another window: 50 mm in 3 h is graver than 50 mm in 6 h. A sum over
    a window at least as long is never smaller, so there it must.
    """
    low, high = lower.over or rule.window, higher.over or rule.window
    if low is None or high is None or low == high:
        return True
    return rule.sum is not None and high > low
