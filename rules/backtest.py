"""What a rulebook would have said: the engine itself, over readings of the past, as if each came in time."""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from rules.fact import View
from rules.plain import Engine
from rules.record import Record, mark_of
from rules.rulebook import Rulebook, Watch
from rules.state import Announced
from rules.subject import facts_at, ladder_at
from rules.transition import Level, Transition
from transport.batch import Sample

_NEVER_LATE_MS = 2**62
_MOST = 4096  # readings judged at once


class History(Protocol):
    """Where readings of the past come from."""

    async def samples(self, rulebook: Rulebook, since_ms: int | None) -> Sequence[Sample]:
        """Readings, oldest first: all that a rulebook needs to judge from ``since_ms`` on.

        What comes before is there only to fill windows.
        """
        ...


def backtest(rulebook: Rulebook, samples: Sequence[Sample]) -> list[Transition]:
    """Every transition that readings, oldest first, would have led to.

    A device that the history does not mention is not missed in it.
    """
    engine = Engine(_in_time(rulebook, {each.device for each in samples}))
    found: list[Announced] = []
    if samples:
        engine.hear(samples[0].at_ms)
    ticks = deque(_silences(engine.rulebook, samples))
    begun = 0
    while begun < len(samples):
        while ticks and ticks[0] <= samples[begun].at_ms:
            found += engine.tick(ticks.popleft())
        most = 1 if engine.is_any_silent() else _MOST  # what is silent may become blind at any reading
        end = min(begun + most, len(samples))
        if ticks:
            end = bisect_left(samples, ticks[0], begun + 1, end, key=lambda each: each.at_ms)
        last_ms = samples[end - 1].at_ms
        found += engine.judge(samples[begun:end], {}, last_ms)
        found += engine.tick(last_ms)
        begun = end
    return sorted((each.transition for each in found), key=lambda each: each.at_ms)


def _silences(rulebook: Rulebook, samples: Sequence[Sample]) -> list[int]:
    """The instants at which a silence may begin: there the clock must tick, elsewhere it changes nothing."""
    after_ms = {
        f"{watch.device}:{point}": watch.silent_after_ms
        for watch in rulebook.silences
        for point in watch.watched
    }
    unwatched = {watch.device: watch.silent_after_ms for watch in rulebook.silences if not watch.watched}
    heard_ms = dict.fromkeys([*after_ms, *unwatched], samples[0].at_ms if samples else 0)
    after_ms |= unwatched
    found = set()
    for each in samples:
        subject = f"{each.device}:{each.point}"
        name = subject if subject in after_ms else each.device
        if name in after_ms and not each.quality.is_bad:
            due_ms = heard_ms[name] + after_ms[name] + 1
            if each.at_ms >= due_ms:
                found.add(due_ms)
            heard_ms[name] = each.at_ms
    last_ms = samples[-1].at_ms if samples else 0
    found |= {at_ms + after_ms[name] + 1 for name, at_ms in heard_ms.items()}
    return sorted(each for each in found if each <= last_ms)


def _in_time(rulebook: Rulebook, devices: set[str]) -> Rulebook:
    """The same rules for readings that are never late, of these devices alone."""
    watches = tuple(replace(watch, allowance_ms=_NEVER_LATE_MS) for watch in rulebook.watches)
    silences = tuple(watch for watch in rulebook.silences if watch.device in devices)
    return replace(rulebook, watches=watches, silences=silences)


class Judged(NamedTuple):
    """What one level of a rule saw of its subject, and where its limit stood."""

    level: Level
    at_ms: list[int]
    values: list[float]
    limits: list[float]


def trace(rulebook: Rulebook, watch: Watch, samples: Sequence[Sample]) -> list[Judged]:
    """What each level of one watch was given at every reading: the series behind its transitions."""
    records: dict[str, Record] = {name: Record() for name in (watch.subject, *watch.references)}
    for each in samples:
        record = records.get(f"{each.device}:{each.point}")
        if record is not None:
            record.put(each.at_ms, each.value, mark_of(each.quality, ahead_ms=0))
    record = records[watch.subject]
    view = View(record, records, rulebook.timezone)
    found: dict[Level, Judged] = {}
    for index, at_ms in enumerate(record.at_ms):
        if not (record.marks[index].is_sample or watch.every_reading):
            continue
        ladder = ladder_at(watch, rulebook, record, index)
        for rung, fact in zip(ladder.rungs, facts_at(ladder, view, index), strict=True):
            if fact is not None:
                judged = found.setdefault(rung.level, Judged(rung.level, [], [], []))
                judged.at_ms.append(at_ms)
                judged.values.append(fact.value)
                judged.limits.append(rung.limit)
    return [found[level] for level in sorted(found)]
