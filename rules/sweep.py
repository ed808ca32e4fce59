"""One rule for one subject over a long series: arrays find what may matter, the ladder's judgement decides.

While nothing holds, only a reading that may hold can begin anything. While something runs, nothing changes
between readings that stand alike to every limit, until a timer runs out; that instant is known beforehand.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property

import msgspec
import numpy as np

from rules.bounds import Bounds, Ground, bounds_of
from rules.fact import View
from rules.ladder import Ladder, LadderState, Rung, judge
from rules.measure import AnyMeasure
from rules.record import Mark, Record
from rules.rulebook import Rulebook, Watch, season_key
from rules.seasons import Hours
from rules.series import Bools, Ints, Series
from rules.subject import facts_at, transition_of
from rules.transition import Level, Transition
from transport.measurement import from_ms, to_ms

_HOUR_MS = 3_600_000
_LEVELS = (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
_NOWHERE: Ints = np.zeros(0, dtype=np.int64)


class Calendar:
    """The seasons of a rulebook over a stretch of time."""

    def __init__(self, rulebook: Rulebook, first_ms: int, last_ms: int) -> None:
        edges = sorted(each for each in _edges(rulebook, first_ms, last_ms) if first_ms < each <= last_ms)
        self.edges_ms = [first_ms]
        self.held = [rulebook.seasons_at(first_ms)]
        for edge_ms in edges:
            held = rulebook.seasons_at(edge_ms)
            if held != self.held[-1]:
                self.edges_ms.append(edge_ms)
                self.held.append(held)


def _edges(rulebook: Rulebook, first_ms: int, last_ms: int) -> Iterator[int]:
    """Instants between which the seasons that hold cannot change."""
    if not rulebook.seasons:
        return
    zone = rulebook.timezone
    times = {(0, 0)}
    for each in rulebook.seasons.values():
        times |= {each.begin, each.end} if isinstance(each, Hours) else set()
    day, last = from_ms(first_ms).astimezone(zone).date(), from_ms(last_ms).astimezone(zone).date()
    while day <= last:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        yield from (to_ms(midnight.replace(hour=hour, minute=minute)) for hour, minute in times)
        day += timedelta(days=1)
        following = datetime(day.year, day.month, day.day, tzinfo=zone)
        if following.utcoffset() != midnight.utcoffset():  # clocks are set: at some full hour
            yield from range(to_ms(midnight), to_ms(following), _HOUR_MS)


def sweep(
    watch: Watch, rulebook: Rulebook, series: Mapping[str, Series], calendar: Calendar
) -> Iterator[Transition]:
    """Every change of one rule for one subject, as if each reading had come in time."""
    own = series.get(watch.subject)
    if own is not None:
        yield from _Sweep(watch, rulebook, own, series, calendar).transitions()


class _Stretch:
    """Readings under one ladder: positions from ``first`` until before ``last``."""

    def __init__(self, first: int, last: int, ladder: Ladder) -> None:
        self.first = first
        self.last = last
        self.ladder = ladder


class _Marks:
    """By level, the positions at which its rung surely does what changes a state; what is not sure turns."""

    def __init__(self, count: int, turning: Bools) -> None:
        self._turning = turning
        self.holding: dict[Level, Ints] = dict.fromkeys(_LEVELS, _NOWHERE)
        self.resetting: dict[Level, Ints] = dict.fromkeys(_LEVELS, _NOWHERE)  # past `clear`, and good
        self.standing: dict[Level, Ints] = dict.fromkeys(_LEVELS, _NOWHERE)  # not past `clear`
        self._absent: dict[Level, Ints] = dict.fromkeys(_LEVELS, _NOWHERE)
        self._count = count

    @cached_property
    def turns(self) -> Ints:
        """Positions that must be judged whatever the state."""
        return np.flatnonzero(self._turning)

    def add(self, level: Level, stretch: _Stretch, rung: Rung | None, found: Bounds | None) -> None:
        """Note how the readings of a stretch stand to one level."""
        part = slice(stretch.first, stretch.last)
        if rung is None or found is None:  # a level that the ladder no longer has: any reading may end it
            self._note(self.resetting, level, stretch, np.ones(stretch.last - stretch.first, dtype=bool))
            return
        present, low, high = found.present[part], found.low[part], found.high[part]
        rising = stretch.ladder.rising
        holds, past = (
            (low >= rung.limit, high < rung.clear) if rising else (high <= rung.limit, low > rung.clear)
        )
        if found.low is not found.high:  # else all is known
            short = high < rung.limit if rising else low > rung.limit
            stands = low >= rung.clear if rising else high <= rung.clear
            known = (holds | short) & (past | stands) & np.isfinite(low) & np.isfinite(high)
            self._turning[part] |= present & ~known
        resets, stands = past & found.clears[part], ~past
        if not present.all():
            holds, resets, stands = holds & present, resets & present, stands & present
            self._note(self._absent, level, stretch, ~present)
        self._note(self.holding, level, stretch, holds)
        self._note(self.resetting, level, stretch, resets)
        self._note(self.standing, level, stretch, stands)  # where it is not sure, all are asked

    @staticmethod
    def _note(of: dict[Level, Ints], level: Level, stretch: _Stretch, where: Bools) -> None:
        found = np.flatnonzero(where)
        of[level] = np.concatenate((of[level], found + stretch.first)) if stretch.first else found

    def count(self, level: Level, first: int, last: int) -> int:
        """At how many of these positions the level is judged."""
        absent = self._absent[level]
        return last - first - int(absent.searchsorted(last) - absent.searchsorted(first))


def _following(positions: Ints, first: int, before: int) -> int:
    """The first of some positions from ``first`` on, if it lies before another, else that."""
    if first >= before:
        return before
    found = positions.searchsorted(first)
    return min(int(positions[found]), before) if found < len(positions) else before


class _Sweep:
    def __init__(
        self,
        watch: Watch,
        rulebook: Rulebook,
        own: Series,
        others: Mapping[str, Series],
        calendar: Calendar,
    ) -> None:
        self._watch = watch
        self._zone = rulebook.timezone
        rungs = [rung for ladder in watch.ladders.values() for rung in ladder.rungs]
        self._limits = frozenset(limit for rung in rungs for limit in (rung.limit, rung.clear))
        self._gap_ms = watch.stale_after_ms + watch.period_ms
        self._series = own
        self._others = others
        self._bounds: dict[tuple[AnyMeasure, bool], Bounds] = {}
        rows = own.samples
        if watch.every_reading:
            rows = np.flatnonzero((own.marks <= Mark.CARRIED) | (own.marks == Mark.BAD))
        self._rows: Ints = rows.astype(np.int64)
        self._stretches = list(self._stretch(calendar))
        self._keep_judged()
        self._at_ms = own.at_ms[self._rows]

    def _stretch(self, calendar: Calendar) -> Iterator[_Stretch]:
        """Where which ladder is in force; see :func:`rules.subject.ladder_at`."""
        watch, count = self._watch, len(self._rows)
        if not watch.seasons:
            yield _Stretch(0, count, watch.ladders[""])
            return
        about_ms = self._series.at_ms[self._rows]
        if watch.by_clock:
            before = np.searchsorted(self._series.samples, self._rows) - 1
            sampled_ms = self._series.sampled_ms
            about_ms = np.where(before >= 0, sampled_ms[np.maximum(before, 0)], about_ms)
        first = 0
        for position, held in enumerate(calendar.held):
            last = count
            if position + 1 < len(calendar.edges_ms):
                last = int(np.searchsorted(about_ms, calendar.edges_ms[position + 1]))
            ladder = watch.ladders[season_key(held & watch.seasons)]
            if last > first:
                yield _Stretch(first, last, ladder)
                first = last

    def _bounds_of(self, measure: AnyMeasure, *, rising: bool) -> Bounds:
        key = (measure, rising)
        if key not in self._bounds:
            ground = Ground(
                series=self._series,
                rows=self._rows,
                others=self._others,
                zone=self._zone,
                rising=rising,
                limits=self._limits,
            )
            self._bounds[key] = bounds_of(measure, ground)
        return self._bounds[key]

    def _keep_judged(self) -> None:
        """Leave out the readings at which no level has anything to judge: they are as if not there."""
        judged = np.zeros(len(self._rows), dtype=bool)
        for each in self._stretches:
            part = slice(each.first, each.last)
            judged[part] |= not each.ladder.rungs
            for measure in dict.fromkeys(rung.measure for rung in each.ladder.rungs):
                judged[part] |= self._bounds_of(measure, rising=each.ladder.rising).present[part]
        if judged.all():
            return
        kept = np.concatenate(([0], np.cumsum(judged)))
        for each in self._stretches:
            each.first, each.last = int(kept[each.first]), int(kept[each.last])
        self._rows = self._rows[judged]
        self._bounds = {
            key: Bounds(
                present=found.present[judged],
                low=found.low[judged],
                high=found.high[judged],
                clears=found.clears[judged],
            )
            for key, found in self._bounds.items()
        }

    @cached_property
    def _holding(self) -> Ints:
        """Positions at which some level may hold."""
        holding = np.zeros(len(self._rows), dtype=bool)
        for each in self._stretches:
            part, rising = slice(each.first, each.last), each.ladder.rising
            nearest: dict[AnyMeasure, float] = {}  # of the rungs that judge the same
            for rung in each.ladder.rungs:
                nearer = min if rising else max
                nearest[rung.measure] = nearer(rung.limit, nearest.get(rung.measure, rung.limit))
            for measure, limit in nearest.items():
                found = self._bounds_of(measure, rising=rising)
                holds = found.high[part] >= limit if rising else found.low[part] <= limit
                holding[part] |= found.present[part] & holds
        return np.flatnonzero(holding)

    @cached_property
    def _marks(self) -> "_Marks":
        turning = np.zeros(len(self._rows), dtype=bool)
        turning[1:] = np.diff(self._at_ms) > self._gap_ms
        marks = _Marks(len(self._rows), turning)
        for each in self._stretches:
            if each.first < each.last:
                turning[each.first] = True
                rungs = {rung.level: rung for rung in each.ladder.rungs}
                for level in _LEVELS:
                    rung = rungs.get(level)
                    found = self._bounds_of(rung.measure, rising=each.ladder.rising) if rung else None
                    marks.add(level, each, rung, found)
        return marks

    def transitions(self) -> Iterator[Transition]:
        watch, state, position = self._watch, LadderState(), 0
        while position < len(self._rows):
            if _is_calm(state):
                following = int(np.searchsorted(self._holding, position))
                if following == len(self._holding):
                    return
                target = int(self._holding[following])
                state, position = self._calm(state, position, target), target
            ladder, view, index = self._ladder(position), *self._view(position)
            facts = facts_at(ladder, view, index)
            if facts and not any(facts):
                position += 1
                continue
            at_ms = view.record.at_ms[index]
            state, change = judge(state, ladder, at_ms, facts, stale_after_ms=self._gap_ms)
            if change is not None:
                yield transition_of(watch, change, view.record, index, ladder)
                position += 1
            elif _is_calm(state):
                position += 1
            else:
                state, position = self._run(state, ladder, position)

    def _calm(self, state: LadderState, position: int, target: int) -> LadderState:
        """The state just before ``target``, with nothing holding on the way; what matters is the ladder."""
        for each in range(target - 1, position - 1, -1):
            ladder = self._ladder(each)
            if not self._watch.seasons or not ladder.rungs or any(facts_at(ladder, *self._view(each))):
                return LadderState(last_ms=int(self._at_ms[each]), ladder=ladder)
        return state

    def _run(self, state: LadderState, ladder: Ladder, position: int) -> tuple[LadderState, int]:
        """Go on to the next position at which anything but a count may change."""
        target = self._next(state, ladder, position)
        passed = target - 1 - position
        if not passed:
            return state, target
        timers = list(state.timers)
        for rung in ladder.rungs:
            timer = timers[rung.level - 1]
            if timer is not None:
                counted = timer.samples + self._marks.count(rung.level, position + 1, target)
                timers[rung.level - 1] = msgspec.structs.replace(timer, samples=counted)
        blue, yellow, orange, red = timers
        last_ms = int(self._at_ms[target - 1])
        return msgspec.structs.replace(state, timers=(blue, yellow, orange, red), last_ms=last_ms), target

    def _next(self, state: LadderState, ladder: Ladder, position: int) -> int:
        """The position behind this one at which something may begin, break, or have run."""
        marks, behind = self._marks, position + 1
        target = _following(marks.turns, behind, len(self._rows))
        for rung in ladder.rungs:
            timer, level = state.timers[rung.level - 1], rung.level
            if timer is None:
                target = _following(marks.holding[level], behind, target)
                continue
            target = _following(marks.resetting[level], behind, target)
            if level > state.level:
                run = int(self._at_ms.searchsorted(timer.since_ms + rung.for_ms))
                counted = position + rung.for_samples - timer.samples
                target = _following(marks.holding[level], max(behind, run, counted), target)
        if state.level and not ladder.latched:
            clearing, ending = state.clearing, marks.resetting[state.level]
            if clearing is None:
                return _following(ending, behind, target)
            target = _following(marks.standing[state.level], behind, target)
            run = int(self._at_ms.searchsorted(clearing.since_ms + ladder.clear_for_ms))
            target = _following(ending, max(behind, run), target)
        return target

    def _ladder(self, position: int) -> Ladder:
        found = bisect_right(self._stretches, position, key=lambda each: each.first) - 1
        while self._stretches[found].last <= position:
            found -= 1
        return self._stretches[found].ladder

    def _view(self, position: int) -> tuple[View, int]:
        """What the measures of the reading at a position look at, and its place in it."""
        row = int(self._rows[position])
        own = self._series
        reach_ms = self._watch.reach_ms
        if not reach_ms:
            return View(own.cut(row, row + 1), {}, self._zone), 0
        before = int(np.searchsorted(own.samples, row)) - 1
        at_ms = int(own.sampled_ms[before] if before >= 0 else own.at_ms[row])
        first = _from(own, at_ms - reach_ms)
        others = {
            name: other.cut(_from(other, at_ms - reach_ms), other.before(int(own.at_ms[row]), included=True))
            for name in self._watch.references
            if (other := self._others.get(name)) is not None
        }
        for name in self._watch.references:
            others.setdefault(name, Record())
        return View(own.cut(first, row + 1), others, self._zone), row - first


def _from(series: Series, at_ms: int) -> int:
    """The row of the last sample at or before an instant, or the first row."""
    found = int(np.searchsorted(series.sampled_ms, at_ms, side="right")) - 1
    return int(series.samples[found]) if found >= 0 else 0


def _is_calm(state: LadderState) -> bool:
    return state.level is Level.NORMAL and not any(state.timers)
