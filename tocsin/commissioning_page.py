"""A commissioning as one page of HTML that needs nothing else, in English or Chinese."""

from collections.abc import Iterable, Mapping
from html import escape
from importlib.metadata import version
from typing import Any

from district.devices import Bus
from district.findings import Language, Text
from district.inventory import Device
from tocsin.commissioning import Commissioning
from tocsin.outage import Outage
from tocsin.page import page
from tocsin.soak import Endured
from transport.acks import to_ranges

_TITLE = Text("Commissioning report", "调试验收报告")
_ACCEPTED = Text("accepted: nothing is wanting", "通过：无遗留问题")
_WANTING = Text("not accepted; wanting: ", "未通过；存在问题：")
_BY_ITSELF = Text(
    "It reports by itself; the outage test below shows what it reported.",
    "该设备主动上报；其上报情况见下方断网测试。",
)
_SHORTCOMING = {
    "configuration": Text("configuration", "配置"),
    "outage": Text("outage test", "断网测试"),
}

_WORDS = {
    "good": Text("good", "正常"),
    "within range": Text("within range", "在量程内"),
    "no range given": Text("no range given", "未给定量程"),
    "timeout": Text("no answer", "无应答"),
    "bad:timeout": Text("bad: no answer", "无效：无应答"),
    "crc": Text("garbled", "校验错误"),
    "bad:crc": Text("bad: garbled", "无效：校验错误"),
    "exception": Text("refused", "设备拒绝"),
    "bad:exception": Text("bad: refused", "无效：设备拒绝"),
    "text": Text("text", "文本"),
}


