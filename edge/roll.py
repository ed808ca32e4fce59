"""The roll of one bus: who may speak on it, and who has not been heard of for too long."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from district.inventory import Device
from edge.counters import Counters
from edge.intake import Intake
from edge.waiting import reached
from transport.clock import Clock
from transport.measurement import Quality, to_ms

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Entry:
    """One device and when it was last heard of, in event time."""

    device: Device
    heard: datetime
    is_silent: bool = False


class Roll:
    """The devices of one bus that speak by themselves.

    Args:
        devices: Who they are.
        clock: Event time.
        intake: Takes that a device is silent.
        counters: The agent's figures.
    """

    def __init__(
        self, devices: Iterable[Device], *, clock: Clock, intake: Intake, counters: Counters
    ) -> None:
        self._clock = clock
        self._intake = intake
        self._counters = counters
        self._entries = {device.id: _Entry(device, clock.now()) for device in devices}

    def note_heard(self, device: Device) -> datetime:
        """Note that a device has spoken; returns when it did so before."""
        entry = self._entries[device.id]
        before, entry.heard = entry.heard, self._clock.now()
        if entry.is_silent:
            entry.is_silent = False
            self._counters.silent -= 1
            log.info("device-back", device=device.id, bus=device.bus)
        return before

    async def watch(self, stop: asyncio.Event) -> None:
        """Tell when a device has not spoken for too long, until ``stop``."""
        checked = self._clock.now()
        pause = min((each.device.interval for each in self._entries.values()), default=timedelta(hours=1))
        while await reached(self._clock, checked + pause, stop):
            checked = self._clock.now()
            for entry in self._entries.values():
                if checked - max(entry.heard, self._clock.starts_at) > entry.device.stale_after:
                    self._note_silent(entry, checked)

    def _note_silent(self, entry: _Entry, now: datetime) -> None:
        device = entry.device
        if not entry.is_silent:
            entry.is_silent = True
            self._counters.silent += 1
            log.warning("device-silent", device=device.id, bus=device.bus, reason="no report")
        self._counters.errors += 1
        self._intake.fail(device, device.points, Quality.TIMEOUT, to_ms(now))
