"""The live view of the demo: sites with values and their age, alarms, warnings with receipts, counters."""

from collections import Counter
from datetime import datetime, timedelta
from functools import lru_cache

from rich.console import Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from alerting.cap import read_xml
from alerting.instruments import name_of
from alerting.ledger import WarningRecord
from district.fields import Names
from district.findings import Language
from district.inventory import Device, District, Point, Site
from rules.transition import Level
from tocsin.report import ANSWERS
from tocsin.watch import Watch
from transport.measurement import from_ms

# level = colour + shape + word, never colour alone
_STYLE = {
    Level.NORMAL: ("", "·", {"en": "normal", "zh": "正常"}),
    Level.BLUE: ("bold bright_blue", "●", {"en": "BLUE", "zh": "蓝色"}),
    Level.YELLOW: ("bold yellow", "▲", {"en": "YELLOW", "zh": "黄色"}),
    Level.ORANGE: ("bold dark_orange", "◆", {"en": "ORANGE", "zh": "橙色"}),
    Level.RED: ("bold white on red", "■", {"en": "RED", "zh": "红色"}),
}
_WORDS = {
    "en": {
        "site": "site",
        "level": "level",
        "values": "newest values",
        "age": "age",
        "sites": "Sites",
        "warnings": "Warnings",
        "sent": "sent",
        "what": "what",
        "told": "told",
        "none": "no warning yet",
        "counters": "read {read} · spooled {spooled} · stored {stored} · evaluated {evaluated} · "
        "transitions {transitions} · warnings {warnings} · receipts {receipts}",
    },
    "zh": {
        "site": "站点",
        "level": "级别",
        "values": "最新数值",
        "age": "距今",
        "sites": "站点",
        "warnings": "预警",
        "sent": "发布时间",
        "what": "内容",
        "told": "已送达",
        "none": "暂无预警",
        "counters": "采集 {read} · 缓存 {spooled} · 入库 {stored} · 判定 {evaluated} · "
        "级别变化 {transitions} · 预警 {warnings} · 回执 {receipts}",
    },
}
_OTHER_ROWS = 11  # head, bar, frames, titles, counters, and a site that takes two
_MANY = 10_000
_HANDED_OVER = ("sent", "delivered", "read", "acknowledged")


def mark(level: Level, language: Language) -> Text:
    """A level as colour, shape and word."""
    style, shape, words = _STYLE[level]
    return Text(f"{shape} {words[language]}", style=style)


def render(
    watch: Watch,
    district: District,
    *,
    now: datetime,
    share: float,
    speed: float,
    language: Language,
    rows: int,
) -> Group:
    """One frame of the view on a terminal of so many rows; ``share`` of the replay is over."""
    words = _WORDS[language]
    local = now.astimezone(district.timezone)
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="center")
    head.add_column(justify="right")
    head.add_row(
        Text(f"Tocsin · {_name(district.name, language)}", style="bold"),
        _alarms(watch, language),
        Text(f"{local:%Y-%m-%d %H:%M:%S %Z} · {speed:g}x"),
    )
    bar = Table.grid(expand=True)  # a progress bar alone does not end its line
    bar.add_row(ProgressBar(total=1.0, completed=min(1.0, share)))
    room = rows - len(district.sites) - _OTHER_ROWS
    return Group(
        head,
        bar,
        Panel(_sites(watch, district, now, language), title=words["sites"]),
        Panel(_warnings(watch, district, language, room), title=words["warnings"]),
        Text(words["counters"].format(**_counters(watch)), style="dim"),
    )


def _alarms(watch: Watch, language: Language) -> Text:
    """How many alarms are active at each level, the gravest first."""
    active = Counter(transition.to for transition in watch.alarms.values())
    levels = [level for level in sorted(Level, reverse=True) if level is not Level.NORMAL]
    parts = [mark(level, language).append(f" {active[level]}") for level in levels]
    return Text("  ").join(parts)


def _sites(watch: Watch, district: District, now: datetime, language: Language) -> Table:
    words = _WORDS[language]
    table = Table(words["site"], words["level"], words["values"], words["age"], expand=True, box=None)
    for site in district.sites.values():
        values, taken_ms = _newest(watch, district, site, language)
        age = "–" if taken_ms is None else _short(now - from_ms(taken_ms))
        table.add_row(
            _name(site.name, language) or site.id,
            mark(watch.level_of(site.id), language),
            ", ".join(values) or "–",
            age,
        )
    return table


def _newest(watch: Watch, district: District, site: Site, language: Language) -> tuple[list[str], int | None]:
    values = []
    taken_ms = None
    for device in district.devices.values():
        if device.site != site.id:
            continue
        for point in device.points.values():
            sample = watch.newest.get((device.id, point.id))
            if sample is None or point.id == ANSWERS:
                continue
            value = "?" if sample.value is None else _figure(sample.value + _zero(device, point))
            doubt = "" if sample.quality.is_good else f" ({sample.quality.value})"
            quantity = name_of(point.id).in_language(language)
            values.append(f"{quantity} {value} {point.unit}{doubt}")
            taken_ms = max(taken_ms or 0, sample.at_ms)
    return values, taken_ms


def _warnings(watch: Watch, district: District, language: Language, rows: int) -> Table | Text:
    """The newest warnings, the newest first: what does not fit is the oldest."""
    words = _WORDS[language]
    if not watch.warnings:
        return Text(words["none"], style="dim")
    table = Table(words["sent"], words["level"], words["what"], words["told"], expand=True, box=None)
    for record in watch.warnings[: -max(1, rows) - 1 : -1]:
        sent = from_ms(record.sent_ms).astimezone(district.timezone)
        table.add_row(
            f"{sent:%H:%M:%S}", mark(level_of(record), language), headline(record, language), told(record)
        )
    return table


def level_of(record: WarningRecord) -> Level:
    """The level that a warning tells."""
    return Level[record.level.upper()]


@lru_cache(maxsize=1000)
def headline(record: WarningRecord, language: Language) -> str:
    """The headline in the reader's language, as the message carries it."""
    return read_xml(record.cap_xml.encode()).info(language).headline


def told(record: WarningRecord) -> str:
    """How many of those concerned have it, as in ``3/4``."""
    reached = {receipt.person for receipt in record.receipts if receipt.state in _HANDED_OVER}
    return f"{len(reached)}/{len(record.recipients)}"


def _counters(watch: Watch) -> dict[str, int]:
    total: Counter[str] = Counter()
    for beat in watch.beats.values():
        total.update({name: round(value) for name, value in beat.counters.items()})
    return {
        "read": watch.readings,
        "spooled": total["spooled"],
        "stored": total["stored"],
        "evaluated": total["samples"],
        "transitions": total["transitions"],
        "warnings": len(watch.warnings),
        "receipts": sum(len(record.receipts) for record in watch.warnings),
    }


def _zero(device: Device, point: Point) -> float:
    """What is added to a reading so that it compares with the limits."""
    return 0.0 if point.counter else device.datum_zero


def _figure(value: float) -> str:
    """A value with the four digits that matter."""
    return f"{value:.4g}" if abs(value) < _MANY else f"{value:.0f}"


def _name(names: Names, language: Language) -> str:
    return names.zh if language == "zh" else names.en


def _short(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"
