"""The alerting process against a real broker: announcements in; receipts, acknowledgements, displays out."""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from alerting.app import AlertingConfig, run
from alerting.channels.settings import WebhookSpec
from alerting.contacts import Contacts
from alerting.errors import ChannelSetupError
from alerting.ledger import WarningRecord, read_entries, read_warnings, verify
from rules.transition import Announcement, Level
from tests.alerting.engines import running_engine
from tests.alerting.oasis import Judge
from tests.alerting.samples import DEMO, announce, demo_contacts, demo_district, transition
from tests.servers import running_mosquitto
from transport import topics
from transport.beat import Beat
from transport.clock import real_clock
from transport.session import Endpoint

WARNING = topics.warning("xiaxi-1", "flood--river-01")
STATUS = topics.server_status("alerting")
PATIENCE_S = 60.0


def config(broker: Endpoint, state_dir: Path, contacts: Contacts | None = None) -> AlertingConfig:
    return AlertingConfig(
        district=demo_district(),
        contacts=contacts or demo_contacts(),
        broker=broker,
        state_dir=state_dir,
        clock=real_clock(),
    )


@asynccontextmanager
async def alerting(broker: Endpoint, state_dir: Path) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(run(config(broker, state_dir), stop))
    try:
        yield
    finally:
        stop.set()
        await task


def warnings(folder: Path) -> list[WarningRecord]:
    return read_warnings(folder / "alerting.sqlite")


