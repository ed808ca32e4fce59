"""The watch over the rules engine: alerting says that it lives only while the engine does."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic

import structlog

from alerting.database import Database
from alerting.ledger import Kind, append
from transport import topics
from transport.beat import decode_beat, keep_beating
from transport.clock import Clock
from transport.errors import WireError
from transport.session import Session

log = structlog.get_logger(__name__)

RULES = "rules"
_SILENT_AFTER_S = 30.0  # wall time


class Watch:
    """Notes when the engine falls silent and when it returns, and beats meanwhile."""

    def __init__(
        self,
        session: Session,
        database: Database,
        *,
        clock: Clock,
        service: str,
        counters: Callable[[], Mapping[str, float]],
    ) -> None:
        self._session = session
        self._database = database
        self._clock = clock
        self._service = service
        self._counters = counters
        self._heard_s = monotonic()
        self._heard = asyncio.Event()
        self._gone = asyncio.Event()

    @property
    def hears(self) -> bool:
        """Whether the engine is heard."""
        return self._heard.is_set() and not self._gone.is_set()

    def heard(self, payload: bytes) -> None:
        """Take a beat of the engine."""
        try:
            beat = decode_beat(payload)
        except WireError as exc:
            log.warning("beat-unreadable", reason=str(exc))
            return
        if beat.state == "up":
            self._heard_s = monotonic()
            self._gone.clear()
            self._heard.set()
        else:
            self._gone.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._heard.wait()
            await self._note("heard")
            beating = asyncio.create_task(self._beat(), name="alerting:beat")
            try:
                await self._silence()
            finally:
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)
            await self._note("silent")

    async def _beat(self) -> None:
        topic = topics.server_status(self._service)
        await keep_beating(self._session, topic, self._service, clock=self._clock, counters=self._counters)

    async def _silence(self) -> None:
        """Wait until the engine says that it is gone, or has said nothing for too long."""
        while (left_s := self._heard_s + _SILENT_AFTER_S - monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._gone.wait()
                    break
        self._heard.clear()

    async def _note(self, state: str) -> None:
        log.warning("rules-watched", state=state)
        body = {"service": RULES, "state": state}
        with suppress(sqlite3.Error):  # the watch goes on though the disk refuses: silence is worse
            await self._database.commit(
                partial(append, at_ms=self._clock.now_ms(), kind=Kind.WATCH, name=RULES, body=body)
            )
