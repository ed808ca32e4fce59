"""One rule for one subject over its record: late readings included, and what of it people are told."""

from bisect import bisect_right

import msgspec

from rules.fact import Fact, View
from rules.ladder import Change, Facts, Ladder, judge
from rules.record import Mark, Record
from rules.rulebook import Rulebook, Watch, season_key
from rules.state import BEGINNING_MS, CatchUp, Checkpoint, WatchState
from rules.telling import told_of
from rules.transition import Cause, Transition

KEEP_SAMPLES = 1024  # so far back, at least, late readings are judged anew
QUIET_MS = 30_000  # after so much event time without a late reading the catching up is over
_CHECKPOINT_EVERY = 32


def take(
    watch: Watch,
    rulebook: Rulebook,
    state: WatchState,
    view: View,
    *,
    changed_ms: int,
    late: bool,
    now_ms: int,
) -> list[Transition]:
    """Judge a record that has changed from ``changed_ms`` on; return what is to be announced now.

    The alarm's history comes out as if every reading had come in time. What an evaluation finds at a sample
    that is in time is announced at once. What it finds at a late one waits until the catching up is over:
    see :func:`settle`.
    """
    base_ms, found = _judge_from(watch, rulebook, state, view, changed_ms)
    if late:
        first_ms = min(changed_ms, state.catching_up.first_ms) if state.catching_up else changed_ms
        state.catching_up = CatchUp(first_ms, now_ms)
    state.pending = [each for each in state.pending if each.at_ms <= base_ms]  # the others are found again
    said = set(state.said)
    in_time: list[Transition] = []
    for each in found:
        if (each.at_ms, each.to) not in said:
            (in_time if now_ms - each.at_ms <= watch.allowance_ms else state.pending).append(each)
    announced: list[Transition] = []
    if in_time:
        if state.pending and in_time[0].to is state.told:  # back where people believe it has been all along
            state.pending.append(in_time.pop(0))
        announced = [_past(each) for each in state.pending] + in_time
        state.pending = []
        _note(state, announced)
    announced += settle(watch, state, view, now_ms)
    return announced


def settle(watch: Watch, state: WatchState, view: View, now_ms: int) -> list[Transition]:
    """What is to be announced because a catching up is over, if it is.

    It is over when no late reading has come for a while, or when the newest reading is in time and no gap is
    left. Then people are told the level that stands, if they believe another; the rest is history.
    """
    catching_up, record = state.catching_up, view.record
    if catching_up is not None:
        newest = record.newest_sample()
        in_time = newest is not None and now_ms - record.at_ms[newest] <= watch.allowance_ms
        whole = in_time and record.longest_gap_ms(catching_up.first_ms) <= watch.stale_after_ms
        if not whole and now_ms - catching_up.heard_ms < QUIET_MS:
            return []
        state.catching_up = None
    announced: list[Transition] = []
    if state.pending:
        announced = [_past(each) for each in state.pending]
        last = state.pending[-1]
        if last.to is state.head.level and last.to is not state.told and last.at_ms >= state.told_ms:
            announced[-1] = msgspec.structs.replace(last, cause=_late(last.cause))
        state.pending = []
        _note(state, announced)
    if state.told is not state.head.level:
        correction = _correction(watch, state, view)
        _note(state, [correction])
        announced.append(correction)
    return announced


def _judge_from(
    watch: Watch, rulebook: Rulebook, state: WatchState, view: View, changed_ms: int
) -> tuple[int, list[Transition]]:
    """Judge every sample from the last checkpoint before ``changed_ms`` on.

    Return the instant of that checkpoint and every change found after it.
    """
    base = Checkpoint(state.head.last_ms or BEGINNING_MS, state.head)
    if changed_ms <= base.at_ms:
        while len(state.checkpoints) > 1 and state.checkpoints[-1].at_ms >= changed_ms:
            state.checkpoints.pop()
        base = state.checkpoints[-1]
    head, record = base.state, view.record
    start = bisect_right(record.at_ms, base.at_ms)
    gap_ms = watch.stale_after_ms + watch.period_ms
    found = []
    for index in range(start, len(record.at_ms)):
        mark, at_ms = record.marks[index], record.at_ms[index]
        if not (mark.is_sample or (watch.every_reading and mark is Mark.BAD)):
            continue
        ladder = ladder_at(watch, rulebook, record, index)
        facts = facts_at(ladder, view, index)
        if facts and not any(facts):
            continue
        head, change = judge(head, ladder, at_ms, facts, stale_after_ms=gap_ms)
        if change is not None:
            found.append(transition_of(watch, change, view.record, index, ladder))
        if index % _CHECKPOINT_EVERY == 0:
            state.checkpoints.append(Checkpoint(at_ms, head))
    state.head = head
    return base.at_ms, found


