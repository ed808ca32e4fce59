"""The plain engine: one sample at a time, without numpy; what every other engine must agree with.

State, a batch and the time in; transitions out. It touches no clock, file or network.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from rules.announcing import Announcer, key_of
from rules.fact import View
from rules.record import Record, mark_of
from rules.rulebook import Rulebook, Watch
from rules.silence import hear, judge_silence, note_fault, orphan
from rules.state import Announced, CombinationState, EngineState, SilenceState, WatchState
from rules.subject import KEEP_SAMPLES, adopt, forget, settle, take
from rules.transition import Level, Transition
from transport.batch import Batch, Sample

EQUIPMENT = "equipment"


class Engine:
    """Judges batches and clock ticks one after the other; the same order, the same transitions."""

    def __init__(self, rulebook: Rulebook, state: EngineState | None = None) -> None:
        self.rulebook = rulebook
        self.state = state if state is not None else EngineState()
        self.samples = 0  # judged or kept since this engine was made
        self.late = 0  # batches that brought a subject readings beyond their allowance
        self._by_point: defaultdict[str, list[Watch]] = defaultdict(list)
        self._by_device: defaultdict[str, list[str]] = defaultdict(list)
        for watch in rulebook.watches:
            for subject in (watch.subject, *watch.references):
                if subject not in self._by_point:
                    self._by_device[subject.partition(":")[0]].append(subject)
                self._by_point[subject].append(watch)
                self.state.records.setdefault(subject, Record())
        self._silences = {key_of(watch.rule, watch.device): watch for watch in rulebook.silences}
        self._silences_of: defaultdict[str, list[str]] = defaultdict(list)
        for key, silence in self._silences.items():
            self._silences_of[silence.device].append(key)
            self.state.silences.setdefault(key, SilenceState())
        self._announcer = Announcer(rulebook, self.state)
        self._catching_up = {
            key.partition("|")[2]
            for key, watched in self.state.watches.items()
            if watched.catching_up is not None
        }

    def adopt(self, before: Rulebook, now_ms: int) -> list[Announced]:
        """Take over the state that another rulebook left; alarms that no rule watches any more end.

        What is judged as before goes on untouched. What changes because limits did says so, at the first
        sample that shows it.
        """
        state = self.state
        as_before = {key_of(watch.rule, watch.subject): watch for watch in before.watches}
        watched = {key_of(watch.rule, watch.subject): watch for watch in self.rulebook.watches}
        ended = []
        for key in [each for each in state.watches if each not in watched]:
            left = state.watches.pop(key)
            ended += [orphan(left.standing.transition, now_ms)] if left.told and left.standing else []
        for key, watch in watched.items():
            if key not in as_before:
                state.watches.setdefault(key, WatchState())
            elif as_before[key] != watch or before.seasons != self.rulebook.seasons:
                adopt(self._state_of(watch))
        others = ((state.silences, self._silences), (state.combinations, self._announcer.combinations))
        for states, known in others:
            for key in [each for each in states if each not in known]:
                gone = states.pop(key)
                ended += [orphan(gone.standing.transition, now_ms)] if gone.level and gone.standing else []
        for subject in [each for each in state.records if each not in self._by_point]:
            del state.records[subject]
        return self._announcer.number(ended)

    def hear(self, now_ms: int) -> None:
        """From now on the engine hears the broker; the time before counts as nobody's silence."""
        self.state.hearing_since_ms = now_ms

    def take(self, batch: Batch, now_ms: int) -> list[Announced]:
        """Judge a batch that came at event time ``now_ms``."""
        return self.judge(batch.samples(), batch.good_until_ms, now_ms)

    def judge(
        self, samples: Iterable[Sample], good_until_ms: Mapping[str, int], now_ms: int
    ) -> list[Announced]:
        """Judge samples, and suppressed polls by device, that came at event time ``now_ms``."""
        changed: dict[str, list[int]] = defaultdict(list)  # subject to the instants that are new
        heard: defaultdict[str, list[tuple[int, str | None]]] = defaultdict(list)
        for sample in samples:
            mark = mark_of(sample.quality, ahead_ms=sample.at_ms - now_ms)
            if mark.is_sample:
                heard[sample.device].append((sample.at_ms, sample.point))
            else:
                for key in self._silences_of.get(sample.device, ()):
                    note_fault(self.state.silences[key], sample)
            subject = f"{sample.device}:{sample.point}"
            record = self.state.records.get(subject)
            if record is not None and record.put(sample.at_ms, sample.value, mark):
                self._note(subject, record, sample.at_ms, changed, now_ms)
        for device, at_ms in good_until_ms.items():
            heard[device] += self._carry(device, at_ms, changed, now_ms)
        news: list[Transition] = []
        for subject, instants_ms in changed.items():
            self._wake(subject, instants_ms)
        for subject, instants_ms in changed.items():
            news += self._judge(subject, instants_ms, now_ms)
            self._rest(subject)
        news += self._settle(now_ms, but=changed)
        news += self._hear(heard, now_ms)
        return self._announcer.number(news)

    def tick(self, now_ms: int) -> list[Announced]:
        """Judge what the mere passing of time changes: silence, and the end of a catching up."""
        announced = self._announcer.number([*self._settle(now_ms, but=()), *self._announcer.expire(now_ms)])
        if self.state.hearing_since_ms is None:
            return announced
        alarms = self._alarmed_sites()
        news = []
        for key, watch in self._silences.items():
            news += judge_silence(
                watch,
                self.state.silences[key],
                self.state.records,
                alarmed_sites=alarms,
                hearing_since_ms=self.state.hearing_since_ms,
                now_ms=now_ms,
            )
        return announced + self._announcer.number(news)

    def is_any_silent(self) -> bool:
        """Whether the silence of some device stands."""
        return any(state.level for state in self.state.silences.values())

    def latest(self) -> Iterator[Announced]:
        """What people were told last of every alarm that there has been."""
        alarms: list[WatchState | SilenceState | CombinationState] = [
            *self.state.watches.values(),
            *self.state.silences.values(),
            *self.state.combinations.values(),
        ]
        for alarm in alarms:
            if alarm.standing is not None:
                yield alarm.standing

    def _judge(self, subject: str, instants_ms: Sequence[int], now_ms: int) -> Iterator[Transition]:
        watches = self._by_point[subject]
        earliest_ms = min(instants_ms)
        self.samples += len(instants_ms)
        self.late += any(now_ms - earliest_ms > watch.allowance_ms for watch in watches)
        for watch in watches:
            state = self._state_of(watch)
            late = now_ms - earliest_ms > watch.allowance_ms
            view = self._view(watch)
            yield from take(
                watch, self.rulebook, state, view, changed_ms=earliest_ms, late=late, now_ms=now_ms
            )
        self._note_catching_up(subject)
        record = self.state.records[subject]
        if len(record.at_ms) > 2 * KEEP_SAMPLES:
            self._forget(subject, record)

    def _state_of(self, watch: Watch) -> WatchState:
        """What is remembered of one rule for one subject; made when it is first judged."""
        key = key_of(watch.rule, watch.subject)
        state = self.state.watches.get(key)
        if state is None:
            state = self.state.watches[key] = WatchState()
        return state

    def _watch_of(self, key: str) -> Watch | None:
        rule, _, subject = key.partition("|")
        return next((each for each in self._by_point.get(subject, ()) if each.rule == rule), None)

    def _note(
        self, subject: str, record: Record, at_ms: int, changed: dict[str, list[int]], now_ms: int
    ) -> None:
        """Note a new reading of a record as one to be judged, unless it can be passed over."""
        newest = record.at_ms[-1] == at_ms and subject not in changed
        if not (newest and self._passes_over(subject, record, now_ms)):
            changed[subject].append(at_ms)

    def _passes_over(self, subject: str, record: Record, now_ms: int) -> bool:
        """Whether the newest reading of a record changes no level: see :class:`rules.calm.CalmEngine`."""
        del subject, record, now_ms
        return False

    def _wake(self, subject: str, new_ms: Sequence[int]) -> None:
        """Readings of a subject are about to be judged."""
        del subject, new_ms

    def _rest(self, subject: str) -> None:
        """Readings of a subject have been judged."""
        del subject

    def make_up(self) -> None:
        """Bring the state of everything that was passed over up to date, for others to read."""

    def _view(self, watch: Watch) -> View:
        records = self.state.records
        return View(records[watch.subject], records, self.rulebook.timezone)

    def _forget(self, subject: str, record: Record) -> None:
        cut_ms = record.at_ms[-KEEP_SAMPLES]
        needed_ms = cut_ms
        for watch in self._by_point[subject]:
            state = self._state_of(watch)
            if watch.subject == subject:
                forget(state, cut_ms)
            base_ms = max(state.checkpoints[0].at_ms, record.at_ms[0])
            needed_ms = min(needed_ms, base_ms - watch.reach_ms)
        record.drop_before(needed_ms)

    def _carry(
        self, device: str, at_ms: int, changed: dict[str, list[int]], now_ms: int
    ) -> Iterator[tuple[int, str | None]]:
        """Take a suppressed poll of a device; return the signs of life that it is."""
        subjects = self._by_device.get(device)
        if subjects is None:
            yield at_ms, None
        for subject in subjects or ():
            record = self.state.records[subject]
            if record.carry(at_ms):
                self._note(subject, record, at_ms, changed, now_ms)
            if record.is_sample_at(at_ms):
                yield at_ms, subject.partition(":")[2]

    def _settle(self, now_ms: int, *, but: Collection[str]) -> Iterator[Transition]:
        for subject in sorted(self._catching_up.difference(but)):
            for watch in self._by_point[subject]:
                state = self._state_of(watch)
                yield from settle(watch, state, self._view(watch), now_ms)
            self._note_catching_up(subject)
            self._rest(subject)

    def _note_catching_up(self, subject: str) -> None:
        states = (self._state_of(watch) for watch in self._by_point[subject])
        if any(state.catching_up is not None for state in states):
            self._catching_up.add(subject)
        else:
            self._catching_up.discard(subject)

    def _hear(self, heard: dict[str, list[tuple[int, str | None]]], now_ms: int) -> Iterator[Transition]:
        for device, signs in heard.items():
            in_order = sorted(signs, key=lambda each: each[0])
            for key in self._silences_of.get(device, ()):
                watch, state = self._silences[key], self.state.silences[key]
                yield from hear(watch, state, in_order, self.state.records, now_ms)

    def _alarmed_sites(self) -> dict[str, int]:
        """Sites with an active alarm that is not of equipment, and since when the newest of them stands."""
        alarmed: dict[str, int] = {}
        for key, state in self.state.watches.items():
            if state.told is not Level.NORMAL:
                watch = self._watch_of(key)
                if watch is not None and watch.hazard != EQUIPMENT:
                    alarmed[watch.site] = max(state.told_ms, alarmed.get(watch.site, 0))
        return alarmed
