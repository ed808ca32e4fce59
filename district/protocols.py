"""Do device, bus and profile speak one protocol, and can it be spoken the way the device asks?"""

from collections.abc import Iterator, Mapping
from typing import Any

from district.document import Document
from district.findings import Finding, Text
from district.foreign import FOREIGN_KINDS
from district.speaking import INSTRUMENT_PROTOCOLS, STATION_PROTOCOLS

_NAMES: Mapping[str, str] = {
    "modbus": "Modbus",
    "hj212": "HJ 212",
    "sl651": "SL 651",
    "sl427": "SL/T 427",
    "sdi12": "SDI-12",
    "nmea": "NMEA 0183",
    "vaisala": "Vaisala",
    "plantower": "Plantower",
    "lines": "lines",
    "foreign": "foreign data",
}
_DEVICE_KEYS: Mapping[str, tuple[str, ...]] = {  # what a device's own key says of its protocol
    "unit": ("modbus",),
    "mn": ("hj212",),
    "station": STATION_PROTOCOLS,
    "address": INSTRUMENT_PROTOCOLS,
    "alone": INSTRUMENT_PROTOCOLS,
    "source": ("foreign",),
}
_ADDRESSED = frozenset({"sdi12", "vaisala"})  # a question names whom it is for


def check_protocols(devices: Document) -> Iterator[Finding]:
    """Every device that cannot be understood, or cannot be asked as it says."""
    for name in devices.block("gateways"):
        yield from _mixed(devices, name)
    first: dict[tuple[str, str], int] = {}
    for index, row in devices.rows("devices"):
        odd = list(_odd_one_out(devices, index, row))
        yield from odd
        if not odd and row.get("disabled") is not True:
            yield from _unaskable(devices, index, row)
            yield from _crowded(devices, index, row, first)


def _mixed(devices: Document, gateway: str) -> Iterator[Finding]:
    """Instruments are asked where they stand, other people's data arrive at the centre: by two agents."""
    kinds = {bus: devices.at("gateways", gateway, "buses", bus, "kind") for bus in _buses(devices, gateway)}
    foreign = {bus: bus_protocol(kind) == "foreign" for bus, kind in kinds.items() if bus_protocol(kind)}
    first = next(iter(foreign.values()), None)
    odd = next((bus for bus, is_foreign in foreign.items() if is_foreign != first), None)
    if odd is not None:
        yield devices.finding(
            "mixed-gateway",
            ("gateways", gateway, "buses", odd, "kind"),
            Text(
                "one gateway cannot read instruments and take other people's data",
                "同一网关不能既读取仪器又接收他人的数据",
            ),
            Text("give one of the two a gateway of its own", "请把其中一类放到单独的网关"),
        )


def _buses(devices: Document, gateway: str) -> Mapping[Any, Any]:
    return devices.block("gateways", gateway, "buses")


def bus_protocol(kind: Any) -> str | None:
    """The protocol of a kind of bus, as it is written."""
    if kind in FOREIGN_KINDS:
        return "foreign"
    return next((name for name in _NAMES if str(kind).split("-")[0] == name), None)


def _profile_protocol(profile: Mapping[Any, Any]) -> str | None:
    if "protocol" in profile:
        return profile["protocol"] if profile["protocol"] in _NAMES else None
    if "codes" in profile:
        return "hj212"
    return "modbus" if "points" in profile else None


def _odd_one_out(devices: Document, index: int, row: Mapping[Any, Any]) -> Iterator[Finding]:
    """Device, bus and profile must speak one protocol; the finding stands at the one that differs."""
    bus = devices.block("gateways", row.get("gateway", ""), "buses", row.get("bus", ""))
    profile = devices.block("profiles", row.get("use", ""))
    said = {"bus": bus_protocol(bus.get("kind")), "use": _profile_protocol(profile)}
    known = {key: protocol for key, protocol in said.items() if protocol is not None}
    own = [key for key in _DEVICE_KEYS if key in row]
    if len(own) != 1:
        return  # the file's own check says what is missing or too much
    possible = _DEVICE_KEYS[own[0]]
    odd = next((key for key, protocol in known.items() if protocol not in possible), None)
    if odd is not None:
        other = known.get("use" if odd == "bus" else "bus")
        at = own[0] if other == known[odd] else odd
    elif len(set(known.values())) > 1:
        at = "use"
    else:
        return
    words = [(own[0], "/".join(_NAMES[each] for each in possible))]
    words += [(key, _NAMES[protocol]) for key, protocol in known.items()]
    yield devices.finding(
        "wrong-protocol",
        ("devices", index, at),
        Text(
            ", ".join(f"{key} means {name}" for key, name in words),
            "，".join(f"{key} 表示 {name}" for key, name in words),
        ),
        Text(
            "device, bus and profile must speak one protocol: unit for Modbus, mn for HJ 212, station for "
            "SL 651 and SL/T 427, source for other people's data, address or alone for the others",
            "设备、总线与型号必须使用同一协议：Modbus 写 unit，HJ 212 写 mn，SL 651 与 SL/T 427 写 station，"
            "他人的数据写 source，其他写 address 或 alone",
        ),
    )


