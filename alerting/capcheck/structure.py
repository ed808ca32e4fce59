"""The structure of CAP 1.1 and 1.2: which elements, in which order, how often, and what may stand in them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from alerting.capcheck.reading import Element
from alerting.capcheck.scalars import (
    ADDRESS,
    DECIMAL,
    INTEGER,
    LANGUAGE,
    MOMENT,
    STAMP,
    STRING,
    Scalar,
    one_of,
)
from district.findings import Finding, Text, closest

CAP_12 = "urn:oasis:names:tc:emergency:cap:1.2"
CAP_11 = "urn:oasis:names:tc:emergency:cap:1.1"
SIGNATURES = "http://www.w3.org/2000/09/xmldsig#"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance schemaLocation"


@dataclass(frozen=True, slots=True)
class Child:
    """An element at its place in the order of its parent."""

    name: str
    holds: "Scalar | tuple[Child, ...]" = STRING
    least: int = 0
    most: int | None = 1  # none: as many as one likes


_must = partial(Child, least=1)
_many = partial(Child, most=None)
_some = partial(Child, least=1, most=None)

_PAIR = (_must("valueName"), _must("value"))
_CATEGORIES = one_of(
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
)
_RESPONSES_11 = ("Shelter", "Evacuate", "Prepare", "Execute", "Monitor", "Assess", "None")
_RESPONSES_12 = (
    "Shelter",
    "Evacuate",
    "Prepare",
    "Execute",
    "Avoid",
    "Monitor",
    "Assess",
    "AllClear",
    "None",
)


def _alert(
    *, time: Scalar, responses: tuple[str, ...], mime_type: Child, height: Scalar
) -> tuple[Child, ...]:
    """What the two versions share; they differ in the arguments."""
    resource = (
        _must("resourceDesc"),
        mime_type,
        Child("size", INTEGER),
        Child("uri", ADDRESS),
        Child("derefUri"),
        Child("digest"),
    )
    area = (
        _must("areaDesc"),
        _many("polygon"),
        _many("circle"),
        _many("geocode", _PAIR),
        Child("altitude", height),
        Child("ceiling", height),
    )
    info = (
        Child("language", LANGUAGE),
        _some("category", _CATEGORIES),
        _must("event"),
        _many("responseType", one_of(*responses)),
        _must("urgency", one_of("Immediate", "Expected", "Future", "Past", "Unknown")),
        _must("severity", one_of("Extreme", "Severe", "Moderate", "Minor", "Unknown")),
        _must("certainty", one_of("Observed", "Likely", "Possible", "Unlikely", "Unknown")),
        Child("audience"),
        _many("eventCode", _PAIR),
        Child("effective", time),
        Child("onset", time),
        Child("expires", time),
        Child("senderName"),
        Child("headline"),
        Child("description"),
        Child("instruction"),
        Child("web", ADDRESS),
        Child("contact"),
        _many("parameter", _PAIR),
        _many("resource", resource),
        _many("area", area),
    )
    return (
        _must("identifier"),
        _must("sender"),
        _must("sent", time),
        _must("status", one_of("Actual", "Exercise", "System", "Test", "Draft")),
        _must("msgType", one_of("Alert", "Update", "Cancel", "Ack", "Error")),
        Child("source"),
        _must("scope", one_of("Public", "Restricted", "Private")),
        Child("restriction"),
        Child("addresses"),
        _many("code"),
        Child("note"),
        Child("references"),
        Child("incidents"),
        _many("info", info),
    )


_VERSIONS: Mapping[str, tuple[Child, ...]] = {
    CAP_11: _alert(time=MOMENT, responses=_RESPONSES_11, mime_type=Child("mimeType"), height=STRING),
    CAP_12: _alert(time=STAMP, responses=_RESPONSES_12, mime_type=_must("mimeType"), height=DECIMAL),
}


def check_structure(root: Element) -> list[Finding]:
    """What an XML schema would refuse, in words that say what to do."""
    children = _VERSIONS.get(root.namespace)
    if children is None or root.name != "alert":
        return [
            root.finding(
                "not-cap",
                Text(f"<{root.name}> is no CAP message", f"<{root.name}> 不是 CAP 消息"),
                Text(f'begin with <alert xmlns="{CAP_12}">', f'请以 <alert xmlns="{CAP_12}"> 开头'),
            )
        ]
    return list(_check_block(root, children))


def _check_block(block: Element, order: tuple[Child, ...]) -> Iterator[Finding]:
    yield from _check_attributes(block)
    if block.text.strip():
        yield block.value_finding(
            "stray-text",
            Text(
                f"text stands between the elements of <{block.name}>",
                f"<{block.name}> 的子元素之间有多余文字",
            ),
            Text("put it into an element, such as <note>", "请放入相应元素，例如 <note>"),
        )
    names = [child.name for child in order]
    position, count = 0, 0  # in the order, and how many of that element there have been
    for child in block.children:
        if child.namespace == SIGNATURES and block.parent is None and block.namespace == CAP_12:
            yield from _missing(block, order, position, len(order), count)
            position, count = len(order), 0
            continue
        if child.namespace != block.namespace or child.name not in names:
            yield _unknown(child, names)
            continue
        at = names.index(child.name)
        yield from _check_content(child, order[at])
        if at < position:
            yield _misplaced(child, names)
            continue
        if at > position:
            yield from _missing(block, order, position, at, count)
            position, count = at, 0
        count += 1
        if order[at].most is not None and count > (order[at].most or 0):
            yield child.finding(
                "repeated-element",
                Text(f"<{child.name}> may stand once only", f"<{child.name}> 只能出现一次"),
                Text("keep one of them", "请只保留一个"),
            )
    yield from _missing(block, order, position, len(order), count)


def _missing(block: Element, order: tuple[Child, ...], start: int, end: int, count: int) -> Iterator[Finding]:
    """Elements of ``order[start:end]`` that had to stand there; those out of order are told as such."""
    for index in range(start, end):
        child = order[index]
        have = count if index == start else 0
        if have < child.least and block.one(child.name) is None:
            yield block.finding(
                "missing-element",
                Text(f"<{child.name}> is missing", f"缺少 <{child.name}>"),
                Text(f"add it{_after(order, index).en}", f"请补上{_after(order, index).zh}"),
            )


def _after(order: tuple[Child, ...], index: int) -> Text:
    if index == 0:
        return Text(" as the first element", "，作为第一个子元素")
    before = order[index - 1].name
    return Text(f" after <{before}>", f"，位于 <{before}> 之后")


def _unknown(child: Element, names: list[str]) -> Finding:
    return child.finding(
        "unknown-element",
        Text(f"CAP has no <{child.name}> here", f"CAP 在此处没有 <{child.name}>"),
        Text(
            "leave it out, or carry it as a <parameter>; letters count, and the namespace too",
            "请删去，或改用 <parameter>；注意大小写和命名空间",
        ),
        suggestion=closest(child.name, names) if child.name not in names else None,
    )


def _misplaced(child: Element, names: list[str]) -> Finding:
    before = names[: names.index(child.name)]
    words = Text("as the first element", "作为第一个子元素")
    if before:
        words = Text(f"after <{before[-1]}>", f"放在 <{before[-1]}> 之后")
    return child.finding(
        "misplaced-element",
        Text(f"<{child.name}> stands too late", f"<{child.name}> 的位置太靠后"),
        Text(f"CAP's elements have an order: put it {words.en}", f"CAP 的元素有固定顺序：请{words.zh}"),
    )


def _check_content(element: Element, child: Child) -> Iterator[Finding]:
    if isinstance(child.holds, tuple):
        yield from _check_block(element, child.holds)
        return
    yield from _check_attributes(element)
    if element.children:
        inner = element.children[0]
        yield inner.finding(
            "unknown-element",
            Text(f"<{element.name}> holds text, no elements", f"<{element.name}> 只能包含文字，不能包含元素"),
            Text("write < as &lt;", "请将 < 写作 &lt;"),
        )
    elif not child.holds.holds(element.text):
        scalar = child.holds
        yield element.value_finding(
            "wrong-value",
            Text(scalar.what.en.format(element.text), scalar.what.zh.format(element.text)),
            scalar.remedy,
            suggestion=scalar.meant(element.text) if scalar.choices else None,
        )


def _check_attributes(element: Element) -> Iterator[Finding]:
    for name in element.attributes:
        if name != _INSTANCE:
            plain = name.rpartition(" ")[2]
            yield element.finding(
                "unknown-attribute",
                Text(f"CAP has no attribute {plain!r}", f"CAP 没有属性 {plain!r}"),
                Text("leave it out", "请删去"),
            )
