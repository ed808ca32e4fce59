"""Alarm load: how much people are told, by what, and how long they take to answer. Entries in, figures out.

EEMUA 191's questions: how many messages an operator gets, what sounds most, what chatters, what stands.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import msgspec

from alerting.ledger import Kind
from console.journal import Fact

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_CHATTERS = 3  # rises within an hour


@dataclass(slots=True)
class _Source:
    """What one story's thread came to."""

    messages: int = 0
    rises_ms: list[int] = field(default_factory=list)


def sum_up(facts: Iterable[Fact], *, from_ms: int, to_ms: int) -> dict[str, Any]:
    """The load between two instants."""
    sources: dict[str, _Source] = {}
    days: dict[int, Counter[str]] = {}
    copies: Counter[str] = Counter()
    opened_ms: dict[str, int] = {}
    answered_ms: dict[str, int] = {}
    for fact in facts:
        body = msgspec.json.decode(fact.body)
        source = sources.setdefault(fact.thread, _Source()) if fact.thread else _Source()
        if fact.kind == Kind.WARNING:
            source.messages += 1
            days.setdefault((fact.at_ms - from_ms) // _DAY_MS, Counter())[body["level"]] += 1
            copies.update(one["person"] for one in body["recipients"])
        elif fact.kind == Kind.TRANSITION:
            if body["transition"]["to"] > body["transition"]["before"]:
                source.rises_ms.append(fact.at_ms)
        elif fact.kind == Kind.CASE and body["what"] == "opened":
            opened_ms[fact.name] = fact.at_ms
        elif fact.kind == Kind.CASE and body["what"] == "answered":
            answered_ms.setdefault(fact.name, fact.at_ms)
    took_ms = sorted(answered_ms[name] - at_ms for name, at_ms in opened_ms.items() if name in answered_ms)
    loudest = sorted(sources.items(), key=lambda one: (-one[1].messages, one[0]))
    return {
        "from_ms": from_ms,
        "to_ms": to_ms,
        "messages": sum(source.messages for source in sources.values()),
        "days": [
            {"at_ms": from_ms + day * _DAY_MS, "levels": dict(days.get(day, {}))}
            for day in range(ceil((to_ms - from_ms) / _DAY_MS))
        ],
        "people": [{"person": person, "messages": count} for person, count in copies.most_common(20)],
        "cases": len(opened_ms),
        "answered": len(took_ms),
        "answer_ms": {"p50": _quantile(took_ms, 0.5), "p95": _quantile(took_ms, 0.95)},
        "loudest": [
            {"thread": thread, "messages": source.messages, "rises": len(source.rises_ms)}
            for thread, source in loudest[:10]
            if source.messages
        ],
        "chattering": [
            {"thread": thread, "rises_an_hour": most}
            for thread, source in loudest
            if (most := _most_within_an_hour(source.rises_ms)) >= _CHATTERS
        ],
    }


def _most_within_an_hour(at_ms: Sequence[int]) -> int:
    """The most instants that any hour holds; they come in order."""
    first, most = 0, 0
    for last, instant in enumerate(at_ms):
        while at_ms[first] <= instant - _HOUR_MS:
            first += 1
        most = max(most, last - first + 1)
    return most


def _quantile(ordered: Sequence[int], share: float) -> int | None:
    """The smallest value that ``share`` of the values do not exceed; none of none."""
    return ordered[max(0, ceil(len(ordered) * share) - 1)] if ordered else None
