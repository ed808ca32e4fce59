"""What a rulebook would have said of readings of the past, as if each had come in time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple, Protocol

from rules.absence import Absence
from rules.announcing import Announcer, key_of
from rules.fact import View
from rules.plain import EQUIPMENT
from rules.rulebook import Rulebook, Watch
from rules.series import Records, Series, series_of
from rules.state import BEGINNING_MS, Announced, EngineState, WatchState
from rules.subject import facts_at, ladder_at
from rules.sweep import Calendar, sweep
from rules.transition import Level, Transition
from transport.batch import Sample


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
    return backtest_series(rulebook, series_of(samples))


def backtest_series(rulebook: Rulebook, series: Mapping[str, Series]) -> list[Transition]:
    """Every transition that the readings of whole series would have led to."""
    spans = [(int(each.at_ms[0]), int(each.at_ms[-1])) for each in series.values() if len(each.at_ms)]
    if not spans:
        return []
    first_ms, last_ms = min(first for first, _ in spans), max(last for _, last in spans)
    found = _Replay(rulebook, series, first_ms, last_ms).run()
    return sorted((each.transition for each in found), key=lambda each: each.at_ms)


class _Replay:
    """Ladders are judged each by itself; then what rests on several runs over the instants that matter."""

    def __init__(self, rulebook: Rulebook, series: Mapping[str, Series], first_ms: int, last_ms: int) -> None:
        self._last_ms = last_ms
        self._changes: defaultdict[int, list[Transition]] = defaultdict(list)  # by instant
        calendar = Calendar(rulebook, first_ms, last_ms)
        state = EngineState()
        for watch in rulebook.watches:
            for each in sweep(watch, rulebook, series, calendar):
                self._changes[each.at_ms].append(each)
                state.watches.setdefault(key_of(watch.rule, watch.subject), WatchState())
        present = {name.partition(":")[0] for name in series}
        self._absences = [
            Absence(watch, series, first_ms) for watch in rulebook.silences if watch.device in present
        ]
        state.silences = {key_of(each.watch.rule, each.watch.device): each.state for each in self._absences}
        self._due: defaultdict[int, list[int]] = defaultdict(list)
        for number, absence in enumerate(self._absences):
            for at_ms in absence.due_ms:
                self._due[at_ms].append(number)
        self._next_ms: dict[int, int] = {}  # by absence: when it must be heard
        self._stops = [*self._changes, *self._due]
        heapify(self._stops)
        for number in range(len(self._absences)):
            self._go_on(number, first_ms)
        self._alarmed: defaultdict[str, dict[str, int]] = defaultdict(dict)  # by site: alarms, since when
        self._announcer = Announcer(rulebook, state)

    def run(self) -> list[Announced]:
        """Every announcement, in order."""
        found: list[Announced] = []
        judged_ms = BEGINNING_MS
        while self._stops and self._stops[0] <= self._last_ms:
            now_ms = heappop(self._stops)
            if now_ms != judged_ms:
                found += self._step(now_ms)
            judged_ms = now_ms
        return found + self._announcer.number(self._announcer.expire(self._last_ms))

    def _step(self, now_ms: int) -> list[Announced]:
        """Judge an instant: first what is missed by then, then what is taken, then who is blind by that."""
        announced = self._announcer.number(self._announcer.expire(now_ms))
        due = self._due.get(now_ms, [])
        for number in due:
            self._absences[number].catch_up(now_ms)
            announced += self._announcer.number(self._absences[number].judge(self._since_ms(), now_ms))
        heard = {*due, *(number for number, at_ms in self._next_ms.items() if at_ms == now_ms)}
        changes = self._changes.get(now_ms, [])
        news = list(changes)
        for number in sorted(heard):
            news += self._absences[number].hear(now_ms)
        announced += self._announcer.number(news)
        if changes:
            self._note(changes)
            for absence in self._absences:
                if absence.state.level:
                    absence.catch_up(now_ms + 1)
                    announced += self._announcer.number(absence.judge(self._since_ms(), now_ms))
        for number in heard:
            self._go_on(number, now_ms + 1)
        return announced

    def _go_on(self, number: int, at_ms: int) -> None:
        next_ms = self._absences[number].next_ms(at_ms)
        if next_ms is None:
            self._next_ms.pop(number, None)
        else:
            self._next_ms[number] = next_ms
            heappush(self._stops, next_ms)

    def _note(self, changes: Sequence[Transition]) -> None:
        for each in changes:
            if each.hazard != EQUIPMENT:
                alarms, key = self._alarmed[each.site], key_of(each.rule, each.subject)
                if each.to:
                    alarms[key] = each.at_ms
                else:
                    alarms.pop(key, None)

    def _since_ms(self) -> dict[str, int]:
        """Sites with an active alarm, and since when the newest of them stands."""
        return {site: max(alarms.values()) for site, alarms in self._alarmed.items() if alarms}


class Judged(NamedTuple):
    """What one level of a rule saw of its subject, and where its limit stood."""

    level: Level
    at_ms: list[int]
    values: list[float]
    limits: list[float]


def trace(rulebook: Rulebook, watch: Watch, samples: Sequence[Sample]) -> list[Judged]:
    """What each level of one watch was given at every reading: the series behind its transitions."""
    names = {watch.subject, *watch.references}
    records = Records(series_of(each for each in samples if f"{each.device}:{each.point}" in names))
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
