"""Do the ids that devices.yaml uses exist, and is each given only once?"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from district.document import Document
from district.findings import Finding, Text, closest
from district.known import Known
from district.mistakes import Location

_LISTED = 12

_GATEWAY = Text("gateway", "网关")
_BUS = Text("bus", "总线")
_SIREN = Text("siren", "警报器")
_PROFILE = Text("profile", "设备型号")
_SITE = Text("site", "监测点")
_AREA = Text("area", "区域")
_DEVICE = Text("device", "设备")


def unknown(
    document: Document, location: Location, kind: Text, known: Collection[str] | None
) -> list[Finding]:
    """A finding if the word at ``location`` is none of ``known``; nothing can be said when that is None."""
    word = document.at(*location)
    if known is None or not isinstance(word, str) or word in known:
        return []
    listed = sorted(known)[:_LISTED] + ["…"] * (len(known) > _LISTED)
    return [
        document.finding(
            f"unknown-{kind.en.replace(' ', '-')}",
            location,
            Text(f"there is no {kind.en} {word!r}", f"没有名为 {word!r} 的{kind.zh}"),
            Text(
                f"use one of: {', '.join(listed)}" if listed else f"write the {kind.en} first",
                f"可用的{kind.zh}：{'、'.join(listed)}" if listed else f"请先写好该{kind.zh}",
            ),
            suggestion=closest(word, known),
        )
    ]


def check_references(devices: Document, known: Known) -> Iterator[Finding]:
    """Every id in devices.yaml that nothing has, and every id that two things have."""
    for name in devices.block("gateways"):
        yield from unknown(devices, ("gateways", name, "area"), _AREA, known.areas)
        yield from _sirens(devices, name)
        yield from _tokens(devices, name)
    profiles = devices.block("profiles")
    for index, row in devices.rows("devices"):
        here: Location = ("devices", index)
        yield from unknown(devices, (*here, "site"), _SITE, known.sites)
        yield from unknown(devices, (*here, "gateway"), _GATEWAY, known.gateways)
        yield from unknown(devices, (*here, "use"), _PROFILE, profiles)
        buses = devices.at("gateways", row.get("gateway", ""), "buses")
        if isinstance(buses, dict):
            yield from unknown(devices, (*here, "bus"), _BUS, buses)
    for name in devices.block("sites"):
        yield from unknown(devices, ("sites", name, "area"), _AREA, known.areas)
        for index, _ in _upstream(devices, name):
            yield from unknown(devices, ("sites", name, "upstream", index), _SITE, known.sites)
    yield from _twice(devices)
    yield from _rings(devices)


def _sirens(devices: Document, gateway: str) -> Iterator[Finding]:
    """A siren hangs on one of the gateway's Modbus buses, and is one of those there are."""
    here: Location = ("gateways", gateway)
    buses = devices.block(*here, "buses")
    modbus = {
        bus for bus in buses if str(devices.at(*here, "buses", bus, "kind") or "").startswith("modbus-")
    }
    sirens = devices.block(*here, "sirens")
    for siren in sirens:
        yield from unknown(devices, (*here, "sirens", siren, "bus"), _BUS, modbus)
    for index, row in devices.rows(*here, "alone"):
        for place in range(len(row.get("sound") or ())):
            yield from unknown(devices, (*here, "alone", index, "sound", place), _SIREN, sirens)


def _tokens(devices: Document, gateway: str) -> Iterator[Finding]:
    """A token lets in devices of its own bus."""
    for bus in devices.block("gateways", gateway, "buses"):
        here: Location = ("gateways", gateway, "buses", bus, "tokens")
        own = {
            row["id"]
            for _, row in devices.rows("devices")
            if (row.get("gateway"), row.get("bus")) == (gateway, bus) and isinstance(row.get("id"), str)
        }
        for token in devices.block(*here):
            listed = devices.at(*here, token, "devices")
            for place in range(len(listed) if isinstance(listed, list) else 0):
                yield from unknown(devices, (*here, token, "devices", place), _DEVICE, own)


