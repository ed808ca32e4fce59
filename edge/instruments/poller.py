"""The owner of one line with instruments that are asked: one at a time, on the grid of event time."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog

from district.inventory import Device, Speech
from edge.counters import Counters
from edge.errors import EdgeSpecError, LinkDownError, ReadError
from edge.grid import Grid
from edge.health import Health
from edge.instruments.questions import ask
from edge.intake import Intake
from edge.judging import Sources, readings_of, sources_of
from edge.link import Link
from edge.waiting import reached
from transport.clock import Clock
from transport.measurement import Quality, from_ms, to_ms

log = structlog.get_logger(__name__)


class _Asked(NamedTuple):
    """An instrument, how it is asked, and how it is."""

    device: Device
    speech: Speech
    sources: Sources
    health: Health


class InstrumentPoller:
    """Asks the instruments of one line; one that fails costs its timeout and then a question a back-off.

    Raises:
        EdgeSpecError: A device says nothing of how it is asked.
    """

    def __init__(
        self,
        bus_id: str,
        link: Link,
        devices: Sequence[Device],
        *,
        timeout_s: float,
        clock: Clock,
        intake: Intake,
        counters: Counters,
    ) -> None:
        self._bus_id = bus_id
        self._link = link
        self._timeout_s = timeout_s
        self._clock = clock
        self._intake = intake
        self._counters = counters
        self._down = False
        self._asked = [
            _Asked(device, _speech(device), sources_of(device), Health(attempt_s=timeout_s))
            for device in devices
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until ``stop``; an answer that is under way then is still taken."""
        try:
            with suppress(LinkDownError):  # told of at the first question
                await self._link.open()
            if self._asked and await reached(self._clock, self._clock.starts_at, stop):
                await self._ask_on_grid(stop)
        finally:
            await self._link.close()

    async def _ask_on_grid(self, stop: asyncio.Event) -> None:
        grid = Grid([[each.device.interval] for each in self._asked], self._clock.now_ms())
        while await reached(self._clock, grid.next().at, stop):
            place = grid.next().place
            asked = self._asked[place]
            self._counters.late_polls += grid.take(place, self._clock.now_ms()).missed
            if asked.health.may_try(asyncio.get_running_loop().time()):
                await self._ask(asked)

    async def _ask(self, asked: _Asked) -> None:
        device = asked.device
        self._counters.polls += 1
        try:
            await self._link.open()
            telegram = await ask(self._link, device, asked.speech, self._timeout_s)
            at = from_ms(self._link.heard_ms)
        except LinkDownError as exc:
            self._note_down(exc)
            self._fail(device, ReadError(device.id, str(exc)))
        except ReadError as exc:
            self._note_up()
            self._fail(device, exc)
            if asked.health.failed(asyncio.get_running_loop().time()):
                self._counters.silent += 1
                log.warning("device-silent", device=device.id, bus=self._bus_id, reason=exc.reason)
        else:
            self._note_up()
            self._counters.answers += 1
            if asked.health.answered():
                self._counters.silent -= 1
                log.info("device-back", device=device.id, bus=self._bus_id)
            said = {each.code for each in telegram.said}
            missing = [point for code, (point, _) in asked.sources.items() if code not in said]
            for reading in readings_of(device.id, telegram.said, asked.sources, at):
                self._intake.take(reading)
            if missing:  # it answers, and not with all that its profile expects
                self._intake.fail(device, missing, Quality.SENTINEL, to_ms(at))

    def _fail(self, device: Device, exc: ReadError) -> None:
        self._counters.errors += 1
        self._intake.fail(device, device.points, exc.quality, self._clock.now_ms())

    def _note_down(self, exc: LinkDownError) -> None:
        if not self._down:
            log.warning("bus-down", bus=self._bus_id, reason=str(exc))
        self._down = True

    def _note_up(self) -> None:
        if self._down:
            log.info("bus-up", bus=self._bus_id)
        self._down = False


def _speech(device: Device) -> Speech:
    if device.speech is None:
        raise EdgeSpecError(f"{device.id}: nothing says how it is asked")
    return device.speech
