"""For the technician at a device: read it once, watch it, find out what its registers mean."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table as Grid

from district.bus import ModbusBus
from district.cover import Request
from district.findings import closest
from district.inventory import Device, District, Point, RegisterSource
from district.load import load_district
from edge.errors import EdgeError, ReadError, RefusedError
from edge.interpret import interpretations
from edge.modbus.build import build_bus
from edge.modbus.bus import Answer
from edge.modbus.bus import ModbusBus as BusOwner
from edge.modbus.framing import ReadRequest
from edge.modbus.unit import ModbusUnit
from edge.registers import read_text
from edge.waiting import stopped_within
from tocsin.errors import TocsinError
from transport.clock import real_clock
from transport.measurement import Quality

_SHOWN_FIRST = 12
_LARGEST_WORD = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One question and what came of it."""

    asked: str
    question: bytes = b""
    frame: bytes = b""
    took_ms: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One point as a technician sees it."""

    point: str
    value: float | str | None
    unit: str
    quality: Quality
    verdict: str


@dataclass(slots=True)
class Visit:
    """Everything that one reading of a device brought."""

    device: str
    exchanges: list[Exchange] = field(default_factory=list)
    points: list[Shown] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether every value is good."""
        return all(each.quality.is_good for each in self.points)

    def as_json(self) -> dict[str, Any]:
        """Itself, for machines."""
        return {
            "device": self.device,
            "requests": [
                {
                    "asked": each.asked,
                    "request": each.question.hex(" "),
                    "answer": each.frame.hex(" "),
                    "ms": each.took_ms,
                    "error": each.error,
                }
                for each in self.exchanges
            ],
            "points": [
                {
                    "point": each.point,
                    "value": each.value,
                    "unit": each.unit,
                    "quality": each.quality,
                    "verdict": each.verdict,
                }
                for each in self.points
            ],
        }


class Visitor:
    """Reads one device over a bus that is open, all its points at once."""

    def __init__(self, device: Device, spec: ModbusBus, bus: BusOwner, only: str | None) -> None:
        self._device = device
        self._bus = bus
        self._only = only
        self._unit = ModbusUnit(device, spec)

    async def visit(self) -> Visit:
        """Ask for everything once; a point whose answer does not come has none.

        Raises:
            LinkDownError: The bus is away.
        """
        visit = Visit(self._device.id)
        loop = asyncio.get_running_loop()
        if self._only is None:
            left = self._unit.requests(frozenset(self._unit.rota.steps), loop.time())
        else:
            left = self._unit.requests_of(self._only) if self._only in self._device.points else []
        while left:
            request = left.pop(0)
            question = self._unit.question(request)
            try:
                answer = await self._ask(visit, question)
            except RefusedError as exc:
                left[:0] = smaller = self._unit.refused(request, exc.code, loop.time())
                if not smaller:
                    self._miss(visit, request, exc.quality)
            except ReadError as exc:
                self._miss(visit, request, exc.quality)
            else:
                for name, (value, quality) in self._unit.answered(request, answer.data).items():
                    self._show(visit, name, value, quality)
        await self._visit_texts(visit)
        return visit

    async def _ask(self, visit: Visit, question: ReadRequest) -> Answer:
        asked = f"{question.table} {question.address} x {question.count}"
        try:
            answer = await self._bus.ask(question)
        except ReadError as exc:
            visit.exchanges.append(Exchange(asked=asked, error=exc.reason))
            raise
        visit.exchanges.append(
            Exchange(
                asked=asked,
                question=answer.question,
                frame=answer.frame,
                took_ms=round(answer.took_s * 1000, 1),
            )
        )
        return answer

    async def _visit_texts(self, visit: Visit) -> None:
        for name, source in self._device.texts.items():
            if self._only in {None, name}:
                request = Request(source.table, source.addr, source.words, ())
                try:
                    answer = await self._ask(visit, self._unit.question(request))
                except ReadError as exc:
                    shown = Shown(point=name, value=None, unit="", quality=exc.quality, verdict=exc.reason)
                else:
                    text = read_text(source, answer.data, 0)
                    shown = Shown(point=name, value=text, unit="", quality=Quality.GOOD, verdict="text")
                visit.points.append(shown)

    def _miss(self, visit: Visit, request: Request, quality: Quality) -> None:
        for name in self._unit.names([request]):
            self._show(visit, name, None, quality)

    def _show(self, visit: Visit, name: str, value: float | None, quality: Quality) -> None:
        if self._only in {None, name}:
            point = self._device.points[name]
            verdict, judged = range_verdict(point, value, quality)
            visit.points.append(
                Shown(point=name, value=value, unit=point.unit, quality=judged, verdict=verdict)
            )


def range_verdict(point: Point, value: float | None, quality: Quality) -> tuple[str, Quality]:
    """What to think of a value, in words, and its quality with the range considered."""
    if value is None:
        return quality.value.removeprefix("bad:"), quality
    source = point.source
    meaning = ""
    if isinstance(source, RegisterSource) and source.enum:
        raw = round((value - source.offset) / source.scale)
        meaning = source.enum.get(raw, "a code that the profile does not list")
    if quality.is_bad:
        return meaning or quality.value.removeprefix("bad:"), quality
    if point.valid is not None and not point.valid[0] <= value <= point.valid[1]:
        low, high = point.valid
        return f"outside {low:g} to {high:g}", Quality.OVER_RANGE if value > high else Quality.INVALID
    if meaning:
        return meaning, quality
    return ("within range" if point.valid is not None else "no range given"), quality


