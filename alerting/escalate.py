"""The escalator: takes what comes due, in event time: steps of cases, renewals, ends of shelves."""

import asyncio
import sqlite3
from contextlib import suppress

import structlog

from alerting.decide import Decider
from alerting.desk import Desk
from alerting.docket import Docket
from alerting.sitting import Sitting
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
            now_ms = self._clock.now_ms()
            lanes = self._docket.lanes_due(now_ms) | self._desk.lanes_due(now_ms)
            try:
                await self._decider.decide(lanes, self._go_on)
            except sqlite3.Error:
                log.exception("escalation-not-recorded")
                await asyncio.sleep(_AGAIN_S)

    def _go_on(self, sitting: Sitting) -> None:
        self._docket.escalate(sitting, self._desk.threads)
        self._desk.refresh(sitting)

    async def _wait(self, changed: asyncio.Event) -> None:
        """Until the next step is due, or the cases changed."""
        moments = [one for one in (self._docket.next_ms(), self._desk.next_ms()) if one is not None]
        due_ms = min(moments, default=None)
        if due_ms is None:
            await changed.wait()
            return
        left_s = self._clock.wall_s(from_ms(due_ms)) - self._clock.wall()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left_s)):
                await changed.wait()
        if not changed.is_set():
            await self._clock.sleep_until(from_ms(due_ms))
