"""Messages that refer to each other: no circles, and every unexpired predecessor named."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from alerting.capcheck.reading import Element
from alerting.capcheck.rules import moment, read_references
from district.findings import Finding, Text

Name = tuple[str, str]  # sender and identifier


def check_chain(alerts: Sequence[Element]) -> list[Finding]:
    """What cannot be right among messages that were given together."""
    by_name: dict[Name, Element] = {}
    findings: list[Finding] = []
    for alert in alerts:
        name = _name(alert)
        if name in by_name:
            findings.append(
                (alert.one("identifier") or alert).value_finding(
                    "repeated-identifier",
                    Text(f"{name[1]} is the identifier of another message", f"{name[1]} 已被另一条消息使用"),
                    Text("give every message an identifier of its own", "每条消息应有自己的标识"),
                )
            )
        by_name.setdefault(name, alert)
    ahead = {name: [(r.sender, r.identifier) for r in read_references(a)] for name, a in by_name.items()}
    for name, alert in by_name.items():
        findings += _check_one(name, alert, by_name, ahead)
    return findings


def _check_one(
    name: Name, alert: Element, by_name: Mapping[Name, Element], ahead: Mapping[Name, list[Name]]
) -> Iterator[Finding]:
    element = alert.one("references")
    if element is None:
        return
    story = _reachable(name, ahead)
    if name in story:
        if name not in ahead[name]:  # a message that names itself is found without the others
            yield element.value_finding(
                "circular-reference",
                Text("the messages it refers to refer back to it", "所引用的消息又引用了本消息"),
                Text("refer to earlier messages only", "只能引用更早的消息"),
            )
        return
    now = moment(alert.value("sent"))
    for other in sorted(story & by_name.keys() - set(ahead[name])):
        if now is not None and _holds_at(by_name[other], now):
            yield element.value_finding(
                "missing-predecessor",
                Text(
                    f"{other[1]} of the same story has not expired and is not named",
                    f"同一事件中未过期的 {other[1]} 未被引用",
                ),
                Text("name every unexpired message of the story", "请列出该事件全部未过期的消息"),
            )


def _reachable(name: Name, ahead: Mapping[Name, list[Name]]) -> set[Name]:
    found: set[Name] = set()
    left = list(ahead[name])
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += ahead.get(one, [])
    return found


def _holds_at(alert: Element, now: datetime) -> bool:
    ends = [moment(info.value("expires")) for info in alert.all("info")]
    return any(end is None or end > now for end in ends)


def _name(alert: Element) -> Name:
    return alert.value("sender"), alert.value("identifier")
