"""Both ends of a courier over a real broker."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from transport.acks import Acknowledger
from transport.batch import Reading, build_batch, decode_batch, encode_batch
from transport.courier import Courier
from transport.measurement import Quality
from transport.outbox import Outbox, open_outbox
from transport.session import Endpoint, open_session
from transport.topics import GatewayTopics

DEADLINE_S = 60.0
TOPICS = GatewayTopics("qingshan-town", "gw-qingshan")
BOTH = ("store", "rules")


class Sender:
    """An outbox with its courier."""

    def __init__(self, outbox: Outbox, courier: Courier) -> None:
        self.outbox = outbox
        self.courier = courier

    async def send(self, count: int) -> list[tuple[str, int]]:
        """Send that many small batches; their names."""
        names = []
        for _ in range(count):
            seq = self.outbox.next_seq()
            reading = Reading("gauge", seq, {"level": (float(seq), Quality.GOOD)})
            batch = build_batch([reading], gateway=TOPICS.gateway, epoch=self.outbox.epoch, seq=seq)
            await self.courier.send(seq, encode_batch(batch))
            names.append((batch.epoch, batch.seq))
        return names

    async def drained(self) -> None:
        """Wait until everything is acknowledged."""
        await asyncio.wait_for(self.courier.drained(), DEADLINE_S)


@asynccontextmanager
async def open_sender(
    broker: Endpoint, path: Path, *, epoch: str = "first", consumers: Sequence[str] = BOTH
) -> AsyncIterator[Sender]:
    """A sender at work."""
    async with (
        open_outbox(path, epoch=epoch, consumers=consumers) as outbox,
        open_session(broker, client_id="sender", subscriptions=[TOPICS.ack]) as session,
    ):
        courier = Courier(
            outbox,
            session,
            live_topic=TOPICS.live,
            replay_topics={name: TOPICS.replay(name) for name in consumers},
        )

        async def hear() -> None:
            while True:
                for message in await session.receive(most=100):
                    await courier.heard(message.payload)

        async with asyncio.TaskGroup() as tasks:
            working = [tasks.create_task(courier.run()), tasks.create_task(hear())]
            yield Sender(outbox, courier)
            for task in working:
                task.cancel()


class Consumer:
    """Takes batches and, unless told not to, acknowledges them."""

    def __init__(self) -> None:
        self.live: list[tuple[str, int]] = []
        self.replayed: list[tuple[str, int]] = []
        self._more = asyncio.Event()

    @property
    def got(self) -> set[tuple[str, int]]:
        """The names of all it got, either way."""
        return {*self.live, *self.replayed}

    def take(self, name: tuple[str, int], *, replayed: bool) -> None:
        """Note one batch."""
        (self.replayed if replayed else self.live).append(name)
        self._more.set()

    async def has(self, names: Sequence[tuple[str, int]], *, live: bool = False) -> None:
        """Wait until it got all these, or all of them live."""
        async with asyncio.timeout(DEADLINE_S):
            while not set(names) <= (set(self.live) if live else self.got):
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def open_consumer(broker: Endpoint, name: str, *, answers: bool = True) -> AsyncIterator[Consumer]:
    """A consumer that is connected."""
    consumer = Consumer()
    async with open_session(
        broker, client_id=f"consumer-{name}", subscriptions=[TOPICS.live, TOPICS.replay(name)]
    ) as session:
        acknowledger = Acknowledger(session, name)

        async def consume() -> None:
            while True:
                for message in await session.receive(most=100):
                    batch = decode_batch(message.payload)
                    consumer.take((batch.epoch, batch.seq), replayed=message.topic != TOPICS.live)
                    if answers:
                        acknowledger.committed(TOPICS.ack, batch.epoch, batch.seq)

        await asyncio.wait_for(session.connected.wait(), DEADLINE_S)
        async with asyncio.TaskGroup() as tasks:
            working = [tasks.create_task(consume()), tasks.create_task(acknowledger.run())]
            yield consumer
            for task in working:
                task.cancel()
