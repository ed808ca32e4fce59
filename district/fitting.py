"""Do device, bus and profile fit each other, and has the bus time for what is asked of it?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from district.bus import SharedLineBus
from district.bustime import request_s
from district.cover import Bounds, Cell, TooLongError, plan_rota
from district.devices import ModbusDeviceSpec
from district.document import Document
from district.fields import format_duration
from district.findings import Finding, Text
from district.inventory import RequestLimits
from district.mistakes import Location
from district.profile import ModbusProfileSpec
from district.protocols import check_protocols
from district.register import BIT_TABLES, WORDS, RegisterPointSpec, Table

Valid = TypeVar("Valid")

_BUS: TypeAdapter[SharedLineBus] = TypeAdapter(Annotated[SharedLineBus, Field(discriminator="kind")])
_PROFILE = TypeAdapter(ModbusProfileSpec)
_DEVICE = TypeAdapter(ModbusDeviceSpec)
_POINT = TypeAdapter(RegisterPointSpec)


def check_fitting(devices: Document) -> Iterator[Finding]:
    """Everything in devices.yaml that is right alone and wrong together."""
    yield from check_protocols(devices)
    for profile in devices.block("profiles"):
        yield from _overlaps(devices, profile)
    loads: dict[object, float] = {}
    for gateway in devices.block("gateways"):
        for bus in devices.block("gateways", gateway, "buses"):
            yield from _too_wide(devices, gateway, bus)
            yield from _too_busy(devices, gateway, bus, loads)


def _parsed(adapter: TypeAdapter[Valid], data: Any) -> Valid | None:
    """The object, if this block holds by itself; its mistakes are reported where the file is parsed."""
    try:
        return adapter.validate_python(data)
    except ValidationError:
        return None


def _points(devices: Document, profile: Any) -> dict[str, RegisterPointSpec]:
    """The points of a Modbus profile that hold by themselves."""
    if not isinstance(profile, str):
        return {}
    blocks = devices.block("profiles", profile, "points")
    parsed = {name: _parsed(_POINT, block) for name, block in blocks.items()}
    return {name: point for name, point in parsed.items() if point is not None}


def _overlaps(devices: Document, profile: str) -> Iterator[Finding]:
    """No register is two points, unless each is a part of it."""
    ends: dict[Table, tuple[int, str]] = {}
    parts: set[tuple[Table, int, int]] = set()
    ordered = sorted(_points(devices, profile).items(), key=lambda item: (item[1].address, item[1].words))
    for name, point in ordered:
        end, other = ends.get(point.resolved_table, (0, ""))
        place = (point.resolved_table, point.address, point.words)
        if point.is_part and place in parts:
            continue
        if point.is_part:
            parts.add(place)
        if point.address < end:
            yield devices.finding(
                "overlap",
                _address(profile, name, point),
                Text(
                    f"register {point.address} is already part of {other!r}",
                    f"寄存器 {point.address} 已属于 {other!r}",
                ),
                Text(
                    "check addresses and types: a 32-bit type takes two registers",
                    "请核对地址和类型：32 位类型占两个寄存器",
                ),
            )
        ends[point.resolved_table] = max((end, other), (point.address + point.words, name))


def _address(profile: str, name: str, point: RegisterPointSpec) -> Location:
    return ("profiles", profile, "points", name, "addr" if point.manual is None else "manual")


def _on_bus(devices: Document, gateway: str, bus: str) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    for index, row in devices.rows("devices"):
        if (row.get("gateway"), row.get("bus")) == (gateway, bus) and row.get("disabled") is not True:
            yield index, row


def _too_wide(devices: Document, gateway: str, bus: str) -> Iterator[Finding]:
    """A value must fit into one request, or its halves are of two instants."""
    bus_most = devices.at("gateways", gateway, "buses", bus, "max_words")
    for _, row in _on_bus(devices, gateway, bus):
        profile = row.get("use")
        own_most = devices.block("profiles", profile).get("max_words") if isinstance(profile, str) else None
        most: Any = bus_most
        at: Location = ("gateways", gateway, "buses", bus, "max_words")
        if isinstance(own_most, int):
            most, at = own_most, ("profiles", str(profile), "max_words")
        if not isinstance(most, int):
            continue
        for name, point in _points(devices, profile).items():
            if point.words > most and point.resolved_table not in BIT_TABLES:
                yield devices.finding(
                    "too-wide",
                    at,
                    Text(
                        f"{profile}.{name} takes {point.words} registers, a request may ask for {most}",
                        f"{profile}.{name} 占 {point.words} 个寄存器，而一次请求最多 {most} 个",
                    ),
                    Text("raise max_words", "请增大 max_words"),
                )
                return


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """What one device takes of its bus's time."""

    index: int
    every: timedelta
    part: float


def _too_busy(devices: Document, gateway: str, name: str, loads: dict[object, float]) -> Iterator[Finding]:
    """Even the cheapest way of asking must leave the bus some rest; ``loads`` keeps what was planned once."""
    bus = _parsed(_BUS, devices.block("gateways", gateway, "buses", name))
    if bus is None:
        return
    shares: list[_Share] = []
    for index, row in _on_bus(devices, gateway, name):
        device = _parsed(_DEVICE, row)
        profile = None if device is None else _parsed(_PROFILE, devices.block("profiles", device.use))
        if device is not None and profile is not None:
            alike = (bus.kind, bus.line, bus.gap, bus.turnaround, bus.max_words, device.use, device.every)
            part = loads.get(alike)
            if part is None:
                part = loads[alike] = _load(bus, profile, device.every)
            shares.append(_Share(index=index, every=device.every, part=part))
    load = sum(share.part for share in shares)
    if load <= 1:
        return
    worst = max(shares, key=lambda share: share.part)
    every, most = format_duration(worst.every), f"{worst.part:.0%}"
    yield devices.finding(
        "bus-overload",
        ("devices", worst.index, "every"),
        Text(
            f"{name!r} would be busy {load:.0%} of its time, {most} with this device every {every}",
            f"{name!r} 的占用率将达 {load:.0%}；其中每 {every} 询问此设备占 {most}",
        ),
        Text(
            "ask less often, raise the baud rate or move devices to another bus",
            "请降低询问频率、提高波特率，或把设备移到其他总线",
        ),
    )


def _load(bus: SharedLineBus, profile: ModbusProfileSpec, every: timedelta) -> float:
    """The least part of its bus's time in which a device of this profile can be read."""
    cells = set()
    for point in profile.points.values():
        if point.type != "string":
            table, asked_every = point.resolved_table, point.asked_every(every)
            cells.add(Cell(table, point.address, point.words, asked_every))
            cells |= {
                Cell(scale.said_table or table, scale.address, WORDS[scale.type], asked_every)
                for scale in point.scale_by
            }
    limits = RequestLimits(turnaround=profile.turnaround, pause=profile.pause)
    bounds = Bounds(
        max_words=profile.max_words or bus.max_words, max_bits=profile.max_bits, holes=profile.holes
    )
    try:
        return plan_rota(cells, bounds, lambda table, count: request_s(bus, table, count, limits)).load
    except TooLongError:
        return 0.0  # a finding of its own
