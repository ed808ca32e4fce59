"""Alarm load is counted from the ledger alone."""

from collections import Counter

import pytest

from console.roles import Role
from rules.transition import Level
from tests.alerting.samples import MINUTE_MS, transition
from tests.console.houses import House


async def test_the_load_is_that_of_the_ledger(house: House) -> None:
    office = house.office
    before = Level.NORMAL
    for minute, to in enumerate([Level.BLUE, Level.RED, Level.BLUE, Level.RED, Level.BLUE, Level.RED]):
        office.now_ms += MINUTE_MS
        office.hears(transition(to, before, minute=minute))
        before = to
    office.now_ms += 7 * MINUTE_MS
    office.answers("wang-min", "flood--river-01")
    await house.knows()
    viewer = await house.visitor(Role.VIEWER)

    load = (await viewer.get("/api/v1/load", params={"days": 1})).json()

    warnings = office.warnings
    assert load["messages"] == len(warnings) == 6
    assert load["days"][0]["levels"] == dict(Counter(one.level for one in warnings))
    assert {one["person"]: one["messages"] for one in load["people"]} == dict(
        Counter(person for one in warnings for person in one.recipients)
    )
    assert load["loudest"] == [{"thread": "flood--river-01", "messages": 6, "rises": 4}]
    assert load["chattering"] == [{"thread": "flood--river-01", "rises_an_hour": 4}]
    assert (load["cases"], load["answered"]) == (1, 1)
    assert load["answer_ms"] == {"p50": 12 * MINUTE_MS, "p95": 12 * MINUTE_MS}


@pytest.mark.parametrize("areas", [("linjiang-town",)])
async def test_the_load_of_other_areas_is_not_counted(house: House, areas: tuple[str, ...]) -> None:
    house.office.hears(transition(Level.RED))
    await house.knows()
    program = await house.token(*areas)

    assert (await program.get("/api/v1/load")).json()["messages"] == 0