class _Writer:
    """Writes a page's parts in one language."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def say(self, en: str, zh: str) -> str:
        """A text of ours, as HTML."""
        return escape(Text(en, zh).in_language(self._language))

    def text(self, text: Text) -> str:
        """The same, of a text made elsewhere."""
        return escape(text.in_language(self._language))

    def word(self, word: str) -> str:
        """A quality or verdict as text; what has no other name stays as it is."""
        return _WORDS.get(word, Text(word, word)).in_language(self._language)

    def facts(self, rows: Iterable[tuple[str, str]]) -> str:
        """Names (HTML) with what they are (text)."""
        return f"<table>{''.join(f'<tr><th>{name}<td>{escape(value)}' for name, value in rows)}</table>\n"

    def table(self, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
        """Rows of text under names (HTML)."""
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}' for cell in row)}\n" for row in rows)
        return f"<table><tr>{''.join(f'<th>{name}' for name in head)}\n{body}</table>\n"


def commissioning_page(done: Commissioning, fingerprint: str, language: Language) -> str:
    """The whole page; ``fingerprint`` is of the key that will sign it."""
    write = _Writer(language)
    short = done.shortcomings
    named = ", ".join(_SHORTCOMING.get(each, Text(each, each)).in_language(language) for each in short)
    verdict = write.text(_WANTING) + escape(named) if short else write.text(_ACCEPTED)
    parts = [
        f"<p><strong>{'✗' if short else '✓'} {verdict}</strong></p>\n",
        _circumstances(write, done, fingerprint),
        _load(write, done),
        *(_device(write, done, device) for device in done.devices),
        _outage(write, done.outage),
    ]
    title = f"{_TITLE.in_language(language)}: {done.config.gateway}"
    return page(title, "".join(parts))


def _circumstances(write: _Writer, done: Commissioning, fingerprint: str) -> str:
    zone = done.config.district.timezone
    began, ended = (
        at.astimezone(zone).isoformat(" ", timespec="seconds") for at in (done.began_at, done.ended_at)
    )
    return write.facts(
        [
            (write.say("Gateway", "网关"), f"{done.config.gateway} ({done.host})"),
            (write.say("By", "执行人"), done.by),
            (write.say("From", "开始"), began),
            (write.say("To", "结束"), ended),
            (write.say("Soak", "连续读取"), f"{done.soak_s:g} s"),
            (write.say("Broker", "消息服务器"), done.config.broker.url),
            (write.say("Mistakes in the files", "配置错误"), str(done.mistakes)),
            (write.say("Software", "软件版本"), f"tocsin {version('tocsin')}"),
            (write.say("Signed with the key", "签名密钥指纹"), fingerprint),
        ]
    )


def _load(write: _Writer, done: Commissioning) -> str:
    rows = [
        (
            str(plan["bus"]),
            str(plan["kind"]),
            f"{plan['load']:.1%}",
            "; ".join(_asked(device) for device in plan["devices"]),
        )
        for plan in done.plans
    ]
    head = [write.say("bus", "总线"), write.say("kind", "类型")]
    head += [write.say("load", "负载"), write.say("requests", "请求")]
    return f"<h2>{write.say('Buses', '总线')}</h2>\n" + write.table(head, rows) if rows else ""


def _asked(plan: Mapping[str, Any]) -> str:
    requests = [each for cycle in plan["cycles"] for each in cycle["requests"]]
    return f"{plan['device']}: " + ", ".join(
        f"{each['table']} {each['address']} x {each['count']}" for each in requests
    )


def _device(write: _Writer, done: Commissioning, device: Device) -> str:
    bus = done.config.district.gateways[device.gateway].buses[device.bus]
    endpoint = done.config.bus_endpoints.get(device.bus)
    who = device.unit if device.unit is not None else device.mn or device.station or device.address or "-"
    rows = [
        (write.say("Name", "名称"), f"{device.name.en} / {device.name.zh}"),
        (write.say("Site", "站点"), device.site),
        (write.say("Profile", "型号"), device.profile),
        (write.say("Bus", "总线"), f"{device.bus} ({bus.kind})"),
        (write.say("Port", "端口"), endpoint or _where(bus)),
        (write.say("Line", "串口参数"), str(getattr(bus, "line", "-"))),
        (write.say("Unit or station", "地址或站号"), str(who)),
        (write.say("Asked every", "读取间隔"), f"{device.interval.total_seconds():g} s"),
    ]
    if device.datum_zero or device.datum_system:
        rows.append(
            (write.say("Datum zero", "零点高程"), f"{device.datum_zero:g} {device.datum_system or ''}")
        )
    rows.append((write.say("Staff gauge", "水尺校核"), _levelled(write, done.levellings.get(device.id))))
    parts = [f"<h2>{escape(device.id)}</h2>\n", write.facts(rows)]
    record = done.endured.get(device.id)
    parts.append(_read(write, record) if record else f"<p>{write.text(_BY_ITSELF)}</p>\n")
    return "".join(parts)


def _where(bus: Bus) -> str:
    listen = getattr(bus, "listen", None) or getattr(bus, "connect", None)
    if listen is not None:
        return str(listen)
    host, port = getattr(bus, "host", None), getattr(bus, "port", None)
    return f"{host}:{port}" if host else str(port)


def _levelled(write: _Writer, row: Mapping[str, Any] | None) -> str:
    if row is None:
        return write.say("not compared", "未校核")
    return f"{row['staff']:g} = {row['reading']:g} + {row['zero']:g} {row['unit']} ({row['by']}, {row['at']})"


def _read(write: _Writer, record: Endured) -> str:
    trips = record.round_trips()
    failed = record.errors.total()
    share = f"{failed / record.asked:.2%}" if record.asked else "-"
    reasons = ", ".join(f"{reason}: {count}" for reason, count in record.errors.most_common())
    parts = [
        write.facts(
            [
                (write.say("Requests", "请求次数"), str(record.asked)),
                (write.say("Failed", "失败"), f"{failed} ({share}) {reasons}".strip()),
                (
                    write.say("Round trip, median / 95 % / longest", "往返时间 中位 / 95 % / 最长"),
                    " / ".join(f"{each:.1f} ms" for each in trips) if trips else "-",
                ),
            ]
        )
    ]
    if record.first is not None:
        head = [write.say("asked", "请求"), write.say("request", "请求帧")]
        head += [write.say("answer", "应答帧"), "ms"]
        frames = (
            (
                each.asked,
                each.question.hex(" "),
                each.error or each.frame.hex(" "),
                "" if each.took_ms is None else f"{each.took_ms:.1f}",
            )
            for each in record.first.exchanges
        )
        parts.append(write.table(head, frames))
        head = [write.say("point", "测点"), write.say("value", "数值")]
        head += [write.say("quality", "质量"), write.say("verdict", "判断")]
        values = (
            (
                each.point,
                "" if each.value is None else f"{each.value} {each.unit if each.unit != '1' else ''}".strip(),
                write.word(each.quality.value),
                write.word(each.verdict),
            )
            for each in record.first.points
        )
        parts.append(write.table(head, values))
    return "".join(parts)


def _outage(write: _Writer, outage: Outage | None) -> str:
    title = f"<h2>{write.say('Outage test', '断网测试')}</h2>\n"
    if outage is None:
        return title + f"<p>{write.say('It was not made.', '未进行。')}</p>\n"
    if outage.cut_at is None or outage.mended_at is None:
        told = write.say(
            "Not possible: before any cut, no acknowledgement came from store and rules at the centre.",
            "无法进行：断网之前就没有收到中心（存储与规则）的确认。",
        )
        return title + f"<p>✗ {told}</p>\n"
    ranges = ", ".join(
        f"{low}-{high}" if low != high else f"{low}" for low, high in to_ranges(outage.sequences)
    )
    rows = [
        (write.say("Cut from", "断开"), outage.cut_at.isoformat(" ", timespec="milliseconds")),
        (write.say("to", "恢复"), outage.mended_at.isoformat(" ", timespec="milliseconds")),
        (write.say("Epoch", "运行批次"), outage.epoch),
        (write.say("Sequences kept meanwhile", "期间保存的序号"), ranges or "-"),
        (
            write.say("Readings meanwhile", "期间读数"),
            ", ".join(f"{device}: {count}" for device, count in sorted(outage.readings.items())) or "-",
        ),
    ]
    rows += [
        (write.say(f"All acknowledged by {consumer} after", f"{consumer} 全部确认用时"), f"{after_s:.2f} s")
        for consumer, after_s in outage.arrived_after_s.items()
        if outage.sequences
    ]
    rows += [
        (write.say(f"Never acknowledged by {consumer}", f"{consumer} 未确认"), str(numbers))
        for consumer, numbers in outage.missing.items()
    ]
    passed = write.say("Everything read during the cut has arrived.", "断网期间的读数全部送达。")
    failed = write.say("It is not shown that everything arrived.", "未能证明全部送达。")
    verdict = f"<p>{'✓ ' + passed if outage.is_passed else '✗ ' + failed}</p>\n"
    return title + verdict + write.facts(rows)
