"""What CAP demands of one message beyond its structure: names, references, scopes, times, texts."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from alerting.capcheck.geometry import check_areas
from alerting.capcheck.reading import Element
from district.findings import Finding, Text

_FORBIDDEN = re.compile(r"[\s,<&]")
_OFFSET = re.compile(r".*[+-][0-9]{2}:[0-9]{2}")
_REFERRING = ("Update", "Cancel", "Ack", "Error")
_MOMENTS = ("effective", "onset", "expires")


class Reference(NamedTuple):
    """An earlier message, as a later one names it."""

    sender: str
    identifier: str
    sent: str


def check_rules(alert: Element) -> list[Finding]:
    """What cannot be right, though a schema would take it."""
    findings = [*_check_names(alert), *_check_references(alert), *_check_scope(alert)]
    infos = alert.all("info")
    findings += _check_sameness(infos)
    for info in infos:
        findings += _check_times(alert, info)
        findings += _check_codes(info)
        findings += check_areas(info)
    return findings


def moment(text: str) -> datetime | None:
    """The instant of a text with an offset; none if it is none."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


def read_references(alert: Element) -> list[Reference]:
    """The earlier messages that a message names, so far as they can be read."""
    words = alert.value("references").split()
    return [Reference(*word.split(",")) for word in words if word.count(",") == 2]  # noqa: PLR2004


def _check_names(alert: Element) -> Iterator[Finding]:
    for name in ("identifier", "sender"):
        element = alert.one(name)
        if element is None:
            continue
        if not element.text.strip():
            yield element.finding(
                "empty-name",
                Text(f"<{name}> is empty", f"<{name}> 为空"),
                Text("later messages refer to it: fill it in", "后续消息要引用它，请填写"),
            )
        elif _FORBIDDEN.search(element.text):
            yield element.value_finding(
                "forbidden-character",
                Text(
                    f"{element.text!r} holds a blank, a comma, < or &",
                    f"{element.text!r} 含有空格、逗号、< 或 &",
                ),
                Text(
                    "leave them out: references are lists separated by these",
                    "请删去：引用列表以这些字符分隔",
                ),
            )


def _check_references(alert: Element) -> Iterator[Finding]:
    kind, element = alert.value("msgType"), alert.one("references")
    words = element.text.split() if element is not None else []
    if not words:
        if kind in _REFERRING:
            yield (element or alert.one("msgType") or alert).finding(
                "missing-reference",
                Text(f"{kind} refers to no earlier message", f"{kind} 没有引用先前的消息"),
                Text(
                    "name sender,identifier,sent of every unexpired message of the story",
                    "请以 sender,identifier,sent 列出全部未过期的先前消息",
                ),
            )
        return
    assert element is not None  # noqa: S101  (it has words)
    seen: set[str] = set()
    for word in words:
        yield from _check_reference(alert, element, word, seen)
        seen.add(word)


def _check_reference(alert: Element, element: Element, word: str, seen: set[str]) -> Iterator[Finding]:
    sender, _, rest = word.partition(",")
    identifier, _, sent = rest.partition(",")
    then, now = moment(sent), moment(alert.value("sent"))
    if not sender or not identifier or then is None or not _OFFSET.fullmatch(sent):
        yield element.value_finding(
            "reference-syntax",
            Text(f"{word!r} is no sender,identifier,sent", f"{word!r} 不是 sender,identifier,sent"),
            Text(
                "write the three with commas and no blanks, the time as the message has it",
                "三项用逗号连接且无空格，时间照原消息填写",
            ),
        )
        return
    if word in seen:
        yield element.value_finding(
            "repeated-reference",
            Text(f"{identifier} is referred to twice", f"重复引用 {identifier}"),
            Text("name each message once", "每条消息只引用一次"),
        )
    if (sender, identifier) == (alert.value("sender"), alert.value("identifier")):
        yield element.value_finding(
            "circular-reference",
            Text("the message refers to itself", "消息引用了自身"),
            Text("give every message an identifier of its own", "每条消息应有自己的标识"),
        )
    elif now is not None and then > now:
        yield element.value_finding(
            "postdated-reference",
            Text(f"{identifier} was sent later than this message", f"{identifier} 的发布时间晚于本消息"),
            Text("refer to earlier messages only", "只能引用更早的消息"),
        )


