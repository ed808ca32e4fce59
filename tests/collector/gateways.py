"""A gateway as the collector sees it: publishes batches, hears acknowledgements."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from collector.app import CollectorConfig, run
from transport.acks import decode_ack
from transport.batch import Batch, Reading, build_batch, encode_batch
from transport.beat import Beat, decode_beat
from transport.measurement import Quality
from transport.session import Endpoint, Session, open_session
from transport.topics import GatewayTopics, server_status

DEADLINE_S = 30.0
NOON = 1_528_027_200_000  # 2018-06-03T12:00Z


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds; the test fails if it does not in time."""
    async with asyncio.timeout(DEADLINE_S):
        while not await holds():  # noqa: ASYNC110  (what it waits for lies in another process or server)
            await asyncio.sleep(0.02)


def batch_of(
    seq: int, count: int = 1, *, device: str = "river-01-level", epoch: str = "first", value: float = 0.5
) -> Batch:
    """A batch of ``count`` answers; each ``seq`` has minutes of its own."""
    readings = [
        Reading(device, NOON + (seq * 1000 + row) * 60_000, {"level": (value, Quality.GOOD)})
        for row in range(count)
    ]
    return build_batch(readings, gateway="gw-qingshan", epoch=epoch, seq=seq)


class Gateway:
    """Sends batches on its topics and collects what is acknowledged."""

    def __init__(self, session: Session, topics: GatewayTopics) -> None:
        self.acknowledged: set[tuple[str, int]] = set()
        self.beat: Beat | None = None
        self._session = session
        self._topics = topics

    async def send(self, batch: Batch, *, replay: bool = False) -> None:
        """Publish a batch live, or again."""
        await self.send_raw(encode_batch(batch), replay=replay)

    async def send_raw(self, payload: bytes, *, replay: bool = False) -> None:
        """Publish whatever there is."""
        await self._session.publish(self._topics.replay("store") if replay else self._topics.live, payload)

    async def has(self, *names: tuple[str, int]) -> None:
        """Wait until all these (epoch, seq) are acknowledged."""

        async def all_there() -> bool:
            return self.acknowledged >= set(names)

        await eventually(all_there)

    async def reports(self, **counters: float) -> None:
        """Wait until the collector's beat says so."""

        async def said() -> bool:
            return self.beat is not None and counters.items() <= self.beat.counters.items()

        await eventually(said)

    async def listen(self) -> None:
        """Take acknowledgements and beats, until cancelled."""
        while True:
            [message] = await self._session.receive()
            if message.topic == self._topics.ack:
                ack = decode_ack(message.payload)
                assert ack.consumer == "store"
                self.acknowledged |= {
                    (ack.epoch, n) for first, last in ack.ranges for n in range(first, last + 1)
                }
            else:
                self.beat = decode_beat(message.payload)


@asynccontextmanager
async def open_gateway(broker: Endpoint, gateway: str = "gw-qingshan") -> AsyncIterator[Gateway]:
    """A gateway that is connected."""
    topics = GatewayTopics("qingshan-town", gateway)
    async with open_session(
        broker, client_id=f"test-{gateway}", subscriptions=[topics.ack, server_status("collector")]
    ) as session:
        await asyncio.wait_for(session.connected.wait(), DEADLINE_S)
        opened = Gateway(session, topics)
        listening = asyncio.create_task(opened.listen())
        try:
            yield opened
        finally:
            listening.cancel()
            await asyncio.wait([listening])


@asynccontextmanager
async def running(config: CollectorConfig) -> AsyncIterator[None]:
    """Run the collector while the block runs, connected to its broker."""
    stop = asyncio.Event()
    collector = asyncio.create_task(run(config, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(collector, DEADLINE_S)


def dead_letters(state_dir: Path) -> str:
    """All dead letters so far."""
    path = state_dir / "dead-letters.jsonl"
    return path.read_text() if path.exists() else ""
