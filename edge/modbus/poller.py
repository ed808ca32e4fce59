"""The owner of one Modbus bus: polls its units when they are due, one at a time."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple, Protocol

import structlog

from district.cover import Request
from district.inventory import Device
from edge.counters import Counters
from edge.errors import LinkDownError, ReadError, RefusedError
from edge.grid import Due, Grid
from edge.health import Health
from edge.modbus.bus import ModbusBus
from edge.modbus.unit import ModbusUnit
from edge.overload import Overload
from edge.waiting import reached
from transport.batch import Reading
from transport.clock import Clock
from transport.measurement import Quality
from transport.metrics import Figure

log = structlog.get_logger(__name__)

_FAIR_EVERY = 5  # polls; of an overloaded bus, one in so many goes to whoever waits longest


class Sink(Protocol):
    """Whoever takes what instruments say."""

    def take(self, reading: Reading) -> None:
        """Take what one answer said."""

    def fail(self, device: Device, points: Iterable[str], quality: Quality, at_ms: int) -> None:
        """Take that these points have no value now, and why."""


class _Polled(NamedTuple):
    """A unit and how it is."""

    unit: ModbusUnit
    health: Health


class BusPoller:
    """Polls the units of one bus on the grid of event time.

    A unit that fails costs one timeout and then one short question a back-off; its neighbours keep their
    times. That its points have no value is told when it begins, and then at their heartbeat. While the bus
    cannot keep up, points that feed rules at orange or red go first.
    """

    def __init__(
        self,
        bus_id: str,
        bus: ModbusBus,
        units: Sequence[ModbusUnit],
        *,
        attempt_s: float,
        clock: Clock,
        intake: Sink,
        counters: Counters,
    ) -> None:
        self._bus_id = bus_id
        self._bus = bus
        self._polled = [_Polled(unit, Health(attempt_s=attempt_s)) for unit in units]
        self._clock = clock
        self._intake = intake
        self._counters = counters
        self._overload = Overload()
        self._turns = 0
        self._down = False
        self._refusing: dict[str, frozenset[str]] = {}
        self._errors: Counter[tuple[str, Quality]] = Counter()
        counters.buses[bus_id] = self.figures

    def figures(self) -> Iterator[Figure]:
        """What the bus and its devices say of themselves: planned load, time spent, round trips, errors."""
        of_bus, spent = {"bus": self._bus_id}, self._bus.figures
        load = sum(each.unit.rota.load for each in self._polled) * self._clock.speed
        yield Figure("bus_load", round(load, 4), of_bus, is_now=True)
        yield Figure("bus_busy_s", round(spent.busy_s, 3), of_bus)
        yield Figure("bus_wasted_s", round(spent.wasted_s, 3), of_bus)
        yield Figure("bus_asked", spent.asked, of_bus)
        yield Figure("bus_answered", spent.answered, of_bus)
        for each in self._polled:
            device = each.unit.device
            of_device = {"bus": self._bus_id, "device": device.id}
            round_trip_s = self._bus.round_trip_s(each.unit.number)
            if round_trip_s is not None:
                yield Figure("round_trip_ms", round(1000 * round_trip_s, 2), of_device, is_now=True)
            yield Figure("device_silent", int(each.health.is_silent), of_device, is_now=True)
        for (name, quality), times in self._errors.items():
            kind = quality.partition(":")[2]
            yield Figure("device_errors", times, {"bus": self._bus_id, "device": name, "kind": kind})

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
        loop = asyncio.get_running_loop()
        grid = Grid([each.unit.steps for each in self._polled], self._clock.now_ms())
        while await reached(self._clock, grid.next().at, stop):
            now_ms = self._clock.now_ms()
            place, in_haste = self._choose(grid.ready(now_ms) or [grid.next()])
            turn = grid.take(place, now_ms)
            polled = self._polled[place]
            self._note_load(0 if polled.health.is_silent else turn.missed)
            if polled.health.may_try(loop.time()):
                spare_s = (grid.next().at_ms - now_ms) / 1000 / self._clock.speed
                await self._poll(polled, turn.steps, in_haste=in_haste, spare_s=spare_s)

    def _choose(self, ready: Sequence[Due]) -> tuple[int, bool]:
        """Whose turn it is, and whether only its urgent points are to be asked.

        A silent unit lets the others go first. While the bus keeps up, whoever waits longest; else first who
        has an urgent point, but now and then whoever waits longest, so that nobody is forgotten.
        """
        self._turns += 1
        ready = [due for due in ready if not self._may_wait(due)] or ready
        longest = ready[0].place
        if not self._overload.is_on or len(ready) == 1 or self._turns % _FAIR_EVERY == 0:
            return longest, False
        urgent = (due.place for due in ready if self._polled[due.place].unit.has_urgent)
        place = next(urgent, None)
        return (longest, False) if place is None else (place, True)

    def _may_wait(self, due: Due) -> bool:
        """Whether a poll is of a silent unit that was not passed over for a whole interval yet."""
        polled = self._polled[due.place]
        waited_ms = self._clock.now_ms() - due.at_ms
        return polled.health.is_silent and waited_ms < polled.unit.steps[0].total_seconds() * 1000

    async def _poll(
        self, polled: _Polled, due: frozenset[timedelta], *, in_haste: bool, spare_s: float
    ) -> None:
        """Read what is due of one unit; a request that is refused does not spoil the others."""
        unit = polled.unit
        now_s = asyncio.get_running_loop().time()
        left = unit.requests(due, now_s)
        if in_haste:
            left = [request for request in left if unit.is_urgent(request)]
        if not left:
            self._fail(unit, unit.quarantined(due), Quality.EXCEPTION)
            return
        refused: list[Request] = []
        self._counters.polls += 1
        try:
            await self._ask(unit, left, refused, spare_s)
        except LinkDownError as exc:
            self._note_down(exc)
            self._fail(unit, unit.names(left), Quality.TIMEOUT)
        except ReadError as exc:
            self._note_failure(polled, exc)
            self._fail(unit, unit.names(left), exc.quality)
        else:
            unit.poll_ends()
            self._note_answer(polled)
        names = frozenset(unit.names(refused)) | frozenset(unit.quarantined(due))
        self._note_refusals(unit, names)
        self._fail(unit, sorted(names), Quality.EXCEPTION)

    async def _ask(
        self, unit: ModbusUnit, left: list[Request], refused: list[Request], spare_s: float
    ) -> None:
        """Ask until nothing is left; what is refused for good goes to ``refused``.

        Raises:
            ReadError: The unit is silent, or not to be understood.
            LinkDownError: The bus is away.
        """
        while left:
            try:
                answer = await self._bus.ask(unit.question(left[0]), spare_s=spare_s)
            except RefusedError as exc:
                if smaller := unit.refused(left[0], exc.code, asyncio.get_running_loop().time()):
                    left[:1] = smaller
                    continue
                refused.append(left[0])
            else:
                self._counters.answers += 1
                if values := unit.answered(left[0], answer.data):
                    self._intake.take(Reading(unit.device.id, answer.at_ms, values))
            left.pop(0)

    def _fail(self, unit: ModbusUnit, points: Sequence[str], quality: Quality) -> None:
        if points:
            self._counters.errors += 1
            self._intake.fail(unit.device, points, quality, self._clock.now_ms())

    def _note_load(self, missed: int) -> None:
        self._counters.late_polls += missed
        if self._overload.note(missed, asyncio.get_running_loop().time()):
            if self._overload.is_on:
                load = sum(each.unit.rota.load for each in self._polled) * self._clock.speed
                log.warning("bus-overloaded", bus=self._bus_id, planned_load=round(load, 3))
            else:
                log.info("bus-keeps-up", bus=self._bus_id)

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
        self._errors[exc.device_id, exc.quality] += 1
        if polled.health.failed(asyncio.get_running_loop().time()):
            self._counters.silent += 1
            log.warning("device-silent", device=exc.device_id, bus=self._bus_id, reason=exc.reason)

    def _note_answer(self, polled: _Polled) -> None:
        self._note_up()
        if polled.health.answered():
            self._counters.silent -= 1
            log.info("device-back", device=polled.unit.device.id, bus=self._bus_id)

    def _note_refusals(self, unit: ModbusUnit, refused: frozenset[str]) -> None:
        """Log what a unit begins to refuse, and that it has stopped."""
        device, before = unit.device.id, self._refusing.get(unit.device.id, frozenset())
        if refused - before:
            log.warning("device-refuses", device=device, bus=self._bus_id, points=sorted(refused))
        elif before and not refused and not unit.is_refusing:
            log.info("device-accepts", device=device, bus=self._bus_id)
            self._refusing.pop(device)
        if refused:
            self._refusing[device] = before | refused
            self._errors[device, Quality.EXCEPTION] += 1
