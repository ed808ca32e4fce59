"""Where every rule stands for a subject, and how far it is from each level."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rules.announcing import key_of
from rules.fact import View
from rules.plain import Engine
from rules.rulebook import Watch
from rules.state import WatchState
from rules.subject import facts_at, ladder_at
from rules.transition import Level


class Distance(NamedTuple):
    """One level of a ladder, as seen from the newest reading."""

    level: Level
    value: float | None  # what is judged; None if there is nothing to judge
    limit: float
    clear: float
    missing: float | None  # how far the value must still go; at most zero if the limit is reached
    held_since_ms: int | None  # its timer runs since then


class Standing(NamedTuple):
    """One rule for one subject."""

    rule: str
    subject: str
    unit: str
    level: Level  # judged
    told: Level  # announced
    sampled_ms: int | None  # the newest reading that may be judged
    distances: Sequence[Distance]


def explain(engine: Engine, name: str) -> list[Standing]:
    """Every ladder that watches a subject, a device or a site named so."""
    watches = engine.rulebook.watches
    return [_standing(engine, each) for each in watches if name in {each.subject, each.device, each.site}]


def known_subjects(engine: Engine) -> list[str]:
    """The subjects that can be explained."""
    return list(dict.fromkeys(watch.subject for watch in engine.rulebook.watches))


def _standing(engine: Engine, watch: Watch) -> Standing:
    state = _state(engine, watch)
    distances = tuple(_distances(engine, watch))
    record = engine.state.records[watch.subject]
    newest = record.newest_sample()
    sampled_ms = record.at_ms[newest] if newest is not None else None
    return Standing(
        watch.rule, watch.subject, watch.unit, state.head.level, state.told, sampled_ms, distances
    )


def _distances(engine: Engine, watch: Watch) -> Iterator[Distance]:
    records = engine.state.records
    record = records[watch.subject]
    newest = record.newest_sample()
    if newest is None:
        return
    ladder = ladder_at(watch, engine.rulebook, record, newest)
    facts = facts_at(ladder, View(record, records, engine.rulebook.timezone), newest)
    timers = _state(engine, watch).head.timers
    for rung, fact in zip(ladder.rungs, facts, strict=True):
        value = fact.value if fact is not None else None
        missing = None if value is None else rung.limit - value if ladder.rising else value - rung.limit
        timer = timers[rung.level - 1]
        since_ms = timer.since_ms if timer is not None else None
        yield Distance(rung.level, value, rung.limit, rung.clear, missing, since_ms)


def _state(engine: Engine, watch: Watch) -> WatchState:
    """What is remembered of one rule for one subject; nothing before it has judged anything."""
    return engine.state.watches.get(key_of(watch.rule, watch.subject)) or WatchState()
