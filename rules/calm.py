"""The engine that passes over readings at which nothing can change; of the others it thinks as the plain one.

A subject is calm while no level of any rule for it stands or is on its way. Then a good reading in time that
reaches no limit changes nothing but the record, however many rules watch it: one comparison answers for all.
What rules remember of a calm stretch is made up for when something ends it.
"""

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from typing_extensions import override

from rules.announcing import key_of
from rules.ladder import LadderState
from rules.measure import Value
from rules.plain import Engine
from rules.record import Mark, Record
from rules.rulebook import Rulebook, Watch
from rules.state import Announced, Checkpoint, EngineState, WatchState
from rules.subject import KEEP_SAMPLES, ladder_at
from rules.transition import Level

_CHECKPOINT_EVERY = 256  # of the samples passed over: so many are judged again for a late one


class _Band(NamedTuple):
    """Values between which no level of any rule for a subject holds, in any season."""

    low: float
    high: float
    zero: float
    allowance_ms: int


class CalmEngine(Engine):
    """Says what :class:`rules.plain.Engine` says, of the same readings in the same order."""

    def __init__(self, rulebook: Rulebook, state: EngineState | None = None) -> None:
        super().__init__(rulebook, state)
        self._calm: dict[str, _Band] = {}
        self._bands: dict[str, _Band] = {}
        made: dict[tuple[int, ...], _Band | None] = {}  # most subjects are watched like others
        for subject, watches in self._by_point.items():
            key = (*(id(each.ladders) for each in watches), *(each.allowance_ms for each in watches))
            if key not in made or any(each.references for each in watches):
                made[key] = _band_of(watches)
            band = made[key]
            if band is not None:
                self._bands[subject] = band
                self._note_calm(subject)

    @override
    def adopt(self, before: Rulebook, now_ms: int) -> list[Announced]:
        ended = super().adopt(before, now_ms)
        self._calm.clear()
        for subject in self._bands:
            self._note_calm(subject)
        return ended

    @override
    def _passes_over(self, subject: str, record: Record, now_ms: int) -> bool:
        band = self._calm.get(subject)
        if band is None:
            return False
        at_ms = record.at_ms[-1]
        good = record.marks[-1] in _GOOD and now_ms - at_ms <= band.allowance_ms
        if good and band.low < record.values[-1] + band.zero < band.high:
            self.samples += 1
            if len(record.at_ms) > 2 * KEEP_SAMPLES:
                self._forget_calm(subject, record)
            return True
        return False

    @override
    def _wake(self, subject: str, new_ms: Iterable[int]) -> None:
        """Make up for what was passed over, before readings that may change something are judged."""
        if self._calm.pop(subject, None) is not None:
            self._make_up(subject, set(new_ms))

    @override
    def _rest(self, subject: str) -> None:
        if subject in self._bands:
            self._note_calm(subject)

    @override
    def make_up(self) -> None:
        for subject in self._calm:
            self._make_up(subject, set())

    def _make_up(self, subject: str, new_ms: set[int]) -> None:
        """Give the rules of a subject the state that they would have had they judged all but what is new."""
        record = self.state.records[subject]
        samples = [
            index
            for index in range(self._begun(subject, record), len(record.at_ms))
            if record.marks[index].is_sample and record.at_ms[index] not in new_ms
        ]
        if not samples:
            return
        for watch in self._by_point[subject]:
            key = key_of(watch.rule, watch.subject)
            state = self.state.watches.get(key)
            if state is None:
                state = self.state.watches[key] = WatchState()
            last_ms = state.head.last_ms
            passed = [each for each in samples if last_ms is None or record.at_ms[each] > last_ms]
            for index in passed[::-_CHECKPOINT_EVERY][::-1]:
                ladder = ladder_at(watch, self.rulebook, record, index)
                state.head = LadderState(last_ms=record.at_ms[index], ladder=ladder)
                state.checkpoints.append(Checkpoint(record.at_ms[index], state.head))

    def _begun(self, subject: str, record: Record) -> int:
        """The position of the first reading that some rule of a subject has passed over."""
        states = [self.state.watches.get(key_of(each.rule, each.subject)) for each in self._by_point[subject]]
        heads = [state.head.last_ms if state is not None else None for state in states]
        known = [each for each in heads if each is not None]
        return record.count_to(min(known)) if len(known) == len(heads) else 0

    def _forget_calm(self, subject: str, record: Record) -> None:
        watches = self._by_point[subject]
        if any(key_of(each.rule, each.subject) in self.state.watches for each in watches):
            self._make_up(subject, set())
            self._forget(subject, record)
        else:
            record.drop_before(record.at_ms[-KEEP_SAMPLES])

    def _note_calm(self, subject: str) -> None:
        """Note whether a subject is calm: each rule has judged what there is, and nothing is on its way."""
        record = self.state.records[subject]
        for watch in self._by_point[subject]:
            state = self.state.watches.get(key_of(watch.rule, watch.subject))
            if state is None:
                continue
            head = state.head
            if head.level or state.told is not Level.NORMAL or any(head.timers) or head.clearing is not None:
                return
            unjudged = head.last_ms is None and bool(record.at_ms)
            if unjudged or state.pending or state.catching_up is not None:
                return
        self._calm[subject] = self._bands[subject]


_GOOD = frozenset({Mark.GOOD, Mark.CARRIED})


def _band_of(watches: Iterable[Watch]) -> _Band | None:
    """The band of a subject's rules; None if one of them judges more than the value."""
    low, high, zero, allowance_ms = -inf, inf, None, 2**62
    for watch in watches:
        if watch.references or watch.every_reading or watch.by_clock:
            return None
        allowance_ms = min(allowance_ms, watch.allowance_ms)
        for ladder in watch.ladders.values():
            for rung in ladder.rungs:
                if not isinstance(rung.measure, Value) or zero not in {None, rung.measure.zero}:
                    return None
                zero = rung.measure.zero
                if ladder.rising:
                    high = min(high, rung.limit)
                else:
                    low = max(low, rung.limit)
    return _Band(low, high, zero or 0.0, allowance_ms)
