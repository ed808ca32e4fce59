"""Do device, bus and profile fit each other, and has the bus time for what is asked of it?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from district.bus import ModbusRtuBus
from district.bustime import least_poll_s
from district.devices import ModbusDeviceSpec
from district.document import Document
from district.fields import format_duration
from district.findings import Finding, Text
from district.mistakes import Location
from district.profile import BIT_TABLES, RegisterPointSpec, Table

Protocol = Literal["modbus", "hj212"]
Valid = TypeVar("Valid")

_PROTOCOLS: tuple[Protocol, ...] = ("modbus", "hj212")
_NAMES: dict[Protocol, str] = {"modbus": "Modbus", "hj212": "HJ 212"}
_RTU_BUS = TypeAdapter(ModbusRtuBus)
_DEVICE = TypeAdapter(ModbusDeviceSpec)
_POINT = TypeAdapter(RegisterPointSpec)


def check_fitting(devices: Document) -> Iterator[Finding]:
    """Everything in devices.yaml that is right alone and wrong together."""
    for index, row in devices.rows("devices"):
        yield from _odd_one_out(devices, index, row)
    for profile in devices.block("profiles"):
        yield from _overlaps(devices, profile)
    for gateway in devices.block("gateways"):
        for bus in devices.block("gateways", gateway, "buses"):
            yield from _too_wide(devices, gateway, bus)
            yield from _too_busy(devices, gateway, bus)


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


def _odd_one_out(devices: Document, index: int, row: Mapping[Any, Any]) -> Iterator[Finding]:
    """Device, bus and profile must speak one protocol; the finding stands at the one that differs."""
    bus = devices.block("gateways", row.get("gateway", ""), "buses", row.get("bus", ""))
    profile = devices.block("profiles", row.get("use", ""))
    said: dict[str, Protocol] = {}
    for protocol, (address, points) in zip(_PROTOCOLS, (("unit", "points"), ("mn", "codes")), strict=True):
        if address in row:
            said[address] = protocol
        if points in profile:
            said["use"] = protocol
        if str(bus.get("kind", "")).startswith(protocol):
            said["bus"] = protocol
    own = next((key for key in ("unit", "mn") if key in said), None)
    if own is None or {"unit", "mn"} <= said.keys():
        return  # the file's own check says what is missing or too much
    for odd in ("bus", "use"):
        if odd in said and said[odd] != said[own]:
            other = "use" if odd == "bus" else "bus"
            at = own if said.get(other) == said[odd] else odd
            yield devices.finding(
                "wrong-protocol",
                ("devices", index, at),
                _disagreement(said, own),
                Text(
                    "device, bus and profile must speak one protocol: unit for Modbus, mn for HJ 212",
                    "设备、总线与型号必须使用同一协议：Modbus 写 unit，HJ 212 写 mn",
                ),
            )
            return


def _disagreement(said: Mapping[str, Protocol], own: str) -> Text:
    words = [(key, _NAMES[said[key]]) for key in (own, "bus", "use") if key in said]
    return Text(
        ", ".join(f"{key} means {protocol}" for key, protocol in words),
        "，".join(f"{key} 表示 {protocol}" for key, protocol in words),
    )


def _overlaps(devices: Document, profile: str) -> Iterator[Finding]:
    """No register is two points."""
    ends: dict[Table, tuple[int, str]] = {}
    ordered = sorted(_points(devices, profile).items(), key=lambda item: (item[1].address, item[1].words))
    for name, point in ordered:
        end, other = ends.get(point.resolved_table, (0, ""))
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
    most = devices.at("gateways", gateway, "buses", bus, "max_words")
    if not isinstance(most, int):
        return
    for _, row in _on_bus(devices, gateway, bus):
        profile = row.get("use")
        for name, point in _points(devices, profile).items():
            if point.words > most and point.resolved_table not in BIT_TABLES:
                yield devices.finding(
                    "too-wide",
                    ("gateways", gateway, "buses", bus, "max_words"),
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
    device: ModbusDeviceSpec
    part: float


def _too_busy(devices: Document, gateway: str, name: str) -> Iterator[Finding]:
    """Even the cheapest way of asking must leave the bus some rest."""
    bus = _parsed(_RTU_BUS, devices.block("gateways", gateway, "buses", name))
    if bus is None:
        return
    shares: list[_Share] = []
    for index, row in _on_bus(devices, gateway, name):
        device = _parsed(_DEVICE, row)
        if device is not None:
            poll_s = least_poll_s(bus, _points(devices, device.use).values())
            shares.append(_Share(index=index, device=device, part=poll_s / device.every.total_seconds()))
    load = sum(share.part for share in shares)
    if load <= 1:
        return
    worst = max(shares, key=lambda share: share.part)
    every, most = format_duration(worst.device.every), f"{worst.part:.0%}"
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
