"""People answer at the console; alerting decides, and every screen hears of it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from alerting.app import AlertingConfig, run
from alerting.contacts import Contacts
from alerting.database import FILE_NAME
from alerting.ledger import read_entries
from alerting.links import keep_secret, link_token
from console.roles import Role
from rules.transition import Level
from tests.alerting.engines import running_engine
from tests.alerting.samples import announce, demo_contacts, demo_district, transition
from tests.console.houses import Browser, EventReader, House, open_house, standing_clock
from transport.session import Endpoint

pytestmark = pytest.mark.server

REF = "flood--river-01.1"


@asynccontextmanager
async def flooded(
    broker: Endpoint, tmp_path: Path, level: Level = Level.ORANGE, contacts: Contacts | None = None
) -> AsyncIterator[House]:
    """A console beside a real alerting process that has just issued a warning."""
    async with asyncio.timeout(60), open_house(tmp_path, broker=broker) as house:
        stop = asyncio.Event()
        config = AlertingConfig(
            district=demo_district(),
            contacts=contacts or demo_contacts(),
            broker=broker,
            state_dir=house.state / "alerting",
            clock=standing_clock(60),
        )
        task = asyncio.create_task(run(config, stop), name="alerting")
        try:
            async with running_engine(broker) as engine:
                await engine.tell([announce(transition(level))])
                while REF not in stories(house):  # noqa: ASYNC110  (another process, as it were)
                    await asyncio.sleep(0.02)
                yield house
        finally:
            stop.set()
            await task


def stories(house: House) -> list[str]:
    return [f"{thread}.{n}" for thread, n in house.opening.office.journal.stories()]


async def test_an_answer_at_one_screen_shows_on_another(broker: Endpoint, tmp_path: Path) -> None:
    async with flooded(broker, tmp_path) as house:
        responder = await house.visitor(Role.RESPONDER, "xiaxi-1", person="wang-min")
        wall = await house.token()
        async with wall.stream("GET", "/api/v1/events") as response:
            reader = EventReader(response)
            await reader.next()
            answer = await responder.post(f"/api/v1/cases/{REF}/ack", json={"note": "on my way"})
            assert answer.status_code == 200, answer.text
            while (event := await reader.next())[1] != "case":
                pass
        case = (await wall.get("/api/v1/cases")).json()["cases"][0]

    assert event[2]["body"]["person"] == "wang-min"
    assert [(one["person"], one["note"]) for one in case["answers"]] == [("wang-min", "on my way")]


async def test_the_same_request_twice_is_one_answer(broker: Endpoint, tmp_path: Path) -> None:
    async with flooded(broker, tmp_path) as house:
        operator = await house.visitor(Role.OPERATOR)
        for _ in range(2):
            body = {"request": "0123456789abcdef" * 2}
            assert (await operator.post(f"/api/v1/cases/{REF}/ack", json=body)).status_code == 200
        state = house.state / "alerting" / FILE_NAME

    answers = [
        body for _, kind, _, body in read_entries(state) if kind == "case" and body["what"] == "answered"
    ]
    assert len(answers) == 1


async def test_a_case_is_closed_with_what_was_done(broker: Endpoint, tmp_path: Path) -> None:
    async with flooded(broker, tmp_path) as house:
        operator = await house.visitor(Role.OPERATOR)
        assert (await operator.post(f"/api/v1/cases/{REF}/close", json={"done": ""})).status_code == 422
        done = await operator.post(f"/api/v1/cases/{REF}/close", json={"done": "road closed"})
        assert done.status_code == 200
        await house.knows()
        story = (await operator.get("/api/v1/stories/flood--river-01/1")).json()
        again = await operator.post(f"/api/v1/cases/{REF}/close", json={"done": "again"})

    assert story["case"] is None
    assert story["closing"]["done"] == "road closed"
    assert again.status_code == 404


async def test_red_is_never_put_aside(broker: Endpoint, tmp_path: Path) -> None:
    async with flooded(broker, tmp_path, Level.RED) as house:
        operator = await house.visitor(Role.OPERATOR)
        body = {"reason": "too loud", "hours": 1}
        answer = await operator.post("/api/v1/threads/flood--river-01/shelve", json=body)

    assert answer.status_code == 409
    assert answer.json()["zh"] == "红色预警不得搁置"


async def test_a_link_in_a_message_opens_its_warning_and_answers_for_its_person(
    broker: Endpoint, tmp_path: Path
) -> None:
    async with flooded(broker, tmp_path) as house:
        secret = await house.opening.office.journal.read(keep_secret)
        phone: Browser = await house.browser()
        token = link_token(secret, REF, "wang-min")
        shown = (await phone.get(f"/api/v1/links/{token}")).json()
        answered = await phone.post(f"/api/v1/links/{token}", json={})
        forged = await phone.get(f"/api/v1/links/{link_token(b'x', REF, 'wang-min')}")
        await house.knows()
        case = (await phone.get(f"/api/v1/links/{token}")).json()["case"]

    assert (shown["person"], shown["level"]) == ("wang-min", "orange")
    assert "下溪" in shown["texts"]["zh"]["headline"]
    assert answered.status_code == 200
    assert forged.status_code == 404
    assert [one["person"] for one in case["answers"]] == ["wang-min"]


async def test_messages_carry_the_link_by_which_their_reader_answers(
    broker: Endpoint, tmp_path: Path
) -> None:
    contacts = demo_contacts().model_copy(update={"console": "https://console.example:8480/"})
    async with flooded(broker, tmp_path, contacts=contacts) as house:
        lines = house.state / "alerting" / "console.jsonl"
        while "wang-min" not in lines.read_text(encoding="utf-8"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        told = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
        mine = next(one["instruction"] for one in told if one["person"] == "wang-min")
        found = re.search(r"https://console\.example:8480/m/(\S+)", mine)
        assert found, mine
        phone = await house.browser()
        shown = (await phone.get(f"/api/v1/links/{found[1]}")).json()

    assert (shown["person"], shown["case"]["ref"]) == ("wang-min", REF)


async def test_while_alerting_is_away_people_are_told_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.asking._PATIENCE_S", 0.2)
    house.office.hears(transition(Level.ORANGE))
    await house.knows()
    operator = await house.visitor(Role.OPERATOR)

    answer = await operator.post(f"/api/v1/cases/{REF}/ack", json={})

    assert answer.status_code == 503
