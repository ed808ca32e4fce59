"""For the technician at a bus: what is asked on it, who is on it, what others say on it."""

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table as Grid

from district.bus import HostPort, ModbusBus, SerialLine, SharedLineBus, parse_host_port
from district.bustime import spend
from district.cover import Rota, instants_a_second
from district.fields import format_duration
from district.findings import SpecError
from district.inventory import District
from district.load import load_district
from edge.errors import EdgeError
from edge.link import Dial, Link, dial_serial, dial_tcp
from edge.modbus.framing import Framing, RtuFraming, TcpFraming
from edge.modbus.scan import FORMATS, Found, Progress, Readable, explore, line_settings, scan
from edge.modbus.sniff import Heard, Sniffer
from edge.modbus.unit import ModbusUnit
from tocsin.errors import TocsinError

COMMON_BAUDS = (9600, 19200, 4800, 38400, 115200, 2400)


def modbus_buses(
    district: District, gateway: str | None, bus: str | None
) -> Iterator[tuple[str, str, ModbusBus]]:
    """The Modbus buses of a district, or the one that is meant.

    Raises:
        TocsinError: There is no such bus.
    """
    found = False
    for gateway_id, each in district.gateways.items():
        for bus_id, spec in each.buses.items():
            if gateway in {None, gateway_id} and bus in {None, bus_id} and isinstance(spec, ModbusBus):
                found = True
                yield gateway_id, bus_id, spec
    if not found:
        raise TocsinError("no Modbus bus of that name in devices.yaml")


def bus_plans(folder: Path, gateway: str | None, bus: str | None) -> list[dict[str, Any]]:
    """How every Modbus bus is asked: the requests of each instant, their predicted time, the load."""
    district = load_district(folder, areas=False)
    plans = []
    for gateway_id, bus_id, spec in modbus_buses(district, gateway, bus):
        devices = [
            _device_plan(spec, ModbusUnit(device, spec))
            for device in district.gateway_devices(gateway_id)
            if device.bus == bus_id
        ]
        plans.append(
            {
                "gateway": gateway_id,
                "bus": bus_id,
                "kind": spec.kind,
                "load": round(sum(device["load"] for device in devices), 4),
                "devices": devices,
            }
        )
    return plans


def _device_plan(spec: ModbusBus, unit: ModbusUnit) -> dict[str, Any]:
    rota: Rota = unit.rota
    dues = instants_a_second(rota.steps)
    return {
        "device": unit.device.id,
        "unit": unit.device.unit,
        "load": round(rota.load, 4),
        "cycles": [
            {
                "due": [format_duration(step) for step in sorted(due)],
                "every_s": round(1 / dues[due], 3),
                "seconds": round(rota.seconds(due), 4),
                "requests": [
                    _request_plan(spec, unit, rota, due, place) for place in range(len(rota.requests(due)))
                ],
            }
            for due in sorted(dues, key=lambda due: (len(due), sorted(due)))
        ],
    }


def _request_plan(
    spec: ModbusBus, unit: ModbusUnit, rota: Rota, due: frozenset[timedelta], place: int
) -> dict[str, Any]:
    request = rota.requests(due)[place]
    question = unit.question(request)
    plan: dict[str, Any] = {
        "function": question.function,
        "table": request.table,
        "address": request.address,
        "count": request.count,
        "seconds": round(rota.cost(request.table, request.count), 4),
        "points": unit.names([request]),
    }
    if isinstance(spec, SharedLineBus):
        spent = spend(spec, unit.device.limits, request.table, request.count)
        plan |= {
            "request_s": round(spent.request_s, 5),
            "turnaround_s": round(spent.turnaround_s, 5),
            "answer_s": round(spent.answer_s, 5),
            "rest_s": round(spent.rest_s, 5),
        }
    return plan


