"""What the owner of a bus needs beside the bus's description."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from district.inventory import Device
from edge.counters import Counters
from edge.intake import Intake
from edge.modbus.bus import ModbusBus
from transport.clock import Clock

Work = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set; returns once its bus is closed and all it said is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the owner of a bus needs beside its description."""

    bus_id: str
    devices: Sequence[Device]
    endpoint: str | None  # takes the place of the configured port or address
    passwords: Mapping[str, str]  # by device id
    timezone: ZoneInfo
    clock: Clock  # paces polls and dates what instruments do not date; it never jumps
    calendar: Clock  # the time as far as it is known: stations are judged by it, and set theirs by it
    intake: Intake
    counters: Counters
    owners: dict[str, ModbusBus]  # by bus: each enters itself, for those who switch something on it
    urgent: frozenset[tuple[str, str]] = frozenset()  # (device, point) that feeds a rule at orange or red
