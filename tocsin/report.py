"""What a replay came to: counted from the instruments' own record, the store, the journal and the ledger."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from alerting.database import FILE_NAME as LEDGER_FILE
from alerting.ledger import WarningRecord, read_warnings
from collector.stores import open_store
from district.inventory import District
from rules.app import JOURNAL_FILE
from rules.journal import read_transitions
from rules.transition import Transition
from tocsin.simulation import Answer, read_answers
from transport.clock import Clock
from transport.measurement import from_ms

EARLIEST_MS, LATEST_MS = 0, 253_402_300_800_000  # 1970 to 9999
ANSWERS = "answers"  # the point by which every simulated instrument counts its answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole way of the readings, in figures."""

    served: tuple[Answer, ...]
    stored: int
    lost: tuple[Answer, ...]
    duplicates: int
    transitions: tuple[Transition, ...]
    warnings: tuple[WarningRecord, ...]
    latencies_ms: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """The report as ``tocsin demo --json`` prints it."""
        return {
            "served": len(self.served),
            "stored": self.stored,
            "lost": len(self.lost),
            "duplicates": self.duplicates,
            "transitions": [
                {
                    "at": from_ms(t.at_ms).isoformat().replace("+00:00", "Z"),
                    "rule": t.rule,
                    "subject": t.subject,
                    "from": t.before.word,
                    "to": t.to.word,
                    "value": t.value,
                }
                for t in self.transitions
            ],
            "warnings": [
                {
                    "identifier": w.identifier,
                    "msgType": w.msg_type,
                    "level": w.level,
                    "subject": w.subject,
                    "recipients": sorted(w.recipients),
                }
                for w in self.warnings
            ],
            "latency_ms": {
                "p50": quantile(self.latencies_ms, 0.50),
                "p99": quantile(self.latencies_ms, 0.99),
                "max": quantile(self.latencies_ms, 1.0),
            },
        }


async def make_report(district: District, state: Path, served: Path, clock: Clock) -> Report:
    """Count what was served, stored and told.

    ``lost`` and ``duplicates`` come from the counter that each instrument serves as a point of its own: an
    answer whose number is not in the store is lost, a number that is there twice is a duplicate. The store's
    key plays no part in it.
    """
    answers = read_answers(served)
    stored: dict[str, Counter[int]] = defaultdict(Counter)
    async with open_store(district.store, district=district, state_dir=state / "collector") as store:
        for device in {answer.instrument for answer in answers}:
            rows = await store.history(device, ANSWERS, EARLIEST_MS, LATEST_MS)
            stored[device].update(round(value) for _, value, _ in rows if value is not None)
    transitions = read_transitions(state / "rules" / JOURNAL_FILE)
    warnings = read_warnings(state / "alerting" / LEDGER_FILE)
    return Report(
        served=tuple(answers),
        stored=sum(counts.total() for counts in stored.values()),
        lost=tuple(answer for answer in answers if not stored[answer.instrument][answer.counter]),
        duplicates=sum(counts.total() - len(counts) for counts in stored.values()),
        transitions=tuple(transitions),
        warnings=tuple(warnings),
        latencies_ms=tuple(_latencies_ms(warnings, clock)),
    )


def _latencies_ms(warnings: Iterable[WarningRecord], clock: Clock) -> list[float]:
    """Wall time from the answer that raised or cleared a warning to each receipt that it was handed over."""
    return [
        (receipt.at_ms - warning.triggers[-1][1]) / clock.speed
        for warning in warnings
        if warning.triggers
        for receipt in warning.receipts
        if receipt.state in ("sent", "delivered")
    ]


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that ``share`` of the values do not exceed, rounded to 0.1; none of none."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, ceil(len(ordered) * share) - 1)], 1)
