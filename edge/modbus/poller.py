"""The owner of one Modbus bus: polls its units when they are due, one at a time."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog

from edge.counters import Counters
from edge.errors import LinkDownError, ReadError, RefusedError
from edge.grid import Grid
from edge.health import Health
from edge.intake import Intake
from edge.modbus.bus import ModbusBus
from edge.modbus.unit import ModbusUnit
from edge.plan import Block
from edge.waiting import reached
from transport.clock import Clock
from transport.measurement import Quality

log = structlog.get_logger(__name__)


class _Polled(NamedTuple):
    """A unit and how it is."""

    unit: ModbusUnit
    health: Health


class BusPoller:
    """Polls the units of one bus on the grid of event time.

    A unit that fails costs one timeout and then one short question a back-off; its neighbours keep their
    times. That its points have no value is told when it begins, and then at their heartbeat.
    """

    def __init__(
        self,
        bus_id: str,
        bus: ModbusBus,
        units: Sequence[ModbusUnit],
        *,
        attempt_s: float,
        clock: Clock,
        intake: Intake,
        counters: Counters,
    ) -> None:
        self._bus_id = bus_id
        self._bus = bus
        self._polled = [_Polled(unit, Health(attempt_s=attempt_s)) for unit in units]
        self._clock = clock
        self._intake = intake
        self._counters = counters
        self._down = False
        self._refusing: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until ``stop``; an answer that is under way then is still taken."""
        try:
            with suppress(LinkDownError):  # told of at the first poll
                await self._bus.open()
            if self._polled and await reached(self._clock, self._clock.starts_at, stop):
                await self._poll_on_grid(stop)
        finally:
            await self._bus.close()

    async def _poll_on_grid(self, stop: asyncio.Event) -> None:
        grid = Grid([each.unit.device.interval for each in self._polled], self._clock.now_ms())
        while await reached(self._clock, grid.next().at, stop):
            polled = self._polled[grid.next().place]
            self._counters.late_polls += grid.advance(self._clock.now_ms())
            if polled.health.may_try(asyncio.get_running_loop().time()):
                await self._poll(polled)

    async def _poll(self, polled: _Polled) -> None:
        """Read every block of one unit; a block that is refused does not spoil the others."""
        unit = polled.unit
        refused: list[Block] = []
        left = list(unit.blocks)
        self._counters.polls += 1
        try:
            while left:
                try:
                    reading = await unit.read(left[0])
                except RefusedError as exc:
                    if smaller := unit.split(left[0], exc.code):
                        left[:1] = smaller
                        continue
                    refused.append(left[0])
                else:
                    self._counters.answers += 1
                    self._intake.take(reading)
                left.pop(0)
        except LinkDownError as exc:
            self._note_down(exc)
            self._fail(unit, left, Quality.TIMEOUT)
        except ReadError as exc:
            self._note_failure(polled, exc)
            self._fail(unit, left, exc.quality)
        else:
            self._note_answer(polled)
            self._note_refusals(unit, refused)
        self._fail(unit, refused, Quality.EXCEPTION)

    def _fail(self, unit: ModbusUnit, blocks: Sequence[Block], quality: Quality) -> None:
        points = [each.point.id for block in blocks for each in block.points]
        if points:
            self._counters.errors += 1
            self._intake.fail(unit.device, points, quality, self._clock.now_ms())

    def _note_down(self, exc: LinkDownError) -> None:
        if not self._down:
            log.warning("bus-down", bus=self._bus_id, reason=str(exc))
        self._down = True

    def _note_up(self) -> None:
        if self._down:
            log.info("bus-up", bus=self._bus_id)
        self._down = False

    def _note_failure(self, polled: _Polled, exc: ReadError) -> None:
        self._note_up()
        if polled.health.failed(asyncio.get_running_loop().time()):
            self._counters.silent += 1
            log.warning("device-silent", device=exc.device_id, bus=self._bus_id, reason=exc.reason)

    def _note_answer(self, polled: _Polled) -> None:
        self._note_up()
        if polled.health.answered():
            self._counters.silent -= 1
            log.info("device-back", device=polled.unit.device.id, bus=self._bus_id)

    def _note_refusals(self, unit: ModbusUnit, refused: Sequence[Block]) -> None:
        device = unit.device.id
        if refused and device not in self._refusing:
            self._refusing.add(device)
            points = [each.point.id for block in refused for each in block.points]
            log.warning("device-refuses", device=device, bus=self._bus_id, points=points)
        elif not refused and device in self._refusing:
            self._refusing.remove(device)
            log.info("device-accepts", device=device, bus=self._bus_id)
