"""Episodes: what rules said from first level to clear, held against events that happened, or other rules."""

import csv
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rules.errors import HistoryError
from rules.history import parse_instant
from rules.transition import Level, Transition

_COLUMNS = ["begin", "end"]
_MONTH_MS = 30 * 86_400_000
_FLAP_MS = 30 * 60_000  # an episode that begins so soon after the one before it is the same one, come back


class Episode(NamedTuple):
    """One alarm from its first level to clear."""

    rule: str
    subject: str
    begin_ms: int
    end_ms: int | None  # None: it stands
    peak: Level


class Event(NamedTuple):
    """Something that happened; an empty name stands for any."""

    begin_ms: int
    end_ms: int
    rule: str
    subject: str


class Score(NamedTuple):
    """Episodes against events."""

    hits: int
    misses: tuple[Event, ...]
    false_alarms: tuple[Episode, ...]
    false_a_month: float
    leads_ms: tuple[int, ...]  # of each hit: how long before its begin the first episode began


class Difference(NamedTuple):
    """What new rules say that old ones do not, of one rule and subject."""

    rule: str
    subject: str
    fired: int  # episodes of the new rules that overlap none of the old
    gone: int  # episodes of the old rules that overlap none of the new
    earlier_ms: int | None  # by how much the new begin earlier, in the middle; negative: later
    flaps: tuple[int, int]  # old, new
    minutes: tuple[dict[str, float], dict[str, float]]  # by level; old, new


def episodes(transitions: Iterable[Transition], least: Level = Level.BLUE) -> list[Episode]:
    """The episodes at ``least`` or above in transitions, oldest first; superseded ones are none."""
    running: dict[tuple[str, str], Episode] = {}
    found = []
    for each in transitions:
        key = (each.rule, each.subject)
        if each.superseded:
            continue
        if each.to >= least:
            begun = running.get(key, Episode(*key, each.at_ms, None, each.to))
            running[key] = begun._replace(peak=max(begun.peak, each.to))
        elif key in running:
            found.append(running.pop(key)._replace(end_ms=each.at_ms))
    return sorted([*found, *running.values()], key=lambda each: each.begin_ms)


def parse_events(lines: Iterable[str], zone: ZoneInfo) -> list[Event]:
    """Known events: a CSV file with the columns begin, end and, where it matters, rule and subject.

    Raises:
        HistoryError: A line is no event.
    """
    rows = csv.DictReader(lines)
    if (rows.fieldnames or [])[:2] != _COLUMNS:
        raise HistoryError(1, "the columns are begin,end[,rule][,subject]")
    found = []
    for row in rows:
        try:
            begin_ms, end_ms = parse_instant(row["begin"], zone), parse_instant(row["end"], zone)
        except (ValueError, TypeError) as exc:
            raise HistoryError(rows.line_num, str(exc)) from exc
        found.append(Event(begin_ms, end_ms, row.get("rule") or "", row.get("subject") or ""))
    return found


def score(found: Sequence[Episode], events: Sequence[Event], *, span_ms: int, before_ms: int) -> Score:
    """Hold episodes against events: one hits an event that it overlaps, or ends at most ``before_ms`` before.

    Args:
        found: The episodes of a history.
        events: What happened in it.
        span_ms: How long the history is.
        before_ms: So early a warning is one of the event.
    """
    misses, leads_ms = [], []
    told: set[Episode] = set()
    for event in events:
        hits = [each for each in found if _is_of(each, event, before_ms)]
        told.update(hits)
        if hits:
            leads_ms.append(event.begin_ms - min(each.begin_ms for each in hits))
        else:
            misses.append(event)
    alarms = tuple(each for each in found if each not in told)
    months = max(span_ms / _MONTH_MS, 1e-9)
    return Score(len(leads_ms), tuple(misses), alarms, len(alarms) / months, tuple(leads_ms))


def _is_of(episode: Episode, event: Event, before_ms: int) -> bool:
    named = event.rule in {"", episode.rule} and event.subject in {"", episode.subject}
    ends_ms = episode.end_ms if episode.end_ms is not None else event.end_ms
    return named and episode.begin_ms <= event.end_ms and ends_ms >= event.begin_ms - before_ms


def differences(old: Sequence[Transition], new: Sequence[Transition], end_ms: int) -> list[Difference]:
    """How new rules differ from old ones over one history that ends at ``end_ms``; the equal are left out."""
    keys = dict.fromkeys((each.rule, each.subject) for each in (*old, *new))
    found = []
    for key in keys:
        mine = [[each for each in side if (each.rule, each.subject) == key] for side in (old, new)]
        if [_said(each) for each in mine[0]] != [_said(each) for each in mine[1]]:
            found.append(_difference(*key, episodes(mine[0]), episodes(mine[1]), mine, end_ms))
    return found


def _said(each: Transition) -> tuple[int, Level, Level]:
    return each.at_ms, each.before, each.to


def _difference(  # noqa: PLR0917  (called in one place)
    rule: str,
    subject: str,
    old: Sequence[Episode],
    new: Sequence[Episode],
    changes: Sequence[Sequence[Transition]],
    end_ms: int,
) -> Difference:
    pairs = [(before, after) for after in new for before in old if _overlap(before, after, end_ms)]
    earlier = [before.begin_ms - after.begin_ms for before, after in pairs]
    minutes = [_minutes(side, end_ms) for side in changes]
    return Difference(
        rule,
        subject,
        fired=sum(all(after is not each for _, each in pairs) for after in new),
        gone=sum(all(before is not each for each, _ in pairs) for before in old),
        earlier_ms=round(median(earlier)) if earlier else None,
        flaps=(_flaps(old), _flaps(new)),
        minutes=(minutes[0], minutes[1]),
    )


def _overlap(one: Episode, other: Episode, end_ms: int) -> bool:
    ends = [each.end_ms if each.end_ms is not None else end_ms for each in (one, other)]
    return max(one.begin_ms, other.begin_ms) <= min(ends)


def _flaps(found: Sequence[Episode]) -> int:
    ended_ms: int | None = None
    flaps = 0
    for each in found:
        flaps += ended_ms is not None and each.begin_ms - ended_ms <= _FLAP_MS
        ended_ms = each.end_ms
    return flaps


def _minutes(changes: Sequence[Transition], end_ms: int) -> dict[str, float]:
    """How long each level stood."""
    minutes: dict[str, float] = {}
    ends_ms = [*(each.at_ms for each in changes[1:]), end_ms]
    for each, until_ms in zip(changes, ends_ms, strict=False):
        if each.to is not Level.NORMAL:
            minutes[each.to.word] = minutes.get(each.to.word, 0.0) + (until_ms - each.at_ms) / 60_000
    return minutes