async def until_all_are_told(folder: Path) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not all(set(one.recipients) == ended(one) for one in warnings(folder)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def ended(warning: WarningRecord) -> set[str]:
    return {receipt.person for receipt in warning.receipts if receipt.state in ("delivered", "replaced")}


def console_keys(folder: Path) -> list[str]:
    lines = (folder / "console.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["key"] for line in lines]


def flood() -> list[Announcement]:
    """A river that rises and falls several times, told by two rules."""
    levels = [Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED, Level.ORANGE, Level.NORMAL] * 5
    before = [Level.NORMAL, *levels[:-1]]
    return [
        announce(transition(to, was, minute=5 * n, rule=f"river-{n % 2}"), seq=n + 1)
        for n, (to, was) in enumerate(zip(levels, before, strict=True))
    ]


async def test_an_alarm_becomes_a_warning_with_receipts_and_is_acknowledged(
    broker: Endpoint, tmp_path: Path, shared_data: Path
) -> None:
    async with asyncio.timeout(PATIENCE_S), running_engine(broker) as engine, alerting(broker, tmp_path):
        await engine.tell([announce(transition(Level.ORANGE))])
        shown = json.loads(await engine.sees(WARNING))
        await until_all_are_told(tmp_path)

    (warning,) = warnings(tmp_path)
    Judge(shared_data).check(warning.cap_xml.encode())
    assert shown["identifier"] == warning.identifier
    assert sorted(console_keys(tmp_path)) == sorted(
        f"{warning.identifier}.{person}.console" for person in warning.recipients
    )
    assert verify(tmp_path / "alerting.sqlite") is None


async def test_announcements_that_come_again_are_acknowledged_again_and_tell_nobody(
    broker: Endpoint, tmp_path: Path
) -> None:
    one = announce(transition(Level.ORANGE))
    async with asyncio.timeout(PATIENCE_S), running_engine(broker) as engine:
        async with alerting(broker, tmp_path):
            await engine.tell([one])
        engine.acknowledged.clear()
        async with alerting(broker, tmp_path):
            await engine.tell([one, announce(transition(Level.ORANGE), seq=5, epoch="e2")])
        await until_all_are_told(tmp_path)

    assert len(warnings(tmp_path)) == 1
    assert max(Counter(console_keys(tmp_path)).values()) == 1


async def test_what_is_no_announcement_stops_nothing(broker: Endpoint, tmp_path: Path) -> None:
    async with asyncio.timeout(PATIENCE_S), running_engine(broker) as engine, alerting(broker, tmp_path):
        await engine.sees(STATUS, b"up")
        await engine.say(b"\xff no announcement")
        await engine.tell([announce(transition(Level.RED))])

    assert len(warnings(tmp_path)) == 1


async def test_a_late_peak_is_told_once_the_backlog_is_quiet(broker: Endpoint, tmp_path: Path) -> None:
    async with asyncio.timeout(PATIENCE_S), running_engine(broker) as engine, alerting(broker, tmp_path):
        await engine.tell([announce(transition(Level.RED, superseded=True))])
        while not warnings(tmp_path):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await until_all_are_told(tmp_path)

    (supplement,) = warnings(tmp_path)
    assert supplement.kind == "supplement"


async def test_a_broker_that_forgot_everything_is_shown_the_warnings_again(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path) as broker:
        async with asyncio.timeout(PATIENCE_S), alerting(broker.endpoint, tmp_path):
            async with running_engine(broker.endpoint) as engine:
                await engine.tell([announce(transition(Level.ORANGE))])
                await engine.sees(WARNING)
            broker.kill()
            broker.start()
            async with running_engine(broker.endpoint) as engine:
                assert await engine.sees(WARNING, b"orange")


async def test_alerting_beats_only_while_the_engine_does(broker: Endpoint, tmp_path: Path) -> None:
    async with asyncio.timeout(PATIENCE_S), running_engine(broker) as engine, alerting(broker, tmp_path):
        await engine.sees(STATUS, b"up")
        assert b"waiting" not in engine.shown[STATUS], "it beat before it heard the engine"
        await engine.beat(Beat(service="rules", state="up"))
        await engine.sees(STATUS, b"up", b"waiting")
        await engine.beat(Beat(service="rules", state="down"))
        while states(tmp_path) != ["heard", "silent"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def states(folder: Path) -> list[str]:
    return [body["state"] for _, kind, _, body in read_entries(folder / "alerting.sqlite") if kind == "watch"]


async def test_a_secret_that_is_not_given_stops_the_start(broker: Endpoint, tmp_path: Path) -> None:
    contacts = demo_contacts().model_copy(update={"webhook": WebhookSpec(secret_env="TOCSIN_X")})  # noqa: S106

    with pytest.raises(ChannelSetupError, match="TOCSIN_X"):
        await run(config(broker, tmp_path, contacts), asyncio.Event())


async def test_a_process_killed_again_and_again_tells_everything_once(
    broker: Endpoint, tmp_path: Path, shared_data: Path
) -> None:
    announcements = flood()
    async with asyncio.timeout(3 * PATIENCE_S), running_engine(broker) as engine:
        telling = asyncio.create_task(engine.tell([]))
        for first in range(0, len(announcements) - 1, 8):
            async with alerting_process(broker, tmp_path) as process:
                await telling
                burst = announcements[first : min(first + 8, len(announcements) - 1)]
                telling = asyncio.create_task(engine.tell(burst))
                await engine.hears_of(burst[0])
                await asyncio.sleep(random.uniform(0.0, 0.03))  # anywhere between commit and last receipt
                process.kill()
        async with alerting(broker, tmp_path):
            await telling
            await engine.tell(announcements[-1:])
            await until_all_are_told(tmp_path)

    issued = warnings(tmp_path)
    assert verify(tmp_path / "alerting.sqlite") is None
    assert len(issued) == len({warning.triggers for warning in issued})
    assert max(Counter(console_keys(tmp_path)).values()) == 1
    judge = Judge(shared_data)
    for warning in issued:
        judge.check(warning.cap_xml.encode())
    delivered = {key.rsplit(".", 1)[0] for key in console_keys(tmp_path)}
    told_red = {key.split(".")[1] for key in delivered if key.split(".")[0] in reds(issued)}
    assert told_red == set().union(*(warning.recipients for warning in issued if warning.level == "red"))


def reds(issued: list[WarningRecord]) -> set[str]:
    return {warning.identifier for warning in issued if warning.level == "red"}


@asynccontextmanager
async def alerting_process(broker: Endpoint, state_dir: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.alerting.process",
        broker.host,
        str(broker.port),
        str(state_dir),
        cwd=DEMO,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
