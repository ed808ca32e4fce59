"""The ladder: up to four levels with limits, delays and hysteresis, judged one sample at a time.

Pure: a state and a sample in, a new state and perhaps a change out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from rules.fact import Fact
from rules.measure import AnyMeasure, Value
from rules.transition import Level

_NO_TIMERS = (None, None, None, None)


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One level of a ladder, in the unit of the value judged."""

    level: Level
    measure: AnyMeasure = Value()
    limit: float
    clear: float  # the limit itself, or behind it
    for_ms: int = 0  # the timer must have run so long,
    for_samples: int = 1  # and over so many samples, its first included


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """What one value is judged by; the rungs stand in the order of their levels."""

    rising: bool  # `above` when true, `below` when false
    rungs: tuple[Rung, ...]
    clear_for_ms: int
    latched: bool = False  # a level once reached stays until the rule is changed

    def holds(self, rung: Rung, value: float) -> bool:
        """Whether ``value`` reaches or exceeds the limit; for `below`, reaches or falls under it."""
        return value >= rung.limit if self.rising else value <= rung.limit

    def past(self, rung: Rung, value: float) -> bool:
        """Whether ``value`` lies on the safe side of the rung's `clear`."""
        return value < rung.clear if self.rising else value > rung.clear

    def rung(self, level: Level) -> Rung | None:
        """The rung of a level, if the ladder has it."""
        return next((rung for rung in self.rungs if rung.level is level), None)


class Timer(msgspec.Struct, frozen=True):
    """A condition that has come true and has not been broken since."""

    since_ms: int
    samples: int = 1
    uncertain: bool = False  # began at an uncertain sample
    by_limits: bool = False  # began because the limits changed, not the value


class LadderState(msgspec.Struct, frozen=True, kw_only=True):
    """Where one value stands on its ladder after its newest sample."""

    level: Level = Level.NORMAL
    timers: tuple[Timer | None, Timer | None, Timer | None, Timer | None] = _NO_TIMERS
    """Of blue, yellow, orange and red, from the first sample at which the level held."""
    clearing: Timer | None = None  # the run of samples past the present level's `clear`
    last_ms: int | None = None
    ladder: Ladder | None = None  # in force at the newest sample


class Change(NamedTuple):
    """The level changed at a sample."""

    before: Level
    to: Level
    value: float | None  # by which it changed
    limit: float | None  # of the level reached, or of the level left
    onset_ms: int | None  # first sample at which the level reached held
    uncertain: bool
    by_limits: bool


Facts = Sequence[Fact | None]


def judge(
    state: LadderState, ladder: Ladder, at_ms: int, facts: Facts, *, stale_after_ms: int
) -> tuple[LadderState, Change | None]:
    """Judge one sample, which is newer than every one judged before; ``facts`` has one for each rung.

    Up: a level's timer starts at the first sample at which it holds; only a good sample past that level's
    `clear` resets it; the level is reached at a sample that holds once the timer has run. Down: when all
    samples for `clear_for` have been past the present level's `clear`, good ones first and last, the state
    falls to the highest lower level whose `clear` the value has not passed. A gap longer than
    ``stale_after_ms`` resets the timers and keeps the level. A rung without a fact stays as it is.
    """
    if state.level is Level.NORMAL and state.timers == _NO_TIMERS and _is_calm(ladder, facts):
        return LadderState(last_ms=at_ms, ladder=ladder), None  # nearly always
    gap = state.last_ms is not None and at_ms - state.last_ms > stale_after_ms
    replaced = None
    if state.ladder is not None and state.ladder is not ladder and state.ladder != ladder:
        replaced = state.ladder
    timers: list[Timer | None] = [None] * 4
    reached: tuple[Rung, Timer, Fact] | None = None
    for rung, fact in zip(ladder.rungs, facts, strict=True):
        timer = None if gap else state.timers[rung.level - 1]
        if fact is not None:
            holds = ladder.holds(rung, fact.value)
            timer = _timer(timer, ladder, rung, fact, at_ms, replaced=replaced)
            if timer is not None and holds and _has_run(timer, rung, at_ms):
                reached = (rung, timer, fact)
        timers[rung.level - 1] = timer
    level, clearing = state.level, None if gap else state.clearing
    change = None
    if reached is not None and reached[0].level > level:
        rung, timer, fact = reached
        uncertain = timer.uncertain or fact.uncertain
        change = Change(level, rung.level, fact.value, rung.limit, timer.since_ms, uncertain, timer.by_limits)
        level, clearing = rung.level, None
    elif level is not Level.NORMAL and not ladder.latched:
        left, fact = _of_level(ladder, facts, level)
        clearing = _clearing(clearing, ladder, left, fact, at_ms, level=level, replaced=replaced)
        ends = fact.clears if fact is not None else left is None
        if clearing is not None and ends and at_ms - clearing.since_ms >= ladder.clear_for_ms:
            lower = _highest_not_past(ladder, facts, timers, level)
            value = fact.value if fact is not None else None
            limit = left.limit if left is not None else None
            change = Change(level, lower, value, limit, None, uncertain=False, by_limits=clearing.by_limits)
            level, clearing = lower, None
    blue, yellow, orange, red = timers
    judged = LadderState(
        level=level, timers=(blue, yellow, orange, red), clearing=clearing, last_ms=at_ms, ladder=ladder
    )
    return judged, change


