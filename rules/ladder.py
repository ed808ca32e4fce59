"""The ladder: up to four levels with limits, delays and hysteresis, judged one sample at a time.

Pure: a state and a sample in, a new state and perhaps a change out.
"""

from typing import NamedTuple

import msgspec

from rules.transition import Level

_NO_TIMERS = (None, None, None, None)


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One level of a ladder, in the unit of the value judged."""

    level: Level
    limit: float
    clear: float  # the limit itself, or behind it
    for_ms: int = 0  # the timer must have run so long,
    for_samples: int = 1  # and over so many samples, its first included


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """What one value is judged by; the rungs stand in the order of their levels."""

    rising: bool  # `above` when true, `below` when false
    rungs: tuple[Rung, ...]
    clear_for_ms: int

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
    limit: float | None  # of the level reached, or of the level left
    onset_ms: int | None  # first sample at which the level reached held
    uncertain: bool
    by_limits: bool


def judge(
    state: LadderState, ladder: Ladder, at_ms: int, value: float, *, good: bool, stale_after_ms: int
) -> tuple[LadderState, Change | None]:
    """Judge one sample, which is newer than every one judged before.

    Up: a level's timer starts at the first sample at which it holds; only a good sample past that level's
    `clear` resets it; the level is reached at a sample that holds once the timer has run. Down: when all
    samples for `clear_for` have been past the present level's `clear`, good ones first and last, the state
    falls to the highest lower level whose `clear` the value has not passed. A gap longer than
    ``stale_after_ms`` resets the timers and keeps the level.
    """
    gap = state.last_ms is not None and at_ms - state.last_ms > stale_after_ms
    replaced = state.ladder if state.ladder is not None and state.ladder != ladder else None
    timers: list[Timer | None] = [None] * 4
    reached: tuple[Rung, Timer] | None = None
    for rung in ladder.rungs:
        holds = ladder.holds(rung, value)
        timer = None if gap else state.timers[rung.level - 1]
        if timer is not None and good and ladder.past(rung, value):
            timer = None
        elif timer is not None:
            timer = msgspec.structs.replace(timer, samples=timer.samples + 1)
        elif holds:
            timer = Timer(at_ms, 1, not good, replaced is not None and not _held(replaced, rung.level, value))
        timers[rung.level - 1] = timer
        if timer is not None and holds and _has_run(timer, rung, at_ms):
            reached = (rung, timer)
    level, clearing = state.level, None if gap else state.clearing
    change = None
    if reached is not None and reached[0].level > level:
        rung, timer = reached
        uncertain = timer.uncertain or not good
        change = Change(level, rung.level, rung.limit, timer.since_ms, uncertain, timer.by_limits)
        level, clearing = rung.level, None
    elif level is not Level.NORMAL:
        clearing = _clearing(clearing, ladder, level, at_ms, value, good=good, replaced=replaced)
        if clearing is not None and good and at_ms - clearing.since_ms >= ladder.clear_for_ms:
            left = ladder.rung(level)
            lower = _highest_not_past(ladder, level, value)
            limit = left.limit if left is not None else None
            change = Change(level, lower, limit, None, uncertain=False, by_limits=clearing.by_limits)
            level, clearing = lower, None
    blue, yellow, orange, red = timers
    judged = LadderState(
        level=level, timers=(blue, yellow, orange, red), clearing=clearing, last_ms=at_ms, ladder=ladder
    )
    return judged, change


def _has_run(timer: Timer, rung: Rung, at_ms: int) -> bool:
    return at_ms - timer.since_ms >= rung.for_ms and timer.samples >= rung.for_samples


def _held(ladder: Ladder, level: Level, value: float) -> bool:
    rung = ladder.rung(level)
    return rung is not None and ladder.holds(rung, value)


def _clearing(
    running: Timer | None,
    ladder: Ladder,
    level: Level,
    at_ms: int,
    value: float,
    *,
    good: bool,
    replaced: Ladder | None,
) -> Timer | None:
    """The run of samples past the level's `clear` after this one.

    An uncertain sample breaks the run if it is not past, and neither begins nor completes one if it is.
    """
    rung = ladder.rung(level)
    if rung is not None and not ladder.past(rung, value):
        return None
    if running is not None or not good:
        return running
    before = replaced.rung(level) if replaced is not None else None
    by_limits = replaced is not None and before is not None and not replaced.past(before, value)
    return Timer(at_ms, by_limits=by_limits)


def _highest_not_past(ladder: Ladder, below: Level, value: float) -> Level:
    standing = (rung.level for rung in ladder.rungs if rung.level < below and not ladder.past(rung, value))
    return max(standing, default=Level.NORMAL)
