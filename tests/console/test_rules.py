"""Rules are changed safely: checked at their place, tried, approved by another, applied, taken back."""

import asyncio
from pathlib import Path

import pytest

from console.roles import Role
from rules.app import RulesConfig, run
from rules.load import load_rules
from rules.transition import Level
from tests.alerting.samples import MINUTE_MS, NOON_MS
from tests.console.houses import Browser, House, levels, open_house
from transport.batch import Reading, build_batch, encode_batch
from transport.clock import Clock
from transport.measurement import Quality, from_ms
from transport.session import Endpoint, open_session

YELLOW = "yellow: {above: 0.9, clear: 0.8, for: 4m}"
RULES = "/api/v1/rules"


async def proposed(browser: Browser, text: str, why: str = "flood season") -> str:
    base = (await browser.get(RULES)).json()["base"]
    answer = await browser.post(f"{RULES}/drafts", json={"text": text, "why": why, "base": base})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["name"])


async def test_a_mistake_is_shown_at_its_place(house: House) -> None:
    operator = await house.visitor(Role.OPERATOR)
    text = (
        (await operator.get(RULES)).json()["text"].replace("above: 1.6, clear: 1.5", "abvoe: 1.6, clear: 1.5")
    )

    found = (await operator.post(f"{RULES}/check", json={"text": text})).json()["findings"]

    line = next(number for number, each in enumerate(text.splitlines(), 1) if "abvoe" in each)
    assert (found[0]["line"], found[0]["suggestion"]) == (line, "above")
    assert text.splitlines()[line - 1][found[0]["column"] - 1 :].startswith("abvoe")
    base = (await operator.get(RULES)).json()["base"]
    refused = await operator.post(f"{RULES}/drafts", json={"text": text, "why": "x", "base": base})
    assert refused.status_code == 400


async def test_the_form_and_the_text_are_the_same_file(house: House) -> None:
    operator = await house.visitor(Role.OPERATOR)
    rules = (await operator.get(RULES)).json()
    index = next(n for n, rule in enumerate(rules["data"]["rules"]) if rule["id"] == "river-level")
    path = ["rules", index, "override", "river-01", "levels", "yellow", "above"]

    edits = [{"path": path, "value": "0.95"}]
    after = (await operator.post(f"{RULES}/form", json={"text": rules["text"], "edits": edits})).json()

    assert after["text"] == rules["text"].replace("above: 0.9,", "above: 0.95,")
    assert after["findings"] == []


async def test_a_draft_is_tried_on_the_past(tmp_path: Path) -> None:
    async with open_house(tmp_path, samples=levels(60), minute=60) as house:
        operator = await house.visitor(Role.OPERATOR)
        text = (await operator.get(RULES)).json()["text"]
        draft = text.replace(YELLOW, "yellow: {above: 0.8, clear: 0.75, for: 4m}")
        found = (await operator.post(f"{RULES}/backtest", json={"text": draft, "days": 1})).json()

    # the river rises 0.01 m a minute from 0.50: it holds 0.80 at minute 30, 0.90 at minute 40
    yellow = {
        side: [at for at, level in found["plots"][0][side]["levels"] if level == "yellow"]
        for side in ("old", "new")
    }
    assert yellow == {"old": [NOON_MS + 44 * MINUTE_MS], "new": [NOON_MS + 34 * MINUTE_MS]}
    assert [(one["rule"], one["earlier_minutes"]) for one in found["differences"]] == [
        ("river-level", None)
    ] or (found["differences"][0]["minutes"][0] != found["differences"][0]["minutes"][1])
    assert found["old"]["people"] == found["new"]["people"]
    assert found["old"]["messages"] > 0


async def test_rules_take_two_people(house: House) -> None:
    operator, approver = await house.visitor(Role.OPERATOR), await house.visitor(Role.APPROVER)
    text = (await operator.get(RULES)).json()["text"]
    draft = text.replace(YELLOW, "yellow: {above: 0.95, clear: 0.8, for: 4m}")
    name = await proposed(operator, draft)
    own = await proposed(approver, draft)

    assert (await operator.post(f"{RULES}/drafts/{name}/approve")).status_code == 403
    assert (await approver.post(f"{RULES}/drafts/{own}/approve")).status_code == 403
    assert (await operator.post(f"{RULES}/drafts/{name}/apply")).status_code == 409
    assert (await approver.post(f"{RULES}/drafts/{name}/approve")).json()["state"] == "approved"
    assert (house.folder / "rules.yaml").read_text(encoding="utf-8") == text


