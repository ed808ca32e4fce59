"""The escalator: takes each step of a case when its time comes, in event time."""

import asyncio
import sqlite3
from contextlib import suppress

import structlog

from alerting.decide import Decider
from alerting.desk import Desk
from alerting.docket import Docket
from transport.clock import Clock
from transport.measurement import from_ms

log = structlog.get_logger(__name__)

_AGAIN_S = 5.0  # wall time before a disk that refuses is tried again


class Escalator:
    """Sleeps until the next step; what came due while the process was down is taken at once."""

    def __init__(self, decider: Decider, desk: Desk, docket: Docket, clock: Clock) -> None:
        self._decider = decider
        self._desk = desk
        self._docket = docket
        self._clock = clock

    async def run(self) -> None:
        """Escalate until cancelled."""
        while True:
            changed = self._decider.changed
            await self._wait(changed)
            if changed.is_set():
                continue
            lanes = self._docket.lanes_due(self._clock.now_ms())
            try:
                await self._decider.decide(
                    lanes, lambda sitting: self._docket.escalate(sitting, self._desk.threads)
                )
            except sqlite3.Error:
                log.exception("escalation-not-recorded")
                await asyncio.sleep(_AGAIN_S)

    async def _wait(self, changed: asyncio.Event) -> None:
        """Until the next step is due, or the cases changed."""
        due_ms = self._docket.next_ms()
        if due_ms is None:
            await changed.wait()
            return
        left_s = self._clock.wall_s(from_ms(due_ms)) - self._clock.wall()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left_s)):
                await changed.wait()
        if not changed.is_set():
            await self._clock.sleep_until(from_ms(due_ms))