@asynccontextmanager
async def visiting(
    folder: Path, device: str, point: str | None, endpoint: str | None
) -> AsyncIterator[Visitor]:
    """A visitor to a Modbus device, on a bus of its own.

    Raises:
        TocsinError: There is no such device or point, or it speaks another protocol.
    """
    district = load_district(folder, areas=False)
    found = find_device(district, device)
    spec = district.gateways[found.gateway].buses[found.bus]
    if not isinstance(spec, ModbusBus):
        raise TocsinError(f"{device} is no Modbus device: it reports by itself")
    known = [*found.points, *found.texts]
    if point is not None and point not in known:
        raise TocsinError(f"{device} has no point {point!r}; it has: {', '.join(known)}")
    bus = build_bus(spec, found.bus, now_ms=real_clock().now_ms, endpoint=endpoint)
    try:
        yield Visitor(found, spec, bus, point)
    finally:
        await bus.close()


def find_device(district: District, device: str) -> Device:
    """The device of that name.

    Raises:
        TocsinError: There is none.
    """
    if device not in district.devices:
        guess = closest(device, district.devices)
        meant = f"; did you mean {guess!r}?" if guess else ""
        raise TocsinError(f"no device {device!r}{meant} There are: {', '.join(district.devices)}")
    return district.devices[device]


def read_device(folder: Path, device: str, point: str | None, endpoint: str | None) -> Visit:
    """Read a device once.

    Raises:
        TocsinError: There is no such device, or its port cannot be had.
    """

    async def once() -> Visit:
        async with visiting(folder, device, point, endpoint) as visitor:
            return await visitor.visit()

    try:
        return asyncio.run(once())
    except EdgeError as exc:
        raise TocsinError(f"{exc}; if the agent runs, it owns the port: stop it first") from exc


async def watch_device(
    folder: Path, device: str, endpoint: str | None, every_s: float, stop: asyncio.Event
) -> None:
    """Show a device's values as they change, until ``stop``.

    Raises:
        TocsinError: There is no such device, or its port cannot be had.
    """
    try:
        async with visiting(folder, device, None, endpoint) as visitor:
            with Live(console=Console(), auto_refresh=False) as screen:
                while not stop.is_set():
                    screen.update(visit_table(await visitor.visit()), refresh=True)
                    await stopped_within(stop, every_s)
    except EdgeError as exc:
        raise TocsinError(f"{exc}; if the agent runs, it owns the port: stop it first") from exc


def visit_table(visit: Visit) -> Grid:
    """The values of a visit, for people."""
    grid = Grid("point", "value", "quality", "verdict", title=visit.device)
    for each in visit.points:
        value = "" if each.value is None else f"{each.value} {each.unit}".strip()
        grid.add_row(each.point, value, each.quality.value, each.verdict)
    return grid


def show_visit(visit: Visit) -> None:
    """Write the frames and values of a visit."""
    console = Console()
    grid = Grid("asked", "request", "answer", "ms")
    for each in visit.exchanges:
        grid.add_row(
            each.asked,
            each.question.hex(" "),
            each.error or each.frame.hex(" "),
            "" if each.took_ms is None else f"{each.took_ms:.1f}",
        )
    console.print(grid)
    console.print(visit_table(visit))


def parse_words(texts: Sequence[str]) -> list[int]:
    """Registers as people write them: ``0x42F6 59769`` or ``42F6E979``.

    Raises:
        TocsinError: Something is no register.
    """
    words: list[int] = []
    for text in texts:
        bare = text.lower().removeprefix("0x")
        try:
            if text.lower().startswith("0x") or len(bare) > 5:  # noqa: PLR2004  (65535 has five digits)
                digits = bare.zfill(-(-len(bare) // 4) * 4)
                words += [int(digits[i : i + 4], 16) for i in range(0, len(digits), 4)]
            else:
                words.append(int(text))
        except ValueError as exc:
            raise TocsinError(f"{text!r} is no register: write 0x42F6, 17142 or 42F6E979") from exc
    if not words or any(not 0 <= word <= _LARGEST_WORD for word in words):
        raise TocsinError("a register lies between 0 and 65535 (0xFFFF)")
    return words


def read_words(
    folder: Path, device: str, *, table: str, address: int, count: int, endpoint: str | None
) -> list[int]:
    """The registers that a device holds now.

    Raises:
        TocsinError: It does not answer.
    """
    district = load_district(folder, areas=False)
    found = find_device(district, device)
    spec = district.gateways[found.gateway].buses[found.bus]
    if not isinstance(spec, ModbusBus) or found.unit is None or table not in {"holding", "input"}:
        raise TocsinError(f"{device}: only holding and input registers of a Modbus device can be decoded")
    question = ReadRequest(
        device_id=device,
        unit=found.unit,
        table="holding" if table == "holding" else "input",
        address=address,
        count=count,
    )

    async def once() -> bytes:
        bus = build_bus(spec, found.bus, now_ms=real_clock().now_ms, endpoint=endpoint)
        try:
            return (await bus.ask(question)).data
        finally:
            await bus.close()

    try:
        data = asyncio.run(once())
    except EdgeError as exc:
        raise TocsinError(str(exc)) from exc
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def meanings(words: Sequence[int], near: float | None) -> list[dict[str, Any]]:
    """Every way to read registers; the plausible one is marked and first."""
    return [
        {"type": each.type, "order": each.order, "value": each.value, "plausible": place == 0}
        for place, each in enumerate(interpretations(words, near=near))
    ]


def show_meanings(words: Sequence[int], rows: Sequence[dict[str, Any]], *, everything: bool) -> None:
    """Write the ways to read registers as a table."""
    title = " ".join(f"{word:04X}" for word in words)
    grid = Grid("", "type", "order", "value", title=title)
    for row in rows if everything else rows[:_SHOWN_FIRST]:
        grid.add_row("→" if row["plausible"] else "", row["type"], row["order"], str(row["value"]))
    Console().print(grid)
