"""Collectors that are killed under load and started again: every sample is stored, each once."""

import asyncio
from pathlib import Path

import pytest

from tests.collector.gateways import NOON
from tests.collector.processes import SOAK, collecting, end, start_collector, stored_values
from tests.transport.consumers import TOPICS, Sender, open_sender
from transport.batch import Reading, build_batch, encode_batch
from transport.beat import decode_beat
from transport.measurement import Quality
from transport.session import Endpoint, Session, open_session
from transport.topics import server_status

pytestmark = [pytest.mark.server, pytest.mark.timeout(3600 if SOAK else 240)]

KILLS = 50 if SOAK else 5


async def test_kills_under_load_lose_and_double_nothing(broker: Endpoint, tmp_path: Path) -> None:
    sent = 0
    async with open_sender(broker, tmp_path / "outbox", consumers=["store"]) as sender:
        for _ in range(KILLS):
            before = len(stored_values(tmp_path))
            async with collecting(tmp_path, broker), asyncio.timeout(60):
                while len(stored_values(tmp_path)) < before + 50:
                    await send(sender, 20)
                    sent += 20
        async with collecting(tmp_path, broker):
            await sender.drained()

    assert stored_values(tmp_path) == list(range(1, sent + 1))


async def test_two_that_share_the_work_lose_and_double_nothing_when_each_is_killed(
    broker: Endpoint, tmp_path: Path
) -> None:
    sent, workers = 0, set[str]()
    members = {name: await start_collector(tmp_path, broker, member=name) for name in ("a", "b")}
    try:
        async with (
            open_sender(broker, tmp_path / "outbox", consumers=["store"]) as sender,
            open_session(broker, client_id="watch", subscriptions=[server_status("+")]) as beats,
        ):
            for number in range(KILLS):
                before = len(stored_values(tmp_path))
                async with asyncio.timeout(60):
                    while len(stored_values(tmp_path)) < before + 50 or len(workers) < len(members):
                        await send(sender, 20)
                        sent += 20
                        workers |= await at_work(beats)
                killed = "ab"[number % 2]
                await end(members[killed])
                await send(sender, 20)  # the other has them all
                sent += 20
                members[killed] = await start_collector(tmp_path, broker, member=killed)
            await sender.drained()
    finally:
        for process in members.values():
            await end(process)

    assert stored_values(tmp_path) == list(range(1, sent + 1))


async def send(sender: Sender, count: int) -> None:
    """Send that many batches; the value of each is its number."""
    for _ in range(count):
        seq = sender.outbox.next_seq()
        reading = Reading("gauge", NOON + seq, {"level": (float(seq), Quality.GOOD)})
        batch = build_batch([reading], gateway=TOPICS.gateway, epoch=sender.outbox.epoch, seq=seq)
        await sender.courier.send(seq, encode_batch(batch))


async def at_work(beats: Session) -> set[str]:
    """The collectors that have said they stored something."""
    names = set[str]()
    try:
        async with asyncio.timeout(0.01):
            while True:
                for message in await beats.receive(most=10):
                    beat = decode_beat(message.payload)
                    if beat.counters.get("stored"):
                        names.add(beat.service)
    except TimeoutError:
        return names
