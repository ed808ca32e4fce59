"""Rules held against other rules, and against what happened."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from rules.errors import HistoryError
from rules.scoring import Difference, Score, differences, episodes, parse_events, score
from rules.transition import Level
from tocsin.backtest import Tested
from tocsin.errors import TocsinError
from transport.measurement import from_ms

_MINUTE_MS = 60_000


def compare(tested: Sequence[Tested]) -> list[Difference]:
    """What the second rulebook says that the first does not, and the other way round."""
    old, new = tested
    end_ms = new.samples[-1].at_ms if new.samples else 0
    return differences(old.transitions, new.transitions, end_ms)


def differences_json(found: Sequence[Difference]) -> str:
    """The differences for other programs."""
    rows: list[dict[str, Any]] = [
        {
            "rule": each.rule,
            "subject": each.subject,
            "fired": each.fired,
            "gone": each.gone,
            "earlier_minutes": None if each.earlier_ms is None else each.earlier_ms / _MINUTE_MS,
            "flaps": {"old": each.flaps[0], "new": each.flaps[1]},
            "minutes": {"old": each.minutes[0], "new": each.minutes[1]},
        }
        for each in found
    ]
    return msgspec.json.encode({"differences": rows}).decode()


def show_differences(found: Sequence[Difference]) -> None:
    """The differences for people."""
    table = Table("rule", "subject", "fired", "gone", "earlier, min", "flaps", "minutes a level, old", "new")
    for each in found:
        earlier = "" if each.earlier_ms is None else f"{each.earlier_ms / _MINUTE_MS:g}"
        minutes = [", ".join(f"{level} {time:g}" for level, time in side.items()) for side in each.minutes]
        flaps = f"{each.flaps[0]} → {each.flaps[1]}"
        table.add_row(each.rule, each.subject, str(each.fired), str(each.gone), earlier, flaps, *minutes)
    console = Console()
    console.print(table if found else "the rules say the same")


def score_of(tested: Tested, truth: Path, *, least: Level, before_ms: int) -> Score:
    """The episodes of a backtest held against a file of events.

    Raises:
        TocsinError: The file is absent or a line of it is no event.
    """
    try:
        with truth.open(encoding="utf-8-sig", newline="") as file:
            events = parse_events(file, tested.district.timezone)
    except (OSError, UnicodeDecodeError, HistoryError) as exc:
        raise TocsinError(f"{truth}: {exc}") from exc
    samples = [each for each in tested.samples if each.at_ms >= tested.since_ms]
    span_ms = samples[-1].at_ms - samples[0].at_ms if samples else 0
    return score(episodes(tested.transitions, least), events, span_ms=span_ms, before_ms=before_ms)


def score_json(found: Score, tested: Tested) -> str:
    """A score for other programs; instants by the district's clock."""

    def at(at_ms: int) -> str:
        return from_ms(at_ms).astimezone(tested.district.timezone).isoformat()

    answer: dict[str, Any] = {
        "hits": found.hits,
        "misses": [{"begin": at(each.begin_ms), "end": at(each.end_ms)} for each in found.misses],
        "false_alarms": [
            {"rule": each.rule, "subject": each.subject, "at": at(each.begin_ms), "peak": each.peak.word}
            for each in found.false_alarms
        ],
        "false_alarms_a_month": round(found.false_a_month, 3),
        "lead_minutes": [each / _MINUTE_MS for each in found.leads_ms],
    }
    return msgspec.json.encode(answer).decode()


def show_score(found: Score, tested: Tested) -> None:
    """A score for people."""
    zone = tested.district.timezone
    console = Console()
    console.print(f"{found.hits} hits, {len(found.misses)} misses, {len(found.false_alarms)} false alarms")
    console.print(f"{found.false_a_month:.2f} false alarms a month")
    if found.leads_ms:
        leads = ", ".join(f"{each / _MINUTE_MS:g}" for each in found.leads_ms)
        console.print(f"minutes ahead of the event: {leads}")
    for each in found.misses:
        console.print(f"missed: {from_ms(each.begin_ms).astimezone(zone).isoformat(sep=' ')}")
    for alarm in found.false_alarms:
        at = from_ms(alarm.begin_ms).astimezone(zone).isoformat(sep=" ")
        console.print(f"false: {at} {alarm.rule} {alarm.subject} {alarm.peak.word}")