def show_plans(plans: Sequence[dict[str, Any]]) -> None:
    """Write plans as tables."""
    console = Console()
    for plan in plans:
        title = f"{plan['gateway']} {plan['bus']} ({plan['kind']}): {plan['load']:.1%} of its time"
        grid = Grid("device", "when due", "request", "ms", "points", title=title)
        for device in plan["devices"]:
            for cycle in device["cycles"]:
                for request in cycle["requests"]:
                    grid.add_row(
                        device["device"],
                        " + ".join(cycle["due"]),
                        f"{request['table']} {request['address']} x {request['count']}",
                        f"{request['seconds'] * 1000:.1f}",
                        ", ".join(request["points"]),
                    )
        console.print(grid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What a scan tries."""

    bauds: Sequence[int] = COMMON_BAUDS
    formats: Sequence[str] = FORMATS
    units: Sequence[int] = tuple(range(1, 248))
    wait_s: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDevice:
    """A unit that answered, where, and what can be read of it."""

    port: str
    found: Found
    tables: Sequence[Readable]

    def as_json(self) -> dict[str, Any]:
        """Itself, for machines."""
        return {
            "port": self.port,
            "line": str(self.found.line) if self.found.line else None,
            "unit": self.found.unit,
            "round_trip_ms": round(self.found.round_trip_s * 1000, 1),
            "registers": {
                each.table: {str(at): word for at, word in each.words.items()} for each in self.tables
            },
        }


def address_of(port: str) -> HostPort | None:
    """The TCP endpoint that a port's name is; none for a serial port."""
    if "/" in port:
        return None
    try:
        address: HostPort = parse_host_port(port)
    except SpecError:
        return None
    return address


def scan_ports(ports: Sequence[str], sweep: Sweep) -> list[FoundDevice]:
    """Sweep every port at once, with a bar on stderr that says how long it will take.

    Raises:
        TocsinError: A setting is none, or a port cannot be opened.
    """
    try:
        line_settings(sweep.bauds, sweep.formats)
    except SpecError as exc:
        raise TocsinError(f"{exc.what.en}: {exc.remedy.en}") from exc

    async def everywhere() -> list[FoundDevice]:
        with Bar(console=Console(stderr=True), transient=True) as bar:
            async with asyncio.TaskGroup() as tasks:
                scans = [tasks.create_task(_scan_port(port, sweep, _teller(bar, port))) for port in ports]
        return [device for task in scans for device in task.result()]

    try:
        return asyncio.run(everywhere())
    except* EdgeError as group:
        raise TocsinError("; ".join(str(exc) for exc in group.exceptions)) from group


def _teller(bar: Bar, port: str) -> Callable[[Progress], None]:
    task = bar.add_task(port, total=None)

    def tell(progress: Progress) -> None:
        where = f"{port} {progress.line or ''}: {progress.found} found, {progress.left_s:.0f} s left"
        bar.update(task, total=progress.total, completed=progress.asked, description=where)

    return tell


async def _scan_port(port: str, sweep: Sweep, tell: Callable[[Progress], None]) -> list[FoundDevice]:
    address = address_of(port)

    def dial(line: SerialLine | None) -> Dial:
        if address is not None:
            return dial_tcp(address)
        return dial_serial(port, line or SerialLine(baud=9600, bits=8, parity="N", stop=1))

    framing: Framing = RtuFraming() if address is None else TcpFraming()
    lines = [None] if address is not None else line_settings(sweep.bauds, sweep.formats)
    found = await scan(dial, framing, lines, sweep.units, wait_s=sweep.wait_s, tell=tell)
    devices = []
    for each in found:
        tables = await explore(
            dial(each.line), framing, each, wait_s=max(sweep.wait_s, 4 * each.round_trip_s)
        )
        devices.append(FoundDevice(port=port, found=each, tables=tables))
    return devices


def sniff_port(port: str, line: SerialLine, *, seconds: float | None, as_json: bool) -> None:
    """Listen to a line and write every frame that passes, until Ctrl-C or for so long.

    Raises:
        TocsinError: The port cannot be opened.
    """
    try:
        asyncio.run(_sniff(port, line, seconds, as_json=as_json))
    except EdgeError as exc:
        raise TocsinError(str(exc)) from exc


async def _sniff(port: str, line: SerialLine, seconds: float | None, *, as_json: bool) -> None:
    link = Link("sniff", dial_serial(port, line), now_ms=lambda: 0)
    await link.open()
    sniffer = Sniffer()
    silence_s = max(0.03, 20 * line.char_s)  # adapters hand bytes over in bunches
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    try:
        while seconds is None or loop.time() - began_s < seconds:
            try:
                heard = sniffer.feed(await link.receive(silence_s))
            except TimeoutError:
                heard = sniffer.silence()
            _write_heard(heard, loop.time() - began_s, as_json=as_json)
    finally:
        await link.close()


def _write_heard(frames: Iterable[Heard], at_s: float, *, as_json: bool) -> None:
    for heard in frames:
        line = msgspec.json.encode(heard_json(heard, at_s)).decode() if as_json else heard_text(heard, at_s)
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def heard_json(heard: Heard, at_s: float) -> dict[str, Any]:
    """A frame, for machines."""
    known = {
        "unit": heard.unit,
        "function": heard.function,
        "address": heard.address,
        "count": heard.count,
        "data": heard.data.hex() or None,
        "exception": heard.code,
    }
    said = {key: value for key, value in known.items() if value is not None}
    return {"at_s": round(at_s, 3), "kind": heard.kind, "raw": heard.raw.hex(" "), **said}


def heard_text(heard: Heard, at_s: float) -> str:
    """A frame, for people."""
    place = "" if heard.address is None else f" at {heard.address} x {heard.count}"
    what = {
        "request": f"unit {heard.unit} is asked: function {heard.function}{place} {heard.data.hex(' ')}",
        "answer": f"unit {heard.unit} answers: function {heard.function}{place} = {heard.data.hex(' ')}",
        "exception": f"unit {heard.unit} refuses function {heard.function}: exception {heard.code}",
        "noise": f"{len(heard.raw)} bytes that are no frame",
    }[heard.kind]
    return f"{at_s:9.3f}  {what.rstrip()}  [{heard.raw.hex(' ')}]"