def _is_calm(ladder: Ladder, facts: Facts) -> bool:
    """Whether nothing holds."""
    for rung, fact in zip(ladder.rungs, facts, strict=True):
        if fact is not None and ladder.holds(rung, fact.value):
            return False
    return True


def _timer(
    running: Timer | None, ladder: Ladder, rung: Rung, fact: Fact, at_ms: int, *, replaced: Ladder | None
) -> Timer | None:
    """The rung's timer after a fact."""
    if running is not None:
        if fact.clears and ladder.past(rung, fact.value):
            return None
        return msgspec.structs.replace(running, samples=running.samples + 1)
    if not ladder.holds(rung, fact.value):
        return None
    by_limits = replaced is not None and not _held(replaced, rung.level, fact.value)
    return Timer(at_ms, 1, fact.uncertain, by_limits)


def _has_run(timer: Timer, rung: Rung, at_ms: int) -> bool:
    return at_ms - timer.since_ms >= rung.for_ms and timer.samples >= rung.for_samples


def _held(ladder: Ladder, level: Level, value: float) -> bool:
    rung = ladder.rung(level)
    return rung is not None and ladder.holds(rung, value)


def _of_level(ladder: Ladder, facts: Facts, level: Level) -> tuple[Rung | None, Fact | None]:
    """The rung of a level and its fact; where the ladder has no such rung, any fact that clears."""
    for rung, fact in zip(ladder.rungs, facts, strict=True):
        if rung.level is level:
            return rung, fact
    return None, next((fact for fact in facts if fact is not None), None)


def _clearing(
    running: Timer | None,
    ladder: Ladder,
    rung: Rung | None,
    fact: Fact | None,
    at_ms: int,
    *,
    level: Level,
    replaced: Ladder | None,
) -> Timer | None:
    """The run of samples past the level's `clear` after this one.

    A fact that does not clear breaks the run if it is not past; else it neither begins nor completes one.
    """
    if rung is not None:
        if fact is None:
            return running
        if not ladder.past(rung, fact.value):
            return None
    if running is not None or (fact is not None and not fact.clears):
        return running
    before = replaced.rung(level) if replaced is not None else None
    by_limits = (
        replaced is not None
        and before is not None
        and (fact is None or not replaced.past(before, fact.value))
    )
    return Timer(at_ms, by_limits=by_limits)


def _highest_not_past(ladder: Ladder, facts: Facts, timers: Sequence[Timer | None], below: Level) -> Level:
    """The level to fall to: what is not known to be past stands if it was held."""
    standing = (
        rung.level
        for rung, fact in zip(ladder.rungs, facts, strict=True)
        if rung.level < below
        and (timers[rung.level - 1] is not None or (fact is not None and not ladder.past(rung, fact.value)))
    )
    return max(standing, default=Level.NORMAL)
