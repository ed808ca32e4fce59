"""What a rule means, computed a second time: from the whole series, by the words of the design, slowly.

Shares nothing with the engine but the ladder's figures.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rules.ladder import Ladder, Rung
from rules.transition import Level


class Row(NamedTuple):
    """One sample, in order; bad readings are no samples and stand in no series."""

    at_ms: int
    value: float
    good: bool = True


class Moved(NamedTuple):
    """A change of level."""

    at_ms: int
    before: Level
    to: Level


def transitions(rows: Sequence[Row], ladder: Ladder, stale_after_ms: int) -> list[Moved]:
    """Every change of level over a complete series."""
    moved = []
    level = Level.NORMAL
    for now in range(len(rows)):
        segment = now
        while segment and rows[segment].at_ms - rows[segment - 1].at_ms <= stale_after_ms:
            segment -= 1
        reached = [rung.level for rung in ladder.rungs if _is_reached(rows[segment : now + 1], ladder, rung)]
        to = level
        if reached and max(reached) > level:
            to = max(reached)
        elif level is not Level.NORMAL and _has_been_past(rows[segment : now + 1], ladder, level):
            lower = [
                rung.level
                for rung in ladder.rungs
                if rung.level < level and not _past(ladder, rung, rows[now].value)
            ]
            to = max(lower, default=Level.NORMAL)
        if to is not level:
            moved.append(Moved(rows[now].at_ms, level, to))
            level = to
    return moved


def changes(rows: Sequence[Row], over_ms: int) -> list[Row]:
    """The series of changes over a window, where there is one."""
    found = []
    for index, row in enumerate(rows):
        then_ms = row.at_ms - over_ms
        before = [each for each in rows[: index + 1] if each.at_ms <= then_ms]
        if not before:
            continue
        left = before[-1]
        if left.at_ms == then_ms:
            found.append(Row(row.at_ms, row.value - left.value, row.good and left.good))
            continue
        right = rows[len(before)]
        share = (then_ms - left.at_ms) / (right.at_ms - left.at_ms)
        then = left.value + (right.value - left.value) * share
        found.append(Row(row.at_ms, row.value - then, row.good and left.good and right.good))
    return found


def _holds(ladder: Ladder, rung: Rung, value: float) -> bool:
    return value >= rung.limit if ladder.rising else value <= rung.limit


def _past(ladder: Ladder, rung: Rung, value: float) -> bool:
    return value < rung.clear if ladder.rising else value > rung.clear


def _is_reached(rows: Sequence[Row], ladder: Ladder, rung: Rung) -> bool:
    """Whether the last row holds and the level's timer has run; no gap lies in ``rows``."""
    now = rows[-1]
    if not _holds(ladder, rung, now.value):
        return False
    resets = [index for index, row in enumerate(rows) if row.good and _past(ladder, rung, row.value)]
    since = rows[resets[-1] + 1 :] if resets else rows
    first = next(index for index, row in enumerate(since) if _holds(ladder, rung, row.value))
    return now.at_ms - since[first].at_ms >= rung.for_ms and len(since) - first >= rung.for_samples


def _has_been_past(rows: Sequence[Row], ladder: Ladder, level: Level) -> bool:
    """Whether all samples for `clear_for` have been past the level's `clear`, good ones first and last."""
    rung = next(each for each in ladder.rungs if each.level is level)
    if not rows[-1].good:
        return False
    run = []
    for row in reversed(rows):
        if not _past(ladder, rung, row.value):
            break
        run.append(row)
    good = [row for row in run if row.good]
    return bool(good) and rows[-1].at_ms - good[-1].at_ms >= ladder.clear_for_ms
