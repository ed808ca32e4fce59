"""The demo in lines of text: what happens as it happens, and what it came to."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console

from alerting.ledger import WarningRecord
from district.findings import Language
from district.inventory import District
from rules.transition import Level, Transition
from tocsin.demo_console import DemoConsole
from tocsin.report import Report
from tocsin.view import headline, level_of, mark, told
from transport.measurement import from_ms

_SUMMARY = {
    "en": """\
answers served {served}, stored {stored}, lost {lost}, duplicates {duplicates}
alarms changed {changes} times; {warnings} warnings went to {people} people
from an instrument's answer to a warning's receipt: p50 {p50} ms, p99 {p99} ms""",
    "zh": """\
仪器应答 {served} 次，入库 {stored} 条，丢失 {lost}，重复 {duplicates}
报警级别变化 {changes} 次；{warnings} 条预警发给 {people} 人
从仪器应答到预警回执：p50 {p50} ms，p99 {p99} ms""",
}
_OPENING = {
    "en": """\
Starting {instruments} simulated instruments, {gateways} gateways, a collector, a rules engine and alerting.
The flood runs from {first} to {last}, {speed} times as fast: {minutes} minutes.""",
    "zh": """\
正在启动 {instruments} 台模拟仪器、{gateways} 个网关、采集入库、规则引擎和预警发布。
洪水过程 {first} 至 {last}，{speed} 倍速，约 {minutes} 分钟。""",
}
_CONSOLE = {
    "en": "Console: {url}  sign in: duty or lead, password {password}\nWall:    {wall}",
    "zh": "控制台：{url}  用户 duty（值班）或 lead（审批），口令 {password}\n大屏：  {wall}",
}
_OVER = {"en": "The flood is over. Highest level reached:", "zh": "洪水过程结束。最高级别："}
_KEPT = {"en": "state and logs:", "zh": "状态与日志："}


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrator:
    """Tells the demo to one reader in one language."""

    console: Console
    district: District
    language: Language

    def say_opening(self, starts_at: datetime, ends_at: datetime, speed: float) -> None:
        """What is about to be shown."""
        zone = self.district.timezone
        opening = _OPENING[self.language].format(
            instruments=len(self.district.devices),
            gateways=len(self.district.gateways),
            first=f"{starts_at.astimezone(zone):%Y-%m-%d %H:%M}",
            last=f"{ends_at.astimezone(zone):%H:%M}",
            speed=f"{speed:g}",
            minutes=f"{(ends_at - starts_at).total_seconds() / speed / 60:.1f}",
        )
        self.console.print(opening, highlight=False)

    def say_console(self, served: DemoConsole) -> None:
        """Where a browser shows it."""
        words = _CONSOLE[self.language].format(url=served.url, password=served.password, wall=served.wall)
        self.console.print(words, highlight=False, soft_wrap=True)

    def say_transition(self, transition: Transition) -> None:
        """One alarm changed its level."""
        value = "" if transition.value is None else f"{transition.value:.4g} {transition.unit}"
        self.console.print(
            self._time(transition.at_ms),
            mark(transition.to, self.language),
            f"{transition.rule} {transition.subject} {value}",
            highlight=False,
        )

    def say_warning(self, record: WarningRecord) -> None:
        """One warning went out."""
        self.console.print(
            self._time(record.sent_ms), "→", record.msg_type, headline(record, self.language), highlight=False
        )

    def summarise(self, report: Report, kept: Path | None) -> None:
        """What the whole replay came to."""
        highest = max((t.to for t in report.transitions), default=Level.NORMAL)
        figures = report.as_json()
        summary = _SUMMARY[self.language].format(
            served=figures["served"],
            stored=figures["stored"],
            lost=figures["lost"],
            duplicates=figures["duplicates"],
            changes=len(report.transitions),
            warnings=len(report.warnings),
            people=len({person for record in report.warnings for person in record.recipients}),
            **figures["latency_ms"],
        )
        self.console.print()
        self.console.print(_OVER[self.language], mark(highest, self.language))
        self.console.print(summary, highlight=False)
        for record in report.warnings:
            if level_of(record) == highest:
                self.console.print("  ", headline(record, self.language), told(record), highlight=False)
        if kept is not None:
            self.console.print(_KEPT[self.language], str(kept), highlight=False)

    def _time(self, at_ms: int) -> str:
        return f"{from_ms(at_ms).astimezone(self.district.timezone):%H:%M:%S}"
