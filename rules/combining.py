"""Alarms about alarms: judged by what has been announced, at the instant of the announcement."""

from collections.abc import Iterator, Mapping

import msgspec

from rules.state import CombinationState
from rules.transition import Cause, Level, Transition


class Holds(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Enough of these alarms stand at a level, or stood so lately."""

    alarms: tuple[str, ...]  # keys
    level: Level
    count: int
    within_ms: int


class All(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All of these hold."""

    each: "tuple[Holds | All | Any | Not, ...]"


class Any(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Any of these holds."""

    each: "tuple[Holds | All | Any | Not, ...]"


class Not(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """This does not hold."""

    condition: "Holds | All | Any | Not"


Condition = Holds | All | Any | Not


class Combination(msgspec.Struct, frozen=True, kw_only=True):
    """One rule about other rules for one site or area."""

    rule: str
    hazard: str
    subject: str
    site: str  # where it is told: the first of the sites whose alarms it judges
    conditions: tuple[tuple[Level, Condition], ...]  # ascending

    @property
    def inputs(self) -> frozenset[str]:
        """Keys of the alarms that it judges."""
        return frozenset(alarm for _, condition in self.conditions for alarm in _alarms(condition))

    @property
    def within_ms(self) -> frozenset[int]:
        """How long alarms count after they have fallen."""
        return frozenset(each for _, condition in self.conditions for each in _within(condition))


def combine(
    combination: Combination, state: CombinationState, alarm: str, change: Transition
) -> Iterator[Transition]:
    """Note that an alarm of its inputs has changed its level."""
    yield from expire(combination, state, change.at_ms)
    before = state.levels.get(alarm, Level.NORMAL)
    for level in range(change.to + 1, before + 1):
        state.fallen_ms.setdefault(alarm, {})[Level(level)] = change.at_ms
    state.levels[alarm] = change.to
    yield from _judge(combination, state, change.at_ms, change.cause)


def expire(combination: Combination, state: CombinationState, now_ms: int) -> Iterator[Transition]:
    """Judge at each instant up to now at which an alarm that has fallen ceases to count."""
    lapses = {
        fallen_ms + within_ms + 1
        for by_level in state.fallen_ms.values()
        for fallen_ms in by_level.values()
        for within_ms in combination.within_ms
    }
    for at_ms in sorted(each for each in lapses if state.judged_ms < each <= now_ms):
        yield from _judge(combination, state, at_ms, Cause.SAMPLE)


def _judge(
    combination: Combination, state: CombinationState, at_ms: int, cause: Cause
) -> Iterator[Transition]:
    at_ms = state.judged_ms = max(at_ms, state.judged_ms)
    holding = [level for level, condition in combination.conditions if _holds(condition, state, at_ms)]
    to = max(holding, default=Level.NORMAL)
    if to is not state.level:
        before, state.level = state.level, to
        yield Transition(
            at_ms=at_ms,
            rule=combination.rule,
            subject=combination.subject,
            site=combination.site,
            hazard=combination.hazard,
            before=before,
            to=to,
            onset_ms=at_ms,
            sampled_ms=at_ms,
            cause=cause,
        )


def _holds(condition: Condition, state: CombinationState, at_ms: int) -> bool:
    match condition:
        case All():
            return all(_holds(each, state, at_ms) for each in condition.each)
        case Any():
            return any(_holds(each, state, at_ms) for each in condition.each)
        case Not():
            return not _holds(condition.condition, state, at_ms)
        case Holds():
            counted = sum(_counts(alarm, condition, state, at_ms) for alarm in condition.alarms)
            return counted >= condition.count


def _counts(alarm: str, condition: Holds, state: CombinationState, at_ms: int) -> bool:
    if state.levels.get(alarm, Level.NORMAL) >= condition.level:
        return True
    fallen: Mapping[Level, int] = state.fallen_ms.get(alarm, {})
    return condition.level in fallen and at_ms - fallen[condition.level] <= condition.within_ms > 0


def _alarms(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Holds):
        yield from condition.alarms
    else:
        for each in _parts(condition):
            yield from _alarms(each)


def _within(condition: Condition) -> Iterator[int]:
    if isinstance(condition, Holds):
        yield condition.within_ms
    else:
        for each in _parts(condition):
            yield from _within(each)


def _parts(condition: All | Any | Not) -> tuple[Condition, ...]:
    return (condition.condition,) if isinstance(condition, Not) else condition.each
