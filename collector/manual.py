"""Readings that people report (人工报汛): batches of a gateway of their own, with a spool as any has.

They go to the store and to the rules like any reading, and again until both have them. Whoever takes them
from people (the console, a command, replies to short messages) opens a spool of its own.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from collector.errors import ReadingRefusedError
from district.findings import Text
from district.inventory import Device, Point
from transport.batch import Reading, build_batch, encode_batch
from transport.courier import Courier
from transport.measurement import Quality
from transport.outbox import Outbox, open_outbox
from transport.session import Session
from transport.topics import GatewayTopics

GATEWAY = "manual"
CONSUMERS = ("store", "rules")
FILE_NAME = "manual.sqlite"
_OLDEST_MS = 7 * 86_400_000
_AHEAD_MS = 60_000


class Manual:
    """Takes readings from people; made by :func:`open_manual`."""

    def __init__(self, outbox: Outbox, courier: Courier, *, now_ms: Callable[[], int]) -> None:
        self._outbox = outbox
        self._courier = courier
        self._now_ms = now_ms

    async def heard(self, payload: bytes) -> None:
        """Take an acknowledgement.

        Raises:
            WireError: It is none.
        """
        await self._courier.heard(payload)

    async def drained(self) -> None:
        """Wait until everybody has everything."""
        await self._courier.drained()

    async def waiting(self) -> int:
        """How many readings not everybody has yet."""
        return await self._outbox.depth()

    async def report(self, device: Device, point: Point, value: float, at_ms: int) -> None:
        """Keep a reading, above the datum as people read it, and let it go.

        Raises:
            ReadingRefusedError: The instant or the value is impossible.
            sqlite3.Error: The disk refuses; it was not kept.
        """
        if point.counter:
            raise ReadingRefusedError(Text("a counter is not read by eye", "累计量不能人工填报"))
        now_ms = self._now_ms()
        if not now_ms - _OLDEST_MS <= at_ms <= now_ms + _AHEAD_MS:
            raise ReadingRefusedError(
                Text("the instant must lie within the last seven days", "观测时间须在最近七天之内")
            )
        raw = round(value - device.datum_zero, 6)
        if point.valid is not None and not point.valid[0] <= raw <= point.valid[1]:
            low, high = (round(bound + device.datum_zero, 3) for bound in point.valid)
            raise ReadingRefusedError(
                Text(
                    f"{value:g} is out of range: {low:g} to {high:g} {point.unit}",
                    f"{value:g} 超出量程：{low:g} 至 {high:g} {point.unit}",
                )
            )
        seq = self._outbox.next_seq()
        reading = Reading(device.id, at_ms, {point.id: (raw, Quality.GOOD)})
        batch = build_batch([reading], gateway=GATEWAY, epoch=self._outbox.epoch, seq=seq)
        await self._courier.send(seq, encode_batch(batch), urgent=True)


def manual_topics(area: str) -> GatewayTopics:
    """The topics of the gateway that people are."""
    return GatewayTopics(area, GATEWAY)


@asynccontextmanager
async def open_manual(
    path: Path, session: Session, topics: GatewayTopics, *, now_ms: Callable[[], int]
) -> AsyncIterator[Manual]:
    """Carry reported readings while the block runs; what nobody has acknowledged goes on at the next start.

    Raises:
        sqlite3.Error: The file is no outbox or the disk refuses.
    """
    async with open_outbox(path, epoch=secrets.token_hex(8), consumers=CONSUMERS) as outbox:
        courier = Courier(
            outbox,
            session,
            live_topic=topics.live,
            replay_topics={consumer: topics.replay(consumer) for consumer in CONSUMERS},
        )
        carrying = asyncio.create_task(courier.run(), name="manual")
        try:
            yield Manual(outbox, courier, now_ms=now_ms)
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)
