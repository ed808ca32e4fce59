"""What a keeper reads by eye reaches the store and the rules like any reading."""

import asyncio
from pathlib import Path

import pytest

from collector.app import CollectorConfig
from collector.app import run as run_collector
from collector.store import Row
from console.roles import Role
from rules.app import RulesConfig
from rules.app import run as run_rules
from rules.load import load_rules
from tests.alerting.samples import MINUTE_MS, NOON_MS
from tests.console.houses import House, open_house, standing_clock
from transport.measurement import Quality
from transport.session import Endpoint

READINGS = "/api/v1/readings"
GAUGE = {"device": "res-01-level", "point": "level"}


@pytest.mark.server
async def test_a_staff_gauge_raises_an_alarm_and_is_stored(broker: Endpoint, tmp_path: Path) -> None:
    async with asyncio.timeout(90), open_house(tmp_path, broker=broker) as house:
        stop = asyncio.Event()
        district, clock = house.opening.office.district, standing_clock(60)
        folders = {part: house.state / part for part in ("collector", "rules")}
        folders["rules"].mkdir()
        rules = RulesConfig(
            district=district,
            rulebook=load_rules(house.folder, district),
            broker=broker,
            state_dir=folders["rules"],
            clock=clock,
        )
        collector = CollectorConfig(
            district=district,
            broker=broker,
            store=district.store,
            state_dir=folders["collector"],
            clock=clock,
        )
        tasks = [
            asyncio.create_task(run_rules(rules, stop), name="rules"),
            asyncio.create_task(run_collector(collector, stop), name="collector"),
        ]
        try:
            keeper = await house.visitor(Role.RESPONDER, "qingshan-1", person="chen-li")
            told = await keeper.post(READINGS, json={**GAUGE, "value": 83.2})  # red: 83.0, at once
            assert told.status_code == 200, told.text
            office = house.opening.office
            while not any(one.rule == "reservoir-level" for one in office.newest.alarms):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            while await office.manual.waiting():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            stored = await office.store.history("res-01-level", "level", 0, 2**60)
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    assert stored == [Row(NOON_MS + 60 * MINUTE_MS, 11.85, Quality.GOOD)]  # 83.2 - 71.35
    assert [(one.to.word, round(one.value or 0, 6)) for one in office.newest.alarms] == [("red", 83.2)]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({**GAUGE, "value": 60.0}, 400),  # below the gauge's zero
        ({**GAUGE, "value": 140.0}, 400),
        ({**GAUGE, "value": 80.0, "at_ms": NOON_MS - 8 * 86_400_000}, 400),
        ({**GAUGE, "value": 80.0, "at_ms": NOON_MS + 70 * MINUTE_MS}, 400),
        ({"device": "res-01-rain", "point": "rain", "value": 3}, 400),
        ({"device": "res-01-level", "point": "nothing", "value": 3}, 404),
        ({"device": "air-03-station", "point": "pm25", "value": 30}, 404),  # elsewhere
        ({**GAUGE, "value": 80.0}, 200),
    ],
)
async def test_what_cannot_be_is_refused(house: House, asked: dict[str, object], status: int) -> None:
    keeper = await house.visitor(Role.RESPONDER, "qingshan-1", person="chen-li")

    assert (await keeper.post(READINGS, json=asked)).status_code == status
