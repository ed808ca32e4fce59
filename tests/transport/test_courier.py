"""The courier over a real broker: everything arrives, whatever is down for a while."""

import asyncio
from pathlib import Path

import pytest

from tests.servers import running_mosquitto
from tests.transport.consumers import open_consumer, open_sender
from transport.session import Endpoint

pytestmark = pytest.mark.server


async def test_everything_is_acknowledged_and_deleted(broker: Endpoint, tmp_path: Path) -> None:
    async with (
        open_consumer(broker, "store") as store,
        open_consumer(broker, "rules") as rules,
        open_sender(broker, tmp_path / "outbox") as sender,
    ):
        names = await sender.send(300)
        await sender.drained()

        assert store.got == rules.got == set(names)
        assert await sender.outbox.depth() == 0


async def test_live_messages_keep_their_order(broker: Endpoint, tmp_path: Path) -> None:
    async with (
        open_consumer(broker, "rules") as rules,
        open_sender(broker, tmp_path / "outbox", consumers=["rules"]) as sender,
    ):
        await sender.send(1)
        await sender.drained()  # connected by now
        names = await sender.send(300)
        await rules.has(names, live=True)

        assert [name for name in rules.live if name in set(names)] == names


async def test_a_consumer_that_is_down_holds_up_nobody_and_gets_all_when_it_returns(
    broker: Endpoint, tmp_path: Path
) -> None:
    async with (
        open_consumer(broker, "rules") as rules,
        open_sender(broker, tmp_path / "outbox") as sender,
    ):
        names = await sender.send(200)
        await rules.has(names)
        assert await sender.outbox.depth() == 200

        async with open_consumer(broker, "store") as store:
            await sender.drained()
            assert store.got == set(names)


async def test_a_backlog_does_not_block_what_is_new(broker: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    async with open_sender(broker, path, consumers=["store"]) as sender:
        old = await sender.send(500)
    async with (
        open_consumer(broker, "store", answers=False) as store,  # its backlog never drains
        open_sender(broker, path, epoch="second", consumers=["store"]) as sender,
    ):
        await store.has(old[:1])
        new = await sender.send(50)
        await store.has(new, live=True)

        assert await sender.outbox.depth() == 550


async def test_a_backlog_of_an_earlier_run_goes_oldest_first(broker: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    async with open_sender(broker, path, consumers=["store"]) as sender:
        names = await sender.send(200)
    async with (
        open_consumer(broker, "store") as store,
        open_sender(broker, path, epoch="second", consumers=["store"]) as sender,
    ):
        await sender.drained()

        assert list(dict.fromkeys(store.replayed)) == names


async def test_what_a_consumer_was_sent_while_deaf_is_sent_again(broker: Endpoint, tmp_path: Path) -> None:
    async with open_sender(broker, tmp_path / "outbox", consumers=["store"]) as sender:
        async with open_consumer(broker, "store", answers=False) as deaf:
            names = await sender.send(30)
            await deaf.has(names)
        async with open_consumer(broker, "store") as store:
            await sender.drained()

            assert store.got == set(names)


async def test_a_broker_that_is_killed_and_restarted_loses_nothing(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path) as server:
        broker = server.endpoint
        async with (
            open_consumer(broker, "store") as store,
            open_consumer(broker, "rules") as rules,
            open_sender(broker, tmp_path / "outbox") as sender,
        ):
            names = await sender.send(100)
            sending = asyncio.create_task(sender.send(400))
            await store.has(names[:50])
            server.kill()
            names += await sending  # collection does not wait for the broker
            await asyncio.to_thread(server.start)
            names += await sender.send(50)
            await sender.drained()

            assert store.got == rules.got == set(names)
