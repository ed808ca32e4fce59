"""The whole way by modem: a warning to a telephone, then its code in a reply, or a key in a call."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from alerting.app import AlertingConfig, run
from alerting.channels.settings import ChannelName, ChannelsSpec, ModemSpec
from alerting.contacts import Contacts, EscalationSpec, RouteSpec
from alerting.ledger import read_entries, read_warnings
from firmware_sim.gsm_modem import GsmModem
from rules.transition import Level
from tests.alerting.engines import running_engine
from tests.alerting.samples import announce, demo_contacts, demo_district, transition
from transport.clock import real_clock
from transport.session import Endpoint

WANG = "+8613800138000"
PATIENCE_S = 60.0


def contacts(port: Path, via: ChannelName) -> Contacts:
    """Wang Min has nothing but a telephone."""
    demo = demo_contacts()
    people = tuple(
        one.model_copy(update={"channels": ChannelsSpec(telephone=WANG)}) if one.id == "wang-min" else one
        for one in demo.people
    )
    wardens = RouteSpec(
        levels=("orange", "red"),
        to=("role:warden",),
        via=(via,),
        escalate=(EscalationSpec(after=timedelta(hours=1), to=("role:duty",), via=("console",)),),
    )
    modem = ModemSpec(port=str(port), baud=921600)
    return demo.model_copy(update={"people": people, "routes": (wardens,), "modem": modem})


@asynccontextmanager
async def alerting(broker: Endpoint, folder: Path, via: ChannelName) -> AsyncIterator[GsmModem]:
    modem = GsmModem(folder / "modem")
    modem.plug()
    stop = asyncio.Event()
    config = AlertingConfig(
        district=demo_district(),
        contacts=contacts(folder / "modem", via),
        broker=broker,
        state_dir=folder,
        clock=real_clock(),
    )
    task = asyncio.create_task(run(config, stop))
    try:
        yield modem
    finally:
        stop.set()
        await task
        await modem.close()


def answers(folder: Path) -> list[dict[str, Any]]:
    entries = read_entries(folder / "alerting.sqlite")
    return [body for _, kind, _, body in entries if kind == "case" and "answer" in str(body["what"])]


def receipts(folder: Path) -> list[str]:
    return [
        str(receipt.state)
        for warning in read_warnings(folder / "alerting.sqlite")
        for receipt in warning.receipts
        if receipt.person == "wang-min"
    ]


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110  (what is waited for happens in a file)
            await asyncio.sleep(0.02)


async def test_the_code_in_a_reply_answers_the_case(broker: Endpoint, tmp_path: Path) -> None:
    async with running_engine(broker) as engine, alerting(broker, tmp_path, "modem-sms") as modem:
        await engine.tell([announce(transition(Level.ORANGE))])
        await until(lambda: modem.telephones.texts(WANG))
        code = re.search(r"\d{4}", modem.telephones.texts(WANG)[0].rpartition("回复")[2])
        assert code is not None

        modem.receive(WANG, f"收到 {code[0]}")
        await until(lambda: answers(tmp_path))
        await until(lambda: "delivered" in receipts(tmp_path))

    (given,) = answers(tmp_path)
    assert (given["person"], given["by"]) == ("wang-min", "code")
    assert receipts(tmp_path) == ["sent", "delivered"]
    assert modem.stored == 0


async def test_the_key_in_a_call_answers_the_case(broker: Endpoint, tmp_path: Path) -> None:
    async with running_engine(broker) as engine, alerting(broker, tmp_path, "modem-call") as modem:
        await engine.tell([announce(transition(Level.ORANGE))])
        await until(lambda: answers(tmp_path))
        await until(lambda: "delivered" in receipts(tmp_path))

    (given,) = answers(tmp_path)
    assert (given["person"], given["by"]) == ("wang-min", "keypress")
    assert modem.confirmed == [WANG]
