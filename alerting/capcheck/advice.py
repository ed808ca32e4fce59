"""What makes a right message a better one: the standard's notes and the field's experience."""

from collections.abc import Iterator

from alerting.capcheck.geometry import advise_areas
from alerting.capcheck.reading import Element
from alerting.capcheck.rules import moment
from district.findings import Finding, Text

_LONGEST_HEADLINE = 139  # CAP 1.2: some displays show no more than 140


def advise(alert: Element) -> list[Finding]:
    """What should be otherwise, though receivers must take it."""
    findings = [*_advise_alert(alert)]
    for info in alert.all("info"):
        findings += _advise_texts(info)
        findings += _advise_times(alert, info)
        findings += advise_areas(info)
    for element in alert.walk():
        if element.name in ("sent", "effective", "onset", "expires") and element.text.endswith("+00:00"):
            findings.append(
                element.value_finding(
                    "utc-offset",
                    Text("UTC is written as a local time of offset nought", "UTC 写成了零时差的当地时间"),
                    Text("write -00:00 for UTC", "UTC 请写作 -00:00"),
                )
            )
    return findings


def _advise_alert(alert: Element) -> Iterator[Finding]:
    status = alert.value("status")
    if status in ("Exercise", "Test") and not alert.value("note"):
        yield (alert.one("status") or alert).value_finding(
            "nameless-exercise",
            Text(f"{status} without a <note> that says which", f"{status} 没有 <note> 说明"),
            Text("name the exercise in <note>", "请在 <note> 中写明演练名称"),
        )
    if not alert.all("info") and alert.value("msgType") in ("Alert", "Update"):
        yield alert.finding(
            "no-info",
            Text("the message says nothing about any danger", "消息没有任何险情内容"),
            Text("add an <info> block", "请添加 <info> 信息块"),
        )


def _advise_texts(info: Element) -> Iterator[Finding]:
    for name in ("urgency", "severity", "certainty"):
        element = info.one(name)
        if element is not None and element.text == "Unknown":
            yield element.value_finding(
                "unknown-grade",
                Text(
                    f"<{name}> is Unknown: receivers cannot rank the message",
                    f"<{name}> 为 Unknown，无法判断轻重",
                ),
                Text("choose the word that fits best", "请选择最合适的取值"),
            )
    headline, words = (
        info.one("headline"),
        [info.value(n) for n in ("headline", "description", "instruction")],
    )
    if headline is not None and len(words[0]) > _LONGEST_HEADLINE:
        yield headline.value_finding(
            "long-headline",
            Text(f"the headline has {len(words[0])} characters", f"标题有 {len(words[0])} 个字符"),
            Text("keep it under 140: telephones show no more", "请少于 140 个字符"),
        )
    filled = [word for word in words if word]
    if len(set(filled)) < len(filled):
        yield (headline or info).finding(
            "same-texts",
            Text("headline, description and instruction are not three texts", "标题、描述、指引内容重复"),
            Text("say what, how bad and since when, and what to do", "分别写明事件、程度和应对措施"),
        )


def _advise_times(alert: Element, info: Element) -> Iterator[Finding]:
    sent, onset = moment(alert.value("sent")), moment(info.value("onset"))
    if info.one("expires") is None:
        yield info.finding(
            "never-expires",
            Text("the message never expires", "消息没有失效时间"),
            Text("add <expires>: old warnings that stay shown are not believed", "请补上 <expires>"),
        )
    if sent is not None and onset is not None and onset < sent:
        yield (info.one("onset") or info).value_finding(
            "onset-before-sent",
            Text("the event began before the message was sent", "事件开始时间早于发布时间"),
            Text(
                "say since when in the description; <onset> is for what is expected", "请在描述中说明起始时间"
            ),
        )
