"""Silence: a device that is not heard, and blindness: one that is not heard while danger is near."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping

from rules.record import Record
from rules.rulebook import SilenceWatch
from rules.state import BEGINNING_MS, SilenceState
from rules.transition import Cause, Level, Transition
from transport.batch import Sample
from transport.measurement import Quality

_TREND_OVER_MS = 3_600_000


def hear(
    watch: SilenceWatch,
    state: SilenceState,
    heard: list[tuple[int, str | None]],
    records: Mapping[str, Record],
    now_ms: int,
) -> Iterator[Transition]:
    """Note samples of the device, in order; a point of None stands for all that have been heard before.

    The silence is over when it has been heard for `clear_for` without a break, and is heard in time.
    """
    newest_ms = _heard_ms(watch, state)
    for taken_ms, point in heard:
        at_ms = min(taken_ms, now_ms)  # a clock that runs ahead must not hide a silence to come
        before_ms = newest_ms
        for each in [point] if point is not None else list(state.heard_ms):
            state.heard_ms[each] = max(at_ms, state.heard_ms.get(each, at_ms))
        newest_ms = _heard_ms(watch, state)
        if newest_ms is None or newest_ms == before_ms:
            continue
        if before_ms is None or newest_ms - before_ms > watch.stale_after_ms or state.run_since_ms is None:
            state.run_since_ms = newest_ms
        heard_long = newest_ms - state.run_since_ms >= watch.clear_for_ms
        if state.level and heard_long and now_ms - newest_ms <= watch.silent_after_ms:
            yield _transition(watch, state, records, Level.NORMAL, newest_ms)


def note_fault(state: SilenceState, sample: Sample) -> None:
    """Note a bad reading: no sign of life, but what a silence is explained by."""
    known = state.faults.get(sample.point)
    if known is None or sample.at_ms > known[0]:
        state.faults[sample.point] = (sample.at_ms, sample.quality)


def judge_silence(
    watch: SilenceWatch,
    state: SilenceState,
    records: Mapping[str, Record],
    *,
    alarmed_sites: Mapping[str, int],
    hearing_since_ms: int,
    now_ms: int,
) -> list[Transition]:
    """Judge the silence at a clock tick.

    It is dated when it became too long, whenever the tick came, so that a restart finds the same.
    """
    heard_ms = _heard_ms(watch, state)
    heard_or_begun_ms = heard_ms if heard_ms is not None else hearing_since_ms
    too_long_ms = max(heard_or_begun_ms, hearing_since_ms) + watch.silent_after_ms
    alarms = [since_ms for site, since_ms in alarmed_sites.items() if site in watch.related_sites]
    silent = now_ms > too_long_ms
    if not silent:
        return []  # heard again; that it is over is said when it has been heard for long enough
    level = max(watch.level, Level.YELLOW) if alarms else watch.level
    if level is state.level:
        return []
    at_ms = max(too_long_ms, state.changed_ms, *alarms) if level > state.level else now_ms
    return [_transition(watch, state, records, level, at_ms, blind=bool(alarms))]


def orphan(last: Transition, now_ms: int) -> Transition:
    """The end of an alarm that no rule watches any more."""
    return Transition(
        at_ms=max(now_ms, last.at_ms),
        rule=last.rule,
        subject=last.subject,
        site=last.site,
        hazard=last.hazard,
        before=last.to,
        to=Level.NORMAL,
        unit=last.unit,
        sampled_ms=last.sampled_ms,
        cause=Cause.LIMITS,
    )


def _heard_ms(watch: SilenceWatch, state: SilenceState) -> int | None:
    """When the device was last heard: the point that is missed longest counts, if a ladder needs it."""
    heard_ms = state.heard_ms
    if not watch.watched:
        return max(heard_ms.values(), default=None)
    oldest_ms: int | None = None
    for point in watch.watched:
        at_ms = heard_ms.get(point)
        if at_ms is None:
            return None
        if oldest_ms is None or at_ms < oldest_ms:
            oldest_ms = at_ms
    return oldest_ms


def _missed(watch: SilenceWatch, state: SilenceState) -> str:
    """The watched point that is missed longest; one that was never heard before all others."""
    return min(watch.watched, key=lambda point: state.heard_ms.get(point, BEGINNING_MS))


def _fault(state: SilenceState, point: str, since_ms: int | None) -> Quality | None:
    """What has come in the place of a point's values, or of any point's where none is named."""
    found = [state.faults[point]] if point in state.faults else []
    newest = max(found if point else state.faults.values(), default=None)
    return newest[1] if newest is not None and (since_ms is None or newest[0] > since_ms) else None


def _transition(
    watch: SilenceWatch,
    state: SilenceState,
    records: Mapping[str, Record],
    to: Level,
    at_ms: int,
    *,
    blind: bool = False,
) -> Transition:
    """The change, with the value, of the point missed longest, that was heard last."""
    before, state.level, state.changed_ms = state.level, to, at_ms
    heard_ms = _heard_ms(watch, state)
    point = _missed(watch, state) if watch.watched else ""
    value = trend = None
    if point and heard_ms is not None:
        record = records[f"{watch.device}:{point}"]
        newest = record.sample_before(bisect_right(record.at_ms, heard_ms))
        if newest is not None:
            value = record.values[newest] + watch.zero
            moved = record.change(newest, _TREND_OVER_MS)
            trend = moved.value if moved is not None else None
    units = dict(zip(watch.watched, watch.units, strict=False))
    return Transition(
        at_ms=at_ms,
        rule=watch.rule,
        subject=watch.device,
        site=watch.site,
        hazard=watch.hazard,
        before=before,
        to=to,
        value=value,
        unit=units.get(point, ""),
        onset_ms=None if to else state.run_since_ms,
        sampled_ms=heard_ms,
        cause=Cause.SILENCE,
        blind=blind,
        trend=trend,
        point=point,
        fault=_fault(state, point, heard_ms) if to else None,
    )
