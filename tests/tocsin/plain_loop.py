"""What a rule means, by a plain loop that knows nothing of the engine: the judge of the river's alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

Row = tuple[datetime, float]
LEVELS = ("normal", "blue", "yellow", "orange", "red")


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One colour of an ascending ladder."""

    above: float
    clear: float
    hold: timedelta


@dataclass(frozen=True, kw_only=True)
class Change:
    """One alarm changed its level."""

    at: datetime
    before: str
    to: str
    value: float


def ladder_changes(
    rows: Sequence[Row], rungs: dict[str, Rung], *, clear_for: timedelta, stale_after: timedelta
) -> list[Change]:
    """Walk the rows once and note each change of level."""
    changes: list[Change] = []
    state = "normal"
    since: dict[str, datetime] = {}
    past_clear_since: datetime | None = None
    previous: datetime | None = None
    for at, value in rows:
        if previous is not None and at - previous > stale_after:
            since.clear()
            past_clear_since = None
        previous = at
        for colour, rung in rungs.items():
            if value >= rung.above:
                since.setdefault(colour, at)
            elif value < rung.clear:
                since.pop(colour, None)
        reached = [
            colour
            for colour, rung in rungs.items()
            if value >= rung.above and colour in since and at - since[colour] >= rung.hold
        ]
        highest = max(reached, key=LEVELS.index, default="normal")
        if LEVELS.index(highest) > LEVELS.index(state):
            changes.append(Change(at=at, before=state, to=highest, value=value))
            state, past_clear_since = highest, None
            continue
        if state == "normal":
            continue
        if value < rungs[state].clear:
            past_clear_since = past_clear_since or at
            if at - past_clear_since >= clear_for:
                below = LEVELS[: LEVELS.index(state)]
                kept = [colour for colour in rungs if colour in below and value >= rungs[colour].clear]
                to = max(kept, key=LEVELS.index, default="normal")
                changes.append(Change(at=at, before=state, to=to, value=value))
                state, past_clear_since = to, None
        else:
            past_clear_since = None
    return changes


def rise_rows(rows: Sequence[Row], over: timedelta) -> list[Row]:
    """Value now minus the value ``over`` ago, interpolated between the rows around that instant."""
    rises: list[Row] = []
    for at, value in rows:
        then = at - over
        before = [row for row in rows if row[0] <= then]
        if not before:
            continue
        (earlier, low), after = before[-1], [row for row in rows if row[0] > then]
        if earlier == then or not after:
            rises.append((at, value - low))
            continue
        later, high = after[0]
        share = (then - earlier) / (later - earlier)
        rises.append((at, value - (low + (high - low) * share)))
    return rises