def _check_scope(alert: Element) -> Iterator[Finding]:
    for scope, name in (("Restricted", "restriction"), ("Private", "addresses")):
        element, holds = alert.one(name), alert.value("scope") == scope
        if holds and not alert.value(name):
            yield (alert.one("scope") or alert).finding(
                f"missing-{name}",
                Text(f"{scope} without <{name}>", f"{scope} 缺少 <{name}>"),
                Text(f"say in <{name}> whom it is for", f"请在 <{name}> 中说明对象"),
            )
        elif element is not None and not holds:
            yield element.finding(
                f"needless-{name}",
                Text(f"<{name}> belongs to scope {scope} only", f"<{name}> 只用于 {scope} 范围"),
                Text(f"leave it out, or make the scope {scope}", f"请删去，或将 scope 改为 {scope}"),
            )


def _check_sameness(infos: list[Element]) -> Iterator[Finding]:
    """Info blocks tell one event: they share its category and codes, and differ in language."""
    for info in infos[1:]:
        first = infos[0]
        if _texts(info, "category") != _texts(first, "category"):
            yield (info.one("category") or info).finding(
                "differing-category",
                Text("this block has another category than the first", "该信息块的类别与第一块不同"),
                Text("tell another event in a message of its own", "不同事件请另发消息"),
            )
        if _pairs(info, "eventCode") != _pairs(first, "eventCode"):
            yield (info.one("eventCode") or info).finding(
                "differing-event-code",
                Text("this block has other event codes than the first", "该信息块的事件代码与第一块不同"),
                Text("give all blocks the same", "各信息块应使用相同代码"),
            )
    for number, info in enumerate(infos):
        for other in infos[:number]:
            yield from _check_languages(info, other)


def _check_languages(info: Element, other: Element) -> Iterator[Finding]:
    if (info.value("language") or "en-US") == (other.value("language") or "en-US"):
        return
    for name in ("description", "headline"):
        element = info.one(name)
        if element is not None and info.value(name) and info.value(name) == other.value(name):
            yield element.value_finding(
                "untranslated",
                Text(f"<{name}> is the same in two languages", f"两种语言的 <{name}> 完全相同"),
                Text("translate it, or leave the second block out", "请翻译，或删去第二个信息块"),
            )
            return


def _check_times(alert: Element, info: Element) -> Iterator[Finding]:
    sent = moment(alert.value("sent"))
    effective, onset, expires = (moment(info.value(name)) for name in _MOMENTS)
    if sent is not None and effective is not None and effective < sent:
        yield _time_finding(
            info,
            "effective",
            "effective-before-sent",
            Text("it takes effect before it was sent", "生效时间早于发布时间"),
            Text("let it take effect when it is sent, or later", "生效时间应不早于发布时间"),
        )
    for start, name in ((sent, "sent"), (effective, "effective"), (onset, "onset")):
        if start is not None and expires is not None and expires <= start:
            yield _time_finding(
                info,
                "expires",
                f"expired-before-{name}",
                Text(f"it expires no later than <{name}>", f"失效时间不晚于 <{name}>"),
                Text("let it run sent, effective, expires", "时间顺序应为发布、生效、失效"),
            )
            return


def _time_finding(info: Element, name: str, code: str, what: Text, remedy: Text) -> Finding:
    return (info.one(name) or info).value_finding(code, what, remedy)


def _check_codes(info: Element) -> Iterator[Finding]:
    coded = [*info.all("eventCode"), *(code for area in info.all("area") for code in area.all("geocode"))]
    for pair in coded:
        for name in ("valueName", "value"):
            half = pair.one(name)
            if half is None:
                continue
            if not half.text.strip():
                yield half.finding(
                    "empty-code",
                    Text(f"<{name}> of a code is empty", f"代码的 <{name}> 为空"),
                    Text("fill it in, or leave the code out", "请填写，或删去该代码"),
                )
            elif half.text != half.text.strip():
                yield half.value_finding(
                    "blanks-in-code",
                    Text("blanks stand around the code", "代码前后有空白"),
                    Text(
                        "leave them out: receivers compare codes to the letter", "请删去：接收方逐字比较代码"
                    ),
                )
    for area in info.all("area"):
        name_of = area.one("areaDesc")
        if name_of is not None and not name_of.text.strip():
            yield name_of.finding(
                "empty-area",
                Text("the area has no name", "区域没有名称"),
                Text("say in words where it is", "请用文字说明位置"),
            )


def _texts(info: Element, name: str) -> list[str]:
    return sorted(one.text.strip() for one in info.all(name))


def _pairs(info: Element, name: str) -> list[tuple[str, str]]:
    return sorted((one.value("valueName"), one.value("value")) for one in info.all(name))
