"""A soak: every Modbus device of a gateway is read again and again for a while, and what came is counted."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from district.bus import ModbusBus
from district.inventory import Device, Gateway
from edge.errors import LinkDownError
from edge.modbus.build import build_bus
from edge.modbus.bus import ModbusBus as BusOwner
from tocsin.device import Visit, Visitor
from transport.clock import real_clock

_ROUND_EVERY_S = 0.2  # the line of a running plant is not flooded
_BUS_AWAY_S = 1.0


@dataclass(slots=True)
class Endured:
    """What one device did in a soak."""

    device: str
    first: Visit | None = None  # none while its bus could not be opened
    asked: int = 0
    took_ms: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def is_well(self) -> bool:
        """Whether it was read, every first value is good, and it answered every request."""
        return self.first is not None and self.first.is_well and not self.errors

    def note(self, visit: Visit) -> None:
        """Count what a visit brought."""
        if self.first is None:
            self.first = visit
        for exchange in visit.exchanges:
            self.asked += 1
            if exchange.error is not None:
                self.errors[exchange.error] += 1
            elif exchange.took_ms is not None:
                self.took_ms.append(exchange.took_ms)

    def round_trips(self) -> tuple[float, float, float] | None:
        """Median, 95th percentile and longest, in milliseconds; none without two answers."""
        if len(self.took_ms) < 2:  # noqa: PLR2004  (a percentile needs two)
            return None
        return median(self.took_ms), quantiles(self.took_ms, n=20, method="inclusive")[-1], max(self.took_ms)


async def soak(
    gateway: Gateway, devices: Sequence[Device], endpoints: Mapping[str, str], lasting_s: float
) -> dict[str, Endured]:
    """Read every Modbus device for so long, all buses at once; by device."""
    until_s = asyncio.get_running_loop().time() + lasting_s
    endured: dict[str, Endured] = {}
    async with asyncio.TaskGroup() as tasks:
        for bus, spec in gateway.buses.items():
            theirs = [device for device in devices if device.bus == bus]
            if isinstance(spec, ModbusBus) and theirs:
                endured |= {device.id: Endured(device.id) for device in theirs}
                owner = build_bus(spec, bus, now_ms=real_clock().now_ms, endpoint=endpoints.get(bus))
                visitors = [(endured[each.id], Visitor(each, spec, owner, None)) for each in theirs]
                tasks.create_task(_soak_bus(owner, visitors, until_s))
    return endured


async def _soak_bus(bus: BusOwner, visitors: Sequence[tuple[Endured, Visitor]], until_s: float) -> None:
    loop = asyncio.get_running_loop()
    try:
        while True:
            for record, visitor in visitors:
                try:
                    record.note(await visitor.visit())
                except LinkDownError as exc:
                    record.asked += 1
                    record.errors[str(exc)] += 1
                    await asyncio.sleep(_BUS_AWAY_S)
            if loop.time() >= until_s:
                return
            await asyncio.sleep(_ROUND_EVERY_S)
    finally:
        await bus.close()
