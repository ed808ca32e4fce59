"""The devices.yaml of what a scan found: added to the district's own file, or a new one."""

import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from district.bus import SerialLine
from tocsin.bus import FoundDevice, address_of
from tocsin.errors import TocsinError

_NEW = """\
# yaml-language-server: $schema=schemas/devices.schema.json
version: 1
district:
  id: district
  name: {zh: 新区, en: New district}
  timezone: Asia/Shanghai
  code: "330100" # your division code (GB/T 2260)
gateways:
  gw:
    area: district
    buses: {}
profiles: {}
devices: []
sites:
  site: {kind: weather, area: district, name: {zh: 新站, en: New site}}
"""
_EVERY = "60s"
_MOST_POINTS = 32


def found_yaml(folder: Path, devices: Sequence[FoundDevice], *, gateway: str | None, site: str | None) -> str:
    """The text of a devices.yaml with the units that were found.

    The file in ``folder`` is kept with its comments and added to. Units of one serial port share the setting
    that most of them have; those with another cannot be asked on the same line and are left out.

    Raises:
        TocsinError: The file has no such gateway or site, or nothing was found.
    """
    if not devices:
        raise TocsinError("nothing was found: nothing to write")
    yaml = YAML()
    yaml.width = 110
    path = folder / "devices.yaml"
    document = yaml.load(path.read_text(encoding="utf-8") if path.exists() else _NEW)
    gateway = _chosen("gateway", gateway, list(document["gateways"]))
    site = _chosen("site", site, list(document["sites"]))
    buses = document["gateways"][gateway]["buses"]
    for block in (buses, document["profiles"], document["devices"]):
        if not block:
            block.fa.set_block_style()
    taken = {row["id"] for row in document["devices"]}
    for port in dict.fromkeys(device.port for device in devices):
        here = [device for device in devices if device.port == port]
        line = usual_line(here)
        bus = _free(_slug(port), buses)
        buses[bus] = _bus(port, line)
        for device in here:
            if device.found.line == line:
                name = _free(f"{bus}-{device.found.unit}", taken | set(document["profiles"]))
                taken.add(name)
                document["profiles"][name] = _profile(device)
                document["devices"].append(_row(name, device, gateway, bus, site))
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def usual_line(devices: Sequence[FoundDevice]) -> SerialLine | None:
    """The setting that most units of one port have."""
    return Counter(device.found.line for device in devices).most_common(1)[0][0]


def _chosen(kind: str, wanted: str | None, known: Sequence[str]) -> str:
    if wanted is None:
        return known[0]
    if wanted not in known:
        raise TocsinError(f"no {kind} {wanted!r} in devices.yaml; it has: {', '.join(known)}")
    return wanted


def _slug(port: str) -> str:
    """An id from the end of a port's name, where its number stands."""
    words = re.findall(r"[a-z0-9]+", port.lower())
    return "-".join(["bus", *words[-2:]])


def _free(name: str, taken: Any) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _bus(port: str, line: SerialLine | None) -> CommentedMap:
    address = address_of(port)
    if address is not None:
        return _flow({"kind": "modbus-tcp", "host": address.host, "port": address.port})
    return _flow({"kind": "modbus-rtu", "port": port, "line": str(line)})


def _profile(device: FoundDevice) -> CommentedMap:
    """Every register that could be read, as it is; `tocsin device decode` helps to find out what it means."""
    places = [(each.table, address) for each in device.tables for address in each.words][:_MOST_POINTS]
    points = CommentedMap()
    for table, address in places or [("holding", 0)]:
        points[f"{table}-{address}"] = _flow({"table": table, "addr": address, "type": "u16", "unit": "1"})
    return CommentedMap({"points": points})


def _row(name: str, device: FoundDevice, gateway: str, bus: str, site: str) -> CommentedMap:
    return _flow(
        {
            "id": name,
            "site": site,
            "gateway": gateway,
            "bus": bus,
            "unit": device.found.unit,
            "use": name,
            "every": _EVERY,
        }
    )


def _flow(data: dict[str, Any]) -> CommentedMap:
    block = CommentedMap(data)
    block.fa.set_flow_style()
    return block
