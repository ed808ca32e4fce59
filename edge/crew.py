"""The crew: the owners of a gateway's buses, of whom some may be exchanged while the others go on."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from district.devices import Bus
from district.inventory import Device, District
from edge.supervise import supervise
from edge.wiring import Work

_STOP_WITHIN_S = 2.0  # an answer under way is still taken


@dataclass(frozen=True, slots=True)
class BusPlan:
    """What one bus is to do; a bus whose plan is equal to its old one is left alone."""

    spec: Bus
    devices: tuple[Device, ...]


def plans_of(district: District, gateway: str) -> dict[str, BusPlan]:
    """The plan of every bus of a gateway."""
    devices = district.gateway_devices(gateway)
    return {
        bus: BusPlan(spec, tuple(device for device in devices if device.bus == bus))
        for bus, spec in district.gateways[gateway].buses.items()
    }


@dataclass(frozen=True, slots=True)
class _Shift:
    """The tasks of one bus, and what asks them to end."""

    stop: asyncio.Event
    tasks: Sequence["asyncio.Task[None]"]


class Crew:
    """Runs the buses of one gateway.

    Args:
        work_of: The tasks of one bus by its plan; opens nothing yet.
    """

    def __init__(self, work_of: Callable[[str, BusPlan], Sequence[Work]]) -> None:
        self._work_of = work_of
        self._plans: dict[str, BusPlan] = {}
        self._shifts: dict[str, _Shift] = {}

    async def exchange(
        self, plans: Mapping[str, BusPlan], between: Callable[[], None] = lambda: None
    ) -> frozenset[str]:
        """Run these plans from now on; the buses that were begun, changed or ended are returned.

        Args:
            plans: By bus.
            between: Called when what ends has ended and nothing new has begun.

        Raises:
            EdgeSpecError: A plan is impossible; everything goes on as before.
        """
        new = {bus: plan for bus, plan in plans.items() if self._plans.get(bus) != plan}
        work = {bus: self._work_of(bus, plan) for bus, plan in new.items()}
        touched = frozenset([*new, *(self._plans.keys() - plans.keys())])
        await self._end(touched)
        between()
        for bus, tasks in work.items():
            self._begin(bus, tasks)
        self._plans = dict(plans)
        return touched

    async def end(self) -> None:
        """Give each bus a moment to finish what it is at, then end it."""
        await self._end(self._shifts.keys())

    def _begin(self, bus: str, work: Sequence[Work]) -> None:
        stop = asyncio.Event()
        tasks = [
            asyncio.create_task(
                supervise(f"bus:{bus}:{place}", partial(each, stop)), name=f"bus:{bus}:{place}"
            )
            for place, each in enumerate(work)
        ]
        self._shifts[bus] = _Shift(stop, tasks)

    async def _end(self, buses: Iterable[str]) -> None:
        shifts = [self._shifts.pop(bus) for bus in list(buses) if bus in self._shifts]
        tasks = [task for shift in shifts for task in shift.tasks]
        for shift in shifts:
            shift.stop.set()
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=_STOP_WITHIN_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
