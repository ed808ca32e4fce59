"""A reading by eye, reported at the command line (人工报汛)."""

import asyncio
from contextlib import suppress
from datetime import datetime

from collector.errors import ReadingRefusedError
from collector.manual import FILE_NAME, Manual, manual_topics, open_manual
from district.findings import Language
from district.inventory import District
from tocsin.errors import TocsinError
from tocsin.history import find_point
from tocsin.wiring import Surroundings, broker_of, district_of
from transport.errors import WireError
from transport.measurement import to_ms
from transport.session import Session, open_session

_PART = "reading"
_CERTIFICATE = "console"  # people's readings are what its rights on the broker cover
_ACKS_AT_ONCE = 100


async def report_reading(
    at: Surroundings,
    device: str,
    point: str,
    value: float,
    *,
    taken_at: datetime | None,
    patience_s: float,
    language: Language,
) -> int:
    """Keep a reading and send it; how many readings store and rules do not have yet, this or earlier ones.

    Raises:
        TocsinError: There is no such device or point, or it cannot have read so.
    """
    district = district_of(at, areas=False)
    found, spec = find_point(district, device, point)
    at_ms = at.clock.now_ms() if taken_at is None else to_ms(_in_zone(taken_at, district))
    topics = manual_topics(district.root_area)
    async with (
        open_session(
            broker_of(district, at, _CERTIFICATE),
            client_id=f"tocsin-{district.id}-{_PART}",
            subscriptions=[topics.ack],
        ) as session,
        open_manual(at.state_of(_PART) / FILE_NAME, session, topics, now_ms=at.clock.now_ms) as manual,
    ):
        try:
            await manual.report(found, spec, value, at_ms)
        except ReadingRefusedError as exc:
            raise TocsinError(f"{device} {point}: {exc.words.in_language(language)}") from exc
        hearing = asyncio.create_task(_hear(session, manual), name="reading:acks")
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await manual.drained()
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        return await manual.waiting()


async def _hear(session: Session, manual: Manual) -> None:
    while True:
        for message in await session.receive(most=_ACKS_AT_ONCE):
            with suppress(WireError):
                await manual.heard(message.payload)


def _in_zone(instant: datetime, district: District) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=district.timezone)
