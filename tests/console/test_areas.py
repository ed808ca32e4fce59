"""An account sees its own areas; everything else is to it as if it were not there."""

from pathlib import Path

import pytest

from console.roles import Role
from rules.transition import Level
from tests.alerting.samples import transition
from tests.console.houses import EventReader, House, levels, open_house

FLOOD = "flood--river-01"  # at a site in qingshan-town
GAS = "gas--pipe-12"  # at a site in linjiang-town


def gas() -> object:
    return transition(
        Level.ORANGE, rule="gas-leak", subject="pipe-12-rtu:ch4", site="pipe-12", hazard="gas", minute=1
    )


async def test_what_lies_elsewhere_is_not_there(tmp_path: Path) -> None:
    async with open_house(tmp_path, samples=levels()) as house:
        house.office.hears(transition(Level.ORANGE))
        await house.knows()
        elsewhere = await house.token("linjiang-town")
        identifier = house.office.warnings[0].identifier

        for path in (
            f"stories/{FLOOD}/1",
            f"messages/{identifier}/cap.xml",
            "series/river-01-level/level/history",
            "series/river-01-level/level/limits",
            "preview?site=river-01&hazard=flood&level=red",
        ):
            assert (await elsewhere.get(f"/api/v1/{path}")).status_code == 404, path
        for path, key in (("cases", "cases"), ("stories", "marks"), ("timeline", "marks")):
            assert (await elsewhere.get(f"/api/v1/{path}")).json()[key] == [], path
        assert "river-01" not in (await elsewhere.get("/api/v1/now")).json()["sites"]
        for path in ("latest", "catalogue", "series", "quality", "district"):
            assert '"river-01' not in (await elsewhere.get(f"/api/v1/{path}")).text, path
        entries = (await elsewhere.get("/api/v1/journal")).json()["entries"]
        assert not [one for one in entries if one["thread"] == FLOOD]


async def test_what_lies_in_ones_own_areas_is(tmp_path: Path) -> None:
    async with open_house(tmp_path, samples=levels()) as house:
        house.office.hears(transition(Level.ORANGE))
        await house.knows()
        own = await house.token("xiaxi-1")

        assert (await own.get(f"/api/v1/stories/{FLOOD}/1")).json()["case"]["level"] == "orange"
        assert [one["thread"] for one in (await own.get("/api/v1/cases")).json()["cases"]] == [FLOOD]
        assert len((await own.get("/api/v1/series/river-01-level/level/history")).json()["rows"]) == 30


@pytest.mark.parametrize("deed", ["ack", "close"])
async def test_a_case_elsewhere_cannot_be_answered(house: House, deed: str) -> None:
    house.office.hears(transition(Level.ORANGE))
    await house.knows()
    operator = await house.visitor(Role.OPERATOR, "linjiang-town")

    for ref in (FLOOD, f"{FLOOD}.1"):
        answer = await operator.post(f"/api/v1/cases/{ref}/{deed}", json={"done": "x", "note": "x"})
        assert answer.status_code == 404


async def test_the_stream_carries_what_one_may_see_and_nothing_else(house: House) -> None:
    house.office.hears(transition(Level.ORANGE))
    house.office.hears(gas())  # type: ignore[arg-type]
    await house.knows()
    elsewhere = await house.token("linjiang-town")
    wanted = [fact.seq for fact in await house.opening.office.journal.after(0) if fact.thread != FLOOD]

    async with elsewhere.stream("GET", "/api/v1/events?after=0") as response:
        found = [seq for seq, _ in await EventReader(response).entries(len(wanted))]

    assert found == wanted
    assert wanted
