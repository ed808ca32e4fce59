"""The steepest ninety minutes of the flood, sixty times as fast, with one part killed or away on the way."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from alerting.database import FILE_NAME as LEDGER_FILE
from alerting.ledger import WarningRecord, verify
from rules.transition import Level, Transition
from tests.servers import Mosquitto, running_mosquitto
from tests.tocsin.floods import (
    LASTS,
    STEEPEST,
    Absence,
    Flood,
    at_event,
    final_levels,
    highest_levels,
    replay_flood,
    unexcused,
)
from tests.tocsin.river_rules import SUBJECT, csv_rows, river_changes
from tocsin.fleet import Child
from tocsin.replay import Replay
from tocsin.view import level_of

pytestmark = [pytest.mark.flood, pytest.mark.server, pytest.mark.timeout(400)]

SPEED = 60.0
BOOT_S = 2.0  # how long a killed process stays away, on the wall
STEEP = timedelta(minutes=38)  # the river has just crossed orange and rises towards red
STORY = ("alert", "update", "all-clear")
HANDED_OVER = ("sent", "delivered")

Fault = Callable[[Replay, Mosquitto], Awaitable[list[Absence]]]


def child_of(replay: Replay, name: str) -> Child:
    return replay.servers[name] if name in replay.servers else replay.gateways[name]


def killed(name: str) -> Fault:
    """Kill one process twice while the river rises steepest, and start it again each time."""

    async def fault(replay: Replay, _broker: Mosquitto) -> list[Absence]:
        absences = []
        for after in (STEEP, STEEP + timedelta(minutes=17)):
            await at_event(replay, after)
            killed_s = time.time()
            await child_of(replay, name).kill()
            await asyncio.sleep(BOOT_S)
            absences.append(Absence(since_s=killed_s, until_s=time.time()))
            await child_of(replay, name).start()
        return absences

    return fault


async def broker_killed(replay: Replay, broker: Mosquitto) -> list[Absence]:
    await at_event(replay, STEEP)
    broker.kill()
    await asyncio.sleep(BOOT_S)
    await asyncio.to_thread(broker.start)
    return []


async def collector_away(replay: Replay, _broker: Mosquitto) -> list[Absence]:
    await at_event(replay, LASTS / 3)
    await replay.servers["collector"].kill()
    await at_event(replay, LASTS * 2 / 3)
    await replay.servers["collector"].start()
    return []


FAULTS: dict[str, Fault] = {
    "edge-killed": killed("gw-qingshan"),
    "broker-killed": broker_killed,
    "collector-away": collector_away,
    "rules-killed": killed("rules"),
    "alerting-killed": killed("alerting"),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in FAULTS])
async def test_a_fault_loses_nothing_and_nobody_is_told_twice(name: str, tmp_path: Path) -> None:
    absences: list[Absence] = []
    with running_mosquitto(tmp_path) as broker:

        async def during(replay: Replay) -> None:
            absences.extend(await FAULTS[name](replay, broker))

        flood = await replay_flood(tmp_path / "state", broker.endpoint, speed=SPEED, during=during)

    report = flood.report
    excused = absences if name == "edge-killed" else []
    assert len(report.served) > 100
    assert unexcused(report.lost, excused) == []
    assert report.duplicates == 0
    assert final_levels(report.transitions) == undisturbed_levels()
    assert_each_peak_was_told(report.transitions, report.warnings)
    assert_nothing_was_told_twice(flood)
    assert verify(tmp_path / "state" / "alerting" / LEDGER_FILE) is None


def undisturbed_levels() -> dict[tuple[str, str], Level]:
    """Where the alarms stand in the end when nothing happens, by a plain loop over the published record."""
    changes = river_changes(csv_rows(STEEPEST, STEEPEST + LASTS))
    last = {(rule, SUBJECT): found[-1].to for rule, found in changes.items() if found}
    return {alarm: Level[to.upper()] for alarm, to in last.items() if to != "normal"}


def assert_each_peak_was_told(
    transitions: tuple[Transition, ...], warnings: tuple[WarningRecord, ...]
) -> None:
    hazards = {(t.rule, t.subject): t.hazard for t in transitions}
    for alarm, peak in highest_levels(transitions).items():
        told = [
            level_of(warning)
            for warning in warnings
            if warning.kind in STORY
            and warning.thread.startswith(hazards[alarm])
            and {r.person for r in warning.receipts if r.state in HANDED_OVER} >= set(warning.recipients)
        ]
        assert max(told, default=Level.NORMAL) >= peak, alarm


def assert_nothing_was_told_twice(flood: Flood) -> None:
    repeated = [key for key, times in Counter(flood.deliveries).items() if times > 1]
    assert repeated == []
    handed_over = Counter(
        (warning.identifier, receipt.person, receipt.channel)
        for warning in flood.report.warnings
        for receipt in warning.receipts
        if receipt.state in HANDED_OVER
    )
    assert [each for each, times in handed_over.items() if times > 1] == []
    stories = Counter((w.thread, w.msg_type, w.level, w.triggers) for w in flood.report.warnings)
    assert [story for story, times in stories.items() if times > 1] == []