async def test_a_draft_of_rules_that_changed_meanwhile_is_refused(house: House) -> None:
    operator, approver = await house.visitor(Role.OPERATOR), await house.visitor(Role.APPROVER)
    text = (await operator.get(RULES)).json()["text"]
    name = await proposed(operator, text.replace(YELLOW, "yellow: {above: 0.95, clear: 0.8, for: 4m}"))
    (house.folder / "rules.yaml").write_text(text + "# edited by hand\n", encoding="utf-8")

    assert (await approver.post(f"{RULES}/drafts/{name}/approve")).status_code == 409


async def test_rules_are_the_whole_districts(house: House) -> None:
    bound = await house.visitor(Role.OPERATOR, "qingshan-town")
    rules = (await bound.get(RULES)).json()
    body = {"text": rules["text"] + "# more\n", "why": "x", "base": rules["base"]}

    assert (await bound.post(f"{RULES}/drafts", json=body)).status_code == 403


@pytest.mark.server
async def test_approved_rules_take_effect_and_are_taken_back(broker: Endpoint, tmp_path: Path) -> None:
    async with asyncio.timeout(60), open_house(tmp_path, broker=broker) as house:
        stop, hand = asyncio.Event(), [44]  # the minute that the engine's clock shows
        district = house.opening.office.district
        config = RulesConfig(
            district=district,
            rulebook=load_rules(house.folder, district),
            broker=broker,
            state_dir=house.state / "alerting",
            clock=Clock(anchor_wall_s=0.0, starts_at=from_ms(NOON_MS), wall=lambda: hand[0] * 60.0),
            load=lambda: load_rules(house.folder, district),
        )
        engine = asyncio.create_task(run(config, stop), name="rules")
        try:
            await _river_at(broker, 0.85, range(34, 45))  # blue by the rules as they are
            await _until(house, Level.BLUE)
            operator, approver = await house.visitor(Role.OPERATOR), await house.visitor(Role.APPROVER)
            text = (await operator.get(RULES)).json()["text"]
            draft = text.replace(YELLOW, "yellow: {above: 0.8, clear: 0.75, for: 0s}")
            name = await proposed(operator, draft)
            await approver.post(f"{RULES}/drafts/{name}/approve")
            applied = await operator.post(f"{RULES}/drafts/{name}/apply")
            assert applied.status_code == 200, applied.text
            hand[0] = 46
            await _river_at(broker, 0.85, range(45, 47))
            await _until(house, Level.YELLOW)
            assert (house.folder / "rules.yaml").read_text(encoding="utf-8") == draft
            restored = await approver.post(f"{RULES}/versions/1/restore")
            assert restored.status_code == 200, restored.text
            hand[0] = 60
            await _river_at(broker, 0.78, range(47, 61))  # past the old `clear`, not past the draft's
            await _until(house, Level.BLUE)
            versions = (await operator.get(RULES)).json()["versions"]
        finally:
            stop.set()
            await engine

    assert (house.folder / "rules.yaml").read_text(encoding="utf-8") == text
    assert [one["number"] for one in versions] == [3, 2, 1]
    assert (versions[1]["author"], versions[1]["approved_by"]) == ("operator-0-", "approver-0-")


async def _river_at(broker: Endpoint, level: float, minutes: range) -> None:
    """A gateway that says that the river stands at a level."""
    readings = [
        Reading("river-01-level", NOON_MS + minute * MINUTE_MS, {"level": (level, Quality.GOOD)})
        for minute in minutes
    ]
    batch = build_batch(readings, gateway="gw-qingshan", epoch="e", seq=minutes[0])
    ack = "tocsin/1/qingshan-town/gw-qingshan/ack"
    async with open_session(broker, client_id="gateway", subscriptions=[ack]) as session:
        await session.connected.wait()
        acknowledged = asyncio.create_task(session.receive())
        while not acknowledged.done():  # the engine may only just be listening
            await session.publish("tocsin/1/qingshan-town/gw-qingshan/live", encode_batch(batch))
            await asyncio.wait([acknowledged], timeout=0.3)


async def _until(house: House, level: Level) -> None:
    newest = house.opening.office.newest
    while not any(one.rule == "river-level" and one.to is level for one in newest.alarms):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
