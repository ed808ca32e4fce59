"""An alarm storm against a real broker: ten messages in ten minutes, every red at once, nothing lost."""

import asyncio
import os
import random
import time
from collections import defaultdict
from pathlib import Path

from msgspec.structs import replace

from alerting.app import AlertingConfig, run
from alerting.contacts import ContactsFile
from alerting.ledger import WarningRecord, read_entries, read_warnings, verify
from alerting.quota import MOST, WINDOW_MS
from rules.transition import Announcement, Level
from tests.alerting.crowds import CELLS, ROLES, crowded_district
from tests.alerting.engines import running_engine
from tests.alerting.oasis import Judge
from tests.alerting.samples import NOON_MS, announce, transition
from transport.clock import Clock
from transport.measurement import from_ms
from transport.session import Endpoint

TRANSITIONS = 2_000 if os.environ.get("TOCSIN_SOAK") else 240
AREAS = 40
SPEED = 60.0  # the storm's minute in a second
PATIENCE_S = 200.0


def offices() -> ContactsFile:
    """A warden for each of the areas, and five duty offices that hear of everything in their town."""
    cells = CELLS[:: len(CELLS) // AREAS]
    people = [
        {"id": f"w-{n}", "name": {"zh": "员", "en": "W"}, "roles": [{"role": "warden", "area": cell}]}
        for n, cell in enumerate(cells)
    ]
    people += [
        {"id": f"d-{n}", "name": {"zh": "值", "en": "D"}, "roles": [{"role": "duty", "area": f"town-{n}"}]}
        for n in range(5)
    ]
    people.append({"id": "all", "name": {"zh": "区", "en": "A"}, "roles": [{"role": "duty", "area": "all"}]})
    return ContactsFile.model_validate(
        {
            "version": 1,
            "sender": {"id": "s@x.example", "name": {"zh": "心", "en": "C"}},
            "roles": {role: {"zh": role, "en": role} for role in ROLES},
            "people": [one | {"channels": {"console": True}} for one in people],
            "routes": [
                {
                    "levels": ["blue", "yellow", "orange", "red"],
                    "to": ["role:duty", "role:warden"],
                    "via": ["console"],
                }
            ],
            "last_resort": {"telephone": "+8657112345678"},
        }
    )


def storm(chance: random.Random) -> list[Announcement]:
    """Each of the areas has a river, and rain; levels go up and down, one in ten reaches red."""
    cells = CELLS[:: len(CELLS) // AREAS]
    levels: dict[tuple[str, str], Level] = defaultdict(lambda: Level.NORMAL)
    told: list[Announcement] = []
    while len(told) < TRANSITIONS:
        cell, hazard = chance.choice(cells), chance.choice(["flood", "rainstorm"])
        before = levels[cell, hazard]
        weights = [1, 3, 3, 2, 1]
        to = chance.choices(list(Level), weights)[0]
        if to is before:
            continue
        levels[cell, hazard] = to
        one = transition(to, before, site=f"site-{cell}", hazard=hazard, subject=f"d-{cell}:{hazard}")
        at_ms = NOON_MS + len(told) * 60_000 // TRANSITIONS
        told.append(announce(replace(one, at_ms=at_ms), seq=len(told) + 1))
    return told


async def weather(broker: Endpoint, folder: Path) -> list[WarningRecord]:
    """Let the storm pass, until every copy of every message has come to its end."""
    clock = Clock(anchor_wall_s=time.time(), starts_at=from_ms(NOON_MS), speed=SPEED)
    config = AlertingConfig(
        district=crowded_district(), contacts=offices(), broker=broker, state_dir=folder, clock=clock
    )
    stop = asyncio.Event()
    alerting = asyncio.create_task(run(config, stop))
    try:
        async with asyncio.timeout(PATIENCE_S), running_engine(broker) as engine:
            await engine.tell(storm(random.Random(7)))
            while True:
                warnings = await asyncio.to_thread(read_warnings, folder / "alerting.sqlite")
                if all(set(one.recipients) <= {r.person for r in one.receipts} for one in warnings):
                    return warnings
                await asyncio.sleep(0.5)
    finally:
        stop.set()
        await alerting


async def test_a_storm_overwhelms_nobody_holds_back_no_red_and_loses_nothing(
    broker: Endpoint, tmp_path: Path, shared_data: Path
) -> None:
    warnings = await weather(broker, tmp_path)

    assert verify(tmp_path / "alerting.sqlite") is None
    check_quota(warnings)
    check_reds(warnings, tmp_path / "alerting.sqlite")
    check_roll_ups(warnings)
    check_endings(warnings)
    judge = Judge(shared_data)
    for one in random.Random(1).sample(warnings, 30):
        judge.check(one.cap_xml.encode())


def check_quota(warnings: list[WarningRecord]) -> None:
    calm: dict[str, list[int]] = defaultdict(list)
    for warning in warnings:
        for receipt in warning.receipts:
            if receipt.state == "delivered" and warning.level != "red":
                calm[receipt.person].append(receipt.at_ms)
    for person, moments in calm.items():
        for at in moments:
            assert sum(at <= other < at + WINDOW_MS for other in moments) <= MOST, person


def check_reds(warnings: list[WarningRecord], ledger: Path) -> None:
    """None was held back; none but a newer message took its place."""
    reds = [one for one in warnings if one.level == "red"]
    assert reds
    for red in reds:
        assert all(r.state == "delivered" or r.reason.startswith("by ") for r in red.receipts)
    names = {one.identifier for one in reds}
    held = {
        name for _, kind, name, body in read_entries(ledger) if kind == "attempt" and "held" in body["reason"]
    }
    assert held
    assert not held & names


def check_roll_ups(warnings: list[WarningRecord]) -> None:
    """Each came, and names all that it holds."""
    roll_ups = [one for one in warnings if one.kind == "roll-up"]
    assert roll_ups
    for roll_up in roll_ups:
        (person,) = roll_up.recipients
        assert state_of(roll_up, person) == ("delivered", "")
        words = ("replaced", f"in roll-up {roll_up.identifier}")
        held = {one.identifier for one in warnings if state_of(one, person) == words}
        assert held
        assert all(f"〔{identifier}〕" in roll_up.cap_xml for identifier in held)


def check_endings(warnings: list[WarningRecord]) -> None:
    """Everybody knows how each story stands in the end."""
    newest = {one.thread: one for one in warnings if one.kind != "roll-up"}
    assert len(newest) > AREAS
    for warning in newest.values():
        for person in warning.recipients:
            state, reason = state_of(warning, person)
            assert state == "delivered" or reason.startswith("in roll-up "), warning.identifier


def state_of(warning: WarningRecord, person: str) -> tuple[str, str]:
    return next(((one.state, one.reason) for one in warning.receipts if one.person == person), ("", ""))
