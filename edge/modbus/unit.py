"""One Modbus unit: what to ask it, what its answers say, and what it refuses."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from district.bus import ModbusBus as BusSpec
from district.cover import Bounds, Cell, Request, Rota
from district.inventory import Device
from district.register import BIT_TABLES, Table
from edge.errors import EdgeSpecError
from edge.modbus.framing import ReadRequest
from edge.plan import Layout, PlacedPoint, bounds_on, cost_on, lay_out, plan_device
from edge.quarantine import Quarantine
from edge.registers import Decoded, Decoder, Raw, raw_reader, scale_factor
from transport.measurement import Quality

_ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 2, 3

Values = dict[str, Decoded]
Place = tuple[Table, int]


class _Slot(NamedTuple):
    """One point, prepared for decoding."""

    point: PlacedPoint
    decoder: Decoder
    scale_readers: tuple[Callable[[bytes, int], Raw | None], ...]


class ModbusUnit:
    """The conversation with one unit, without the wire: requests out, values in.

    A request that is refused with exception 2 is asked again without the addresses between its points, then
    in halves, until the register at fault is alone; that one is left out, and tried again later.

    Raises:
        EdgeSpecError: The device has no unit number, or a point that no request can hold.
    """

    def __init__(self, device: Device, spec: BusSpec, urgent: Collection[str] = ()) -> None:
        if device.unit is None:
            raise EdgeSpecError(f"{device.id}: a Modbus device needs a unit")
        self.device = device
        self.number = device.unit
        self._rest_s = device.limits.pause.total_seconds()
        self._cost = cost_on(spec, device)
        self._bounds = bounds_on(spec, device)
        self._layout: Layout = lay_out(device)
        self._urgent = frozenset(urgent)
        self._slots: dict[Cell, list[_Slot]] = {}
        for point in self._layout.points:
            readers = tuple(raw_reader(scale) for scale in point.source.scale_by)
            self._slots.setdefault(point.cell, []).append(_Slot(point, Decoder(point.source), readers))
        self._scale_cells = frozenset(cell for point in self._layout.points for cell in point.scale_cells)
        self._said: dict[Cell, tuple[bytes, int]] = {}  # the registers that say scales, as last heard
        self._refused: Quarantine[Cell] = Quarantine()
        self._barred: Quarantine[Place] = Quarantine()  # addresses between points
        self._longest_refused: dict[Table, int] = {}
        self._longest_accepted: dict[Table, int] = {}
        self._rota: Rota = self._plan()

    @property
    def steps(self) -> tuple[timedelta, ...]:
        """The intervals among its points."""
        return tuple(sorted({cell.every for cell in self._layout.cells}))

    @property
    def rota(self) -> Rota:
        """How it is asked at present."""
        return self._rota

    def requests(self, due: frozenset[timedelta], now_s: float) -> list[Request]:
        """What to ask when these intervals are due; registers that say scales come first."""
        for place in self._barred.to_try(now_s):
            self._barred.accepted(place)
            self._rota = self._plan()
        requests = list(self._rota.requests(due & frozenset(self._rota.steps)))
        requests += [
            Request(cell.table, cell.address, cell.words, (cell,)) for cell in self._refused.to_try(now_s)
        ]
        for request in requests:
            for cell in request.cells:
                self._said.pop(cell, None)
        return sorted(requests, key=lambda request: self._scale_cells.isdisjoint(request.cells))

    def requests_of(self, name: str) -> list[Request]:
        """What to ask for one point alone; registers that say its scale come first."""
        point = next(point for point in self._layout.points if point.name == name)
        return [
            Request(cell.table, cell.address, cell.words, (cell,))
            for cell in (*point.scale_cells, point.cell)
        ]

    def question(self, request: Request) -> ReadRequest:
        """The request as it is asked on the bus."""
        return ReadRequest(
            device_id=self.device.id,
            unit=self.number,
            table=request.table,
            address=request.address,
            count=request.count,
            rest_s=self._rest_s,
        )

    def answered(self, request: Request, data: bytes) -> Values:
        """The values that the answer to a request says."""
        self._longest_accepted[request.table] = max(
            request.count, self._longest_accepted.get(request.table, 0)
        )
        if [cell for cell in request.cells if self._refused.accepted(cell)]:
            self._rota = self._plan()
        for cell in self._scale_cells.intersection(request.cells):
            self._said[cell] = data, cell.address - request.address
        return {
            slot.point.name: self._decode(slot, data, cell.address - request.address)
            for cell in request.cells
            for slot in self._slots.get(cell, ())
        }

    def refused(self, request: Request, code: int, now_s: float) -> list[Request]:
        """What to ask at once in place of a request that was refused; nothing if it cannot be helped."""
        if code not in {_ILLEGAL_ADDRESS, _ILLEGAL_VALUE}:
            return []
        if holes := self._holes(request):
            for place in holes:
                self._barred.refused(place, now_s)
            self._rota = self._plan()
            return self._rota.ground.cover(request.cells, self._cost)
        if len(request.cells) > 1:
            self._longest_refused[request.table] = request.count
            return _halves(request)
        if code == _ILLEGAL_ADDRESS:
            self._refused.refused(request.cells[0], now_s)
            self._longest_refused.clear()  # it was this register, not the length
            self._rota = self._plan()
        return []

    def poll_ends(self) -> None:
        """Note that everything due was asked: what was refused only for its length teaches the limit."""
        for table in self._longest_refused:
            most = self._longest_accepted.get(table)
            if most is not None and most < self._bounds.most(table):
                key = "max_bits" if table in BIT_TABLES else "max_words"
                self._bounds = replace(self._bounds, **{key: most})  # type: ignore[arg-type]  # both are ints
                self._rota = self._plan()
        self._longest_refused.clear()
        self._longest_accepted.clear()

    def names(self, requests: Collection[Request]) -> list[str]:
        """The points that lie in requests."""
        return self._layout.names_at({cell for request in requests for cell in request.cells})

    def quarantined(self, due: frozenset[timedelta]) -> list[str]:
        """The points among those due that cannot be had, because the unit refuses a register of theirs."""
        held = self._refused.keys
        return [
            point.name
            for point in self._layout.points
            if point.cell.every in due and not held.isdisjoint((point.cell, *point.scale_cells))
        ]

    @property
    def is_refusing(self) -> bool:
        """Whether registers are left out because the unit refuses them."""
        return bool(self._refused)

    @property
    def has_urgent(self) -> bool:
        """Whether any of its points feeds a rule that can turn orange or red."""
        return bool(self._urgent)

    def is_urgent(self, request: Request) -> bool:
        """Whether a point of a request, or one that it says the scale of, is urgent."""
        cells = set(request.cells)
        return any(
            point.name in self._urgent and not cells.isdisjoint((point.cell, *point.scale_cells))
            for point in self._layout.points
        )

    def _decode(self, slot: _Slot, data: bytes, start: int) -> Decoded:
        if not slot.scale_readers:
            return slot.decoder.decode(data, start)
        said = [self._said.get(cell) for cell in slot.point.scale_cells]
        raws = [
            None if each is None else reader(*each)
            for reader, each in zip(slot.scale_readers, said, strict=True)
        ]
        factor = scale_factor(slot.point.source.scale_by, raws)
        return (None, Quality.INVALID) if factor is None else slot.decoder.decode(data, start, factor)

    def _plan(self) -> Rota:
        held = self._refused.keys
        barred = {(cell.table, place) for cell in held for place in range(cell.address, cell.end)}
        bounds: Bounds = replace(self._bounds, forbidden=self._barred.keys | barred)
        return plan_device(
            self.device,
            bounds,
            self._cost,
            cells=self._layout.cells - held,
            known=self._layout.cells,
        )

    def _holes(self, request: Request) -> list[Place]:
        """The first address of each gap between the unit's registers inside a request."""
        there = {
            place
            for cell in self._layout.cells
            if cell.table == request.table
            for place in range(cell.address, cell.end)
        }
        span = range(request.address, request.address + request.count)
        return [(request.table, place) for place in span if place not in there and (place - 1 in there)]


def _halves(request: Request) -> list[Request]:
    middle = len(request.cells) // 2
    halves = []
    for cells in (request.cells[:middle], request.cells[middle:]):
        address = cells[0].address
        halves.append(Request(request.table, address, max(cell.end for cell in cells) - address, cells))
    return halves