def ladder_at(watch: Watch, rulebook: Rulebook, record: Record, index: int) -> Ladder:
    """The ladder in force for what is judged at a reading: of an hour or a day, that of its own time."""
    if not watch.seasons:
        return watch.ladders[""]
    before = record.sample_before(index) if watch.by_clock else None
    about_ms = record.at_ms[index if before is None else before]
    return watch.ladders[season_key(rulebook.seasons_at(about_ms) & watch.seasons)]


def facts_at(ladder: Ladder, view: View, index: int) -> Facts:
    """What each rung is given at a reading; rungs of one measure share one fact."""
    facts: list[Fact | None] = []
    for position, rung in enumerate(ladder.rungs):
        if position and rung.measure is ladder.rungs[position - 1].measure:
            facts.append(facts[-1])
        else:
            facts.append(rung.measure.read(view, index, rising=ladder.rising))
    return facts


def forget(state: WatchState, before_ms: int) -> None:
    """Let go of what late readings can no longer change: all before the last checkpoint by ``before_ms``."""
    kept = bisect_right(state.checkpoints, before_ms, key=lambda each: each.at_ms) - 1
    if kept > 0:
        del state.checkpoints[:kept]
        base_ms = state.checkpoints[0].at_ms
        state.said = [each for each in state.said if each[0] > base_ms]


def adopt(state: WatchState) -> None:
    """Go on under changed rules: what has been judged stays judged."""
    if state.head.last_ms is not None:
        state.checkpoints = [Checkpoint(state.head.last_ms, state.head)]


def transition_of(watch: Watch, change: Change, record: Record, index: int, ladder: Ladder) -> Transition:
    """What is to be said of a change at the reading at ``index``."""
    at_ms = record.at_ms[index]
    told = told_of(ladder, change.before, change.to, change.value, record.values[index] + watch.zero)
    return Transition(
        at_ms=at_ms,
        rule=watch.rule,
        subject=watch.subject,
        site=watch.site,
        hazard=watch.hazard,
        before=change.before,
        to=change.to,
        value=change.value,
        limit=change.limit,
        cleared=told.cleared,
        measured=told.measured,
        over_ms=told.over_ms,
        reading=told.reading,
        unit=watch.unit,
        onset_ms=change.onset_ms,
        sampled_ms=at_ms,
        cause=Cause.LIMITS if change.by_limits else Cause.SAMPLE,
        uncertain=change.uncertain,
    )


def _correction(watch: Watch, state: WatchState, view: View) -> Transition:
    """The level judged at the newest sample, where people believe another.

    If late readings have left nothing to judge, it is dated as what people believe.
    """
    head = state.head
    judged_ms = head.last_ms if head.last_ms is not None else state.told_ms
    index = bisect_right(view.record.at_ms, judged_ms) - 1
    shown = max(head.level, state.told)
    rung = head.ladder.rung(shown) if head.ladder is not None else None
    fact = None
    if rung is not None and head.ladder is not None:
        fact = rung.measure.read(view, index, rising=head.ladder.rising)
    value = fact.value if fact is not None else None
    told = told_of(head.ladder, state.told, head.level, value, view.record.values[index] + watch.zero)
    timer = head.timers[head.level - 1] if head.level else None
    at_ms = max(judged_ms, state.told_ms)
    while (at_ms, head.level) in state.said:
        at_ms += 1  # said of this instant, then taken back: it needs a name of its own
    return Transition(
        at_ms=at_ms,
        rule=watch.rule,
        subject=watch.subject,
        site=watch.site,
        hazard=watch.hazard,
        before=state.told,
        to=head.level,
        value=value,
        limit=rung.limit if rung is not None else None,
        cleared=told.cleared,
        measured=told.measured,
        over_ms=told.over_ms,
        reading=told.reading,
        unit=watch.unit,
        onset_ms=timer.since_ms if timer is not None else None,
        sampled_ms=head.last_ms,
        cause=Cause.LATE,
    )


def _past(transition: Transition) -> Transition:
    return msgspec.structs.replace(transition, cause=_late(transition.cause), superseded=True)


def _late(cause: Cause) -> Cause:
    return Cause.LATE if cause is Cause.SAMPLE else cause


def _note(state: WatchState, announced: list[Transition]) -> None:
    for each in announced:
        state.said.append((each.at_ms, each.to))
        if not each.superseded and each.at_ms >= state.told_ms:
            state.told, state.told_ms = each.to, each.at_ms