def _twice(devices: Document) -> Iterator[Finding]:
    rows = list(devices.rows("devices"))
    in_use = [(index, row) for index, row in rows if row.get("disabled") is not True]
    yield from given_twice(
        devices,
        "duplicate-id",
        ((row["id"], ("devices", index, "id")) for index, row in rows if "id" in row),
        Text("another device is called {}", "已有名为 {} 的设备"),
    )
    for key, code, what in (
        (
            "unit",
            "duplicate-unit",
            Text("another device on this bus is unit {}", "此总线上已有站号 {} 的设备"),
        ),
        (
            "mn",
            "duplicate-mn",
            Text("another station on this bus has the MN {}", "此总线上已有 MN 为 {} 的站点"),
        ),
        (
            "station",
            "duplicate-station",
            Text("another station on this bus has the address {}", "此总线上已有地址为 {} 的测站"),
        ),
        (
            "address",
            "duplicate-address",
            Text("another instrument on this bus has the address {}", "此总线上已有地址为 {} 的仪器"),
        ),
        (
            "source",
            "duplicate-source",
            Text("another device of this bus has the source {}", "此总线上已有来源为 {} 的设备"),
        ),
    ):
        named = [
            (index, row)
            for index, row in in_use
            if {key, "gateway", "bus"} <= row.keys() and not _is_read_by_people(devices, row)
        ]
        yield from given_twice(
            devices,
            code,
            (((row["gateway"], row["bus"], row[key]), ("devices", index, key)) for index, row in named),
            what,
        )
    for name in devices.block("gateways"):
        yield from _port_twice(devices, name)
    for name in devices.block("profiles"):
        codes = devices.block("profiles", name, "codes")
        places = [("profiles", name, "codes", code, "point") for code in codes]
        yield from given_twice(
            devices,
            "duplicate-id",
            ((devices.at(*place), place) for place in places if devices.at(*place) is not None),
            Text("another code is called {}", "已有编码命名为 {}"),
        )


def _is_read_by_people(devices: Document, row: Mapping[Any, Any]) -> bool:
    """Whether the device's bus is people, who know by its id which gauge they stand at."""
    return bool(devices.at("gateways", row["gateway"], "buses", row["bus"], "kind") == "manual")


def _port_twice(devices: Document, gateway: str) -> Iterator[Finding]:
    """A port belongs to exactly one bus."""
    buses = devices.block("gateways", gateway, "buses")
    places: list[tuple[Any, Location]] = []
    for bus in buses:
        block = devices.block("gateways", gateway, "buses", bus)
        key = next((key for key in ("host", "listen", "connect", "port") if key in block), None)
        if key is not None:
            port = block.get("port", 502) if key == "host" else None
            places.append(((block[key], port), ("gateways", gateway, "buses", bus, key)))
    yield from given_twice(
        devices,
        "duplicate-port",
        places,
        Text("another bus of this gateway has it: {}", "此网关的另一条总线已使用：{}"),
    )


def given_twice(
    document: Document, code: str, named: Iterable[tuple[Any, Location]], what: Text
) -> Iterator[Finding]:
    """A finding at each location whose name an earlier one has; ``what`` shows the name."""
    first: dict[str, Location] = {}
    for name, location in named:
        earlier = first.setdefault(repr(name), location)
        if earlier == location:
            continue
        line = document.place(earlier).line
        shown = repr(document.at(*location))
        yield document.finding(
            code,
            location,
            Text(what.en.format(shown), what.zh.format(shown)),
            Text(f"change this one or the one in line {line}", f"请修改此处或第 {line} 行的那一处"),
        )


def _rings(devices: Document) -> Iterator[Finding]:
    """Water does not flow back to where it came from."""
    above = {site: _upstream(devices, site) for site in devices.block("sites")}
    done: set[str] = set()
    for start, entries in above.items():
        path = [(start, iter(entries))] if start not in done else []
        while path:
            site, rest = path[-1]
            entry = next(rest, None)
            if entry is None:
                done.add(site)
                path.pop()
                continue
            index, step = entry
            if any(step == passed for passed, _ in path):
                yield devices.finding(
                    "upstream-ring",
                    ("sites", site, "upstream", index),
                    Text(f"{step!r} lies below {site!r} already", f"{step!r} 已位于 {site!r} 的下游"),
                    Text("list only sites whose water comes here", "只写水会流到这里的监测点"),
                )
            elif step in above and step not in done:
                path.append((step, iter(above[step])))


def _upstream(devices: Document, site: str) -> list[tuple[int, str]]:
    upstream = devices.block("sites", site).get("upstream")
    entries = upstream if isinstance(upstream, list) else []
    return [(index, step) for index, step in enumerate(entries) if isinstance(step, str)]
