"""A flood for tests: the demo district as separate processes, with something done to them on the way."""

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collector.stores import open_store
from district.load import load_district
from rules.transition import Level, Transition
from tocsin.replay import Replay, open_replay
from tocsin.report import EARLIEST_MS, LATEST_MS, Report, make_report
from tocsin.simulation import Answer
from transport.session import Endpoint

DISTRICT = Path(__file__).parents[2]
STEEPEST = datetime(2018, 6, 3, 20, 50, tzinfo=UTC)  # Dead Run rises by 1.09 m in the 90 minutes from here
LASTS = timedelta(minutes=90)

Row = tuple[datetime, float]
During = Callable[[Replay], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """What a replay came to."""

    report: Report
    river: list[Row]  # as stored
    deliveries: list[str]  # idempotency key of every line the console channel wrote


async def replay_flood(
    state: Path,
    broker: Endpoint,
    *,
    speed: float,
    during: During | None = None,
    district: Path = DISTRICT,
    starts_at: datetime = STEEPEST,
    lasts: timedelta = LASTS,
) -> Flood:
    """Replay a part of the flood; ``during`` runs beside it and must end before it does."""
    async with open_replay(district, state, broker, starts_at=starts_at, speed=speed) as replay:
        if during is not None:
            await during(replay)
        await replay.clock.sleep_until(starts_at + lasts)
        broken = replay.broken()
        assert broken is None, f"{broken.name} ended unasked:\n{broken.log.read_text()[-3000:]}"
        await replay.finish()
        report = await make_report(replay.district, state, replay.served, replay.clock)
    return Flood(report=report, river=await _river(district, state), deliveries=_deliveries(state))


async def _river(district: Path, state: Path) -> list[Row]:
    loaded = load_district(district)
    async with open_store(loaded.store, district=loaded, state_dir=state / "collector") as store:
        rows = await store.history("river-01-level", "level", EARLIEST_MS, LATEST_MS)
    return [
        (datetime.fromtimestamp(row.at_ms / 1000, UTC), row.value)
        for row in rows
        if row.value is not None and row.quality.is_good
    ]


def _deliveries(state: Path) -> list[str]:
    lines = (state / "alerting" / "console.jsonl").read_text().splitlines()
    return [json.loads(line)["key"] for line in lines]


async def at_event(replay: Replay, after: timedelta, starts_at: datetime = STEEPEST) -> None:
    """Wait until the replay is ``after`` its start."""
    await replay.clock.sleep_until(starts_at + after)


def final_levels(transitions: Iterable[Transition]) -> dict[tuple[str, str], Level]:
    """The level each alarm stands at in the end, those at normal left out."""
    last: dict[tuple[str, str], Transition] = {}
    for transition in transitions:
        alarm = (transition.rule, transition.subject)
        if alarm not in last or transition.at_ms >= last[alarm].at_ms:
            last[alarm] = transition
    return {alarm: t.to for alarm, t in last.items() if t.to is not Level.NORMAL}


def highest_levels(transitions: Iterable[Transition]) -> dict[tuple[str, str], Level]:
    """The highest level of each alarm's newest episode."""
    highest: defaultdict[tuple[str, str], Level] = defaultdict(lambda: Level.NORMAL)
    for transition in sorted(transitions, key=lambda t: t.at_ms):
        alarm = (transition.rule, transition.subject)
        if transition.before is Level.NORMAL:
            highest[alarm] = transition.to
        highest[alarm] = max(highest[alarm], transition.to)
    return dict(highest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """From when to when, on the wall, a process was dead."""

    since_s: float
    until_s: float

    def excuses(self, answer: Answer) -> bool:
        """Whether the answer came in the last half second before the death, or to nobody."""
        return self.since_s - 0.5 <= answer.wall_s <= self.until_s


def unexcused(lost: Iterable[Answer], absences: Iterable[Absence]) -> list[Answer]:
    """Those of ``lost`` that no absence excuses."""
    dead = list(absences)
    return [answer for answer in lost if not any(absence.excuses(answer) for absence in dead)]
