"""What one device is asked: its points as cells of registers, and the requests of each instant."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from district.bus import ModbusBus, ModbusTcpBus
from district.bustime import Cost, request_s
from district.cover import Bounds, Cell, Rota, TooLongError, plan_rota
from district.inventory import Device, RegisterSource, ScaleSource
from edge.errors import EdgeSpecError

_TCP_ROUND_TRIP_S = 0.003
_TCP_VALUE_S = 2e-6  # two bytes at ten megabits a second


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPoint:
    """A point, where it lies, and where the device says how it is scaled."""

    name: str
    source: RegisterSource
    cell: Cell
    scale_cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The registers of one device that are wanted."""

    points: tuple[PlacedPoint, ...]
    cells: frozenset[Cell]

    def names_at(self, cells: Collection[Cell]) -> list[str]:
        """The points that lie in these cells."""
        return [point.name for point in self.points if point.cell in cells]


def lay_out(device: Device) -> Layout:
    """The cells of a device's points; what lies in the same registers is one cell, as often as it must be.

    Raises:
        EdgeSpecError: A point is no register.
    """
    wanted: dict[tuple[str, int, int], timedelta] = {}
    sources: dict[str, RegisterSource] = {}
    for point in device.points.values():
        if not isinstance(point.source, RegisterSource):
            raise EdgeSpecError(f"{device.id}: {point.id} is no register")
        sources[point.id] = point.source
        every = point.interval or device.interval
        places: tuple[RegisterSource | ScaleSource, ...] = (point.source, *point.source.scale_by)
        for place in places:
            key = (place.table, place.addr, place.words)
            wanted[key] = min(every, wanted.get(key, every))

    def cell(place: RegisterSource | ScaleSource) -> Cell:
        return Cell(place.table, place.addr, place.words, wanted[place.table, place.addr, place.words])

    points = tuple(
        PlacedPoint(
            name=name,
            source=source,
            cell=cell(source),
            scale_cells=tuple(cell(scale) for scale in source.scale_by),
        )
        for name, source in sources.items()
    )
    cells = frozenset(cell for point in points for cell in (point.cell, *point.scale_cells))
    return Layout(points=points, cells=cells)


def cost_on(bus: ModbusBus, device: Device) -> Cost:
    """What a request to a device costs its bus, in seconds."""
    if isinstance(bus, ModbusTcpBus):
        pause_s = device.limits.pause.total_seconds()
        return lambda _, count: _TCP_ROUND_TRIP_S + pause_s + count * _TCP_VALUE_S
    return lambda table, count: request_s(bus, table, count, device.limits)


def bounds_on(bus: ModbusBus, device: Device) -> Bounds:
    """What a device on a bus takes in one request."""
    own = device.limits
    return Bounds(
        max_words=min(own.max_words or bus.max_words, bus.max_words), max_bits=own.max_bits, holes=own.holes
    )


def plan_device(
    device: Device,
    bounds: Bounds,
    cost: Cost,
    *,
    cells: Iterable[Cell],
    known: Collection[Cell],
) -> Rota:
    """When to ask a device for what, so that it costs its bus the least.

    Raises:
        EdgeSpecError: A value alone is longer than the device's longest answer.
    """
    try:
        return plan_rota(frozenset(cells), bounds, cost, known)
    except TooLongError as exc:
        raise EdgeSpecError(f"{device.id}: {exc}; raise max_words") from exc
