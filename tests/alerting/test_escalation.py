"""The whole way against a real broker: a chain, a restart in its middle, an answer by reply, a second one."""

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from alerting.app import AlertingConfig, run
from alerting.commands import Acknowledge, Close, Command, FollowLink, encode_command
from alerting.ledger import read_entries, verify
from alerting.links import keep_secret, link_token
from rules.transition import Level
from tests.alerting.engines import running_engine
from tests.alerting.samples import DEMO, NOON_MS, announce, demo_district, transition
from tests.alerting.test_app import console_keys
from tests.alerting.test_cases import chain
from tests.tocsin.test_cli import tocsin
from tocsin.desk import open_cases
from tocsin.wiring import Surroundings
from transport import topics
from transport.clock import Clock
from transport.measurement import from_ms
from transport.session import Endpoint, open_session

SPEED = 120.0  # a chain of twenty minutes in ten seconds
PATIENCE_S = 60.0
ABOUT_MS = 60_000  # event time: half a second on the wall for a loaded machine


@asynccontextmanager
async def alerting(broker: Endpoint, state: Path, clock: Clock) -> AsyncIterator[None]:
    stop = asyncio.Event()
    folder = state / "alerting"
    folder.mkdir(parents=True, exist_ok=True)
    config = AlertingConfig(
        district=demo_district(), contacts=chain(), broker=broker, state_dir=folder, clock=clock
    )
    task = asyncio.create_task(run(config, stop))
    try:
        yield
    finally:
        stop.set()
        await task


def said(state: Path, what: str) -> list[dict[str, Any]]:
    path = state / "alerting" / "alerting.sqlite"
    if not path.exists():
        return []
    found = [(at, body) for at, kind, _, body in read_entries(path) if kind == "case"]
    return [body | {"at_ms": at} for at, body in found if body["what"] == what]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  (a file tells nobody when it changes)
            await asyncio.sleep(0.02)


async def ask(broker: Endpoint, *commands: Command) -> list[dict[str, Any]]:
    answers = topics.server_answer("alerting")
    got: list[dict[str, Any]] = []
    async with open_session(broker, client_id="duty", subscriptions=(answers,)) as session:
        await session.connected.wait()
        for command in commands:
            await session.publish(topics.server_command("alerting"), encode_command(command))
        while len(got) < len(commands):
            got += [json.loads(message.payload) for message in await session.receive()]
    return got


async def test_a_chain_survives_a_restart_and_a_reply_ends_it(broker: Endpoint, tmp_path: Path) -> None:
    clock = Clock(anchor_wall_s=time.time(), starts_at=from_ms(NOON_MS), speed=SPEED)
    async with asyncio.timeout(PATIENCE_S), running_engine(broker) as engine:
        async with alerting(broker, tmp_path, clock):
            await engine.tell([announce(transition(Level.RED))])
            await until(lambda: len(said(tmp_path, "escalated")) == 1)
        async with alerting(broker, tmp_path, clock):
            await until(lambda: len(said(tmp_path, "escalated")) == 2)
            (case,) = open_cases(Surroundings(district=DEMO, state=tmp_path))
            reply = Acknowledge(id="a1", person="zhou-jianguo", ref=case.code, by="code")
            second = Acknowledge(id="a2", person="wang-min", ref=case.name, note="on the bridge")
            outcomes = await ask(broker, reply, second, reply)

    assert [one["ok"] for one in outcomes] == [True, True, True]
    first, then = said(tmp_path, "escalated")
    for step in (first, then):
        assert 0 <= step["at_ms"] - step["due_ms"] < ABOUT_MS
    assert then["due_ms"] - first["due_ms"] == 7 * 60_000
    assert [one["person"] for one in said(tmp_path, "answered")] == ["zhou-jianguo", "wang-min"]
    (case,) = open_cases(Surroundings(district=DEMO, state=tmp_path))
    assert case.due_ms is None
    assert [(one.person, one.by, one.note) for one in case.answers] == [
        ("zhou-jianguo", "code", ""),
        ("wang-min", "console", "on the bridge"),
    ]
    assert max(Counter(console_keys(tmp_path / "alerting")).values()) == 1
    lines = (tmp_path / "alerting" / "console.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(f"收到请回复{case.code}" in json.loads(line)["instruction"] for line in lines)
    assert verify(tmp_path / "alerting" / "alerting.sqlite") is None


async def test_people_answer_and_close_by_the_command_line(broker: Endpoint, tmp_path: Path) -> None:
    clock = Clock(anchor_wall_s=time.time(), starts_at=from_ms(NOON_MS))
    where = ("--broker", f"mqtt://{broker.host}:{broker.port}", "--lang", "en")
    async with (
        asyncio.timeout(PATIENCE_S),
        running_engine(broker) as engine,
        alerting(broker, tmp_path, clock),
    ):
        await engine.tell([announce(transition(Level.RED))])
        listed = await asyncio.to_thread(tocsin, "alerting", "list", "--state", str(tmp_path), "--json")
        (case,) = json.loads(listed.stdout)
        acked = await asyncio.to_thread(tocsin, "alerting", "ack", case["code"], "--by", "wang-min", *where)
        stranger = await asyncio.to_thread(tocsin, "alerting", "ack", case["code"], "--by", "nobody", *where)
        shown = await asyncio.to_thread(tocsin, "alerting", "list", "--state", str(tmp_path), "--lang", "en")
        shelve = (
            "alerting",
            "shelve",
            "flood--river-01",
            "--by",
            "wang-min",
            "--reason",
            "x",
            "--hours",
            "1",
        )
        shelved = await asyncio.to_thread(tocsin, *shelve, *where)
        closed = await asyncio.to_thread(
            tocsin, "alerting", "close", case["code"], "--by", "wang-min", "--done", "gates shut", *where
        )
        unknown = await ask(broker, Close(id="c", person="wang-min", ref="flood--river-01", done="again"))

    assert (case["level"], case["state"]) == ("red", "calling")
    assert (acked.returncode, stranger.returncode, closed.returncode) == (0, 1, 0)
    assert shelved.returncode == 1
    assert "red is never put aside" in shelved.stdout
    assert "the calling for xiaxi-1 ends" in acked.stdout
    assert "wang-min" in shown.stdout
    assert "in hand" in shown.stdout
    assert not unknown[0]["ok"]
    assert open_cases(Surroundings(district=DEMO, state=tmp_path)) == []


async def test_a_link_answers_for_its_person_and_an_altered_one_for_nobody(
    broker: Endpoint, tmp_path: Path
) -> None:
    clock = Clock(anchor_wall_s=time.time(), starts_at=from_ms(NOON_MS))
    async with (
        asyncio.timeout(PATIENCE_S),
        running_engine(broker) as engine,
        alerting(broker, tmp_path, clock),
    ):
        await engine.tell([announce(transition(Level.RED))])
        with closing(sqlite3.connect(tmp_path / "alerting" / "alerting.sqlite")) as connection:
            token = link_token(keep_secret(connection), "flood--river-01.1", "wang-min")
        good, bad = await ask(
            broker,
            FollowLink(id="l1", token=token),
            FollowLink(id="l2", token=token.replace("wang-min", "chen-li")),
        )

    assert (good["ok"], bad["ok"]) == (True, False)
    assert [(one["person"], one["by"]) for one in said(tmp_path, "answered")] == [("wang-min", "link")]