def _unaskable(devices: Document, index: int, row: Mapping[Any, Any]) -> Iterator[Finding]:
    profile = devices.block("profiles", row.get("use", ""))
    protocol = profile.get("protocol")
    if protocol not in INSTRUMENT_PROTOCOLS:
        return
    name, every, expect = _NAMES[protocol], "every" in row, "expect" in row
    if every and (protocol == "nmea" or (protocol == "lines" and "ask" not in profile)):
        yield devices.finding(
            "never-answers",
            ("devices", index, "every"),
            Text(
                f"{name} of this profile is not asked, it speaks by itself",
                f"此型号的 {name} 自行上报，不接受询问",
            ),
            Text("write expect: how often it speaks", "请改写 expect：上报间隔"),
        )
    if expect and protocol == "sdi12":
        yield devices.finding(
            "never-speaks",
            ("devices", index, "expect"),
            Text("an SDI-12 sensor speaks only when asked", "SDI-12 传感器只在被询问时应答"),
            Text("write every: how often to ask it", "请改写 every：询问间隔"),
        )
    if "alone" in row and protocol in _ADDRESSED:
        yield devices.finding(
            "missing-address",
            ("devices", index, "alone"),
            Text(f"a {name} question names an address", f"{name} 的询问必须带地址"),
            Text(
                'write address: "0", or what the instrument was set to', '请写 address: "0" 或仪器所设的地址'
            ),
        )
    if "address" in row and protocol == "plantower":
        yield devices.finding(
            "no-address",
            ("devices", index, "address"),
            Text("a Plantower counter has no address", "Plantower 传感器没有地址"),
            Text("write alone: true", "请写 alone: true"),
        )


def _crowded(
    devices: Document, index: int, row: Mapping[Any, Any], seen: dict[tuple[str, str], int]
) -> Iterator[Finding]:
    """Nobody may share the line of one that is alone, or speak where others are asked, or in another form."""
    if not ("address" in row or "alone" in row):
        return
    first = seen.setdefault((str(row.get("gateway")), str(row.get("bus"))), index)
    if first == index:
        return
    earlier = devices.block("devices", first)
    line = devices.place(("devices", first, "id")).line
    way = "every" if "every" in row else "expect"
    if "alone" in row or "alone" in earlier:
        yield devices.finding(
            "not-alone",
            ("devices", index, "alone" if "alone" in row else "address"),
            Text(f"the device in line {line} is on this bus, too", f"第 {line} 行的设备也在此总线上"),
            Text("give each an address, or a bus of its own", "请为每台设备写地址，或各用一条总线"),
        )
    elif way not in earlier:
        yield devices.finding(
            "asked-among-speakers",
            ("devices", index, way),
            Text(
                f"the device in line {line} does not say {way}: one would talk into the other",
                f"第 {line} 行的设备没有写 {way}，两者会互相干扰",
            ),
            Text("ask all on this bus, or none", "同一总线上请全部询问，或全部自报"),
        )
    elif way == "expect" and row.get("use") != earlier.get("use"):
        profile = devices.block("profiles", row.get("use", ""))
        if profile.get("protocol") == "lines":
            yield devices.finding(
                "two-patterns",
                ("devices", index, "use"),
                Text(
                    f"the device in line {line} speaks by another pattern on this bus",
                    f"第 {line} 行的设备在此总线上使用另一种模式",
                ),
                Text("use one profile for all on this bus", "同一总线上请使用同一型号"),
            )
