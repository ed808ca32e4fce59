"""Finding units on a line whose settings nobody wrote down: each setting, each unit id, one question."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from district.bus import SerialLine, parse_line
from district.bustime import line_silence_s
from district.register import Table
from edge.errors import LinkDownError
from edge.link import Dial, Link
from edge.modbus.framing import Data, Framing, GarbledError, ReadRequest, Refusal
from edge.waiting import until_s

_ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 2, 3
_TABLES: tuple[Table, ...] = ("holding", "input")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A unit that answered."""

    line: SerialLine | None  # None over TCP
    unit: int
    round_trip_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a scan has come."""

    line: SerialLine | None
    asked: int
    total: int
    left_s: float
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """Registers of a unit that answered, address to raw word."""

    table: Table
    words: dict[int, int]


FORMATS: tuple[str, ...] = ("8N1", "8E1", "8O1", "8N2")
"""The characters that makers of RTU units use, the usual ones first."""


def line_settings(bauds: Sequence[int], formats: Sequence[str]) -> list[SerialLine]:
    """The settings to try, all formats at a rate before the next rate.

    Raises:
        SpecError: A rate or a format is none.
    """
    return [parse_line(f"{baud}-{each}") for baud, each in product(bauds, formats)]


class Dialog:
    """One question at a time on an open link, without memory; ``None`` is no answer in time."""

    def __init__(self, link: Link, framing: Framing, line: SerialLine | None) -> None:
        self._link = link
        self._framing = framing
        self._char_s = line.char_s if line else 0.0
        self._gap_s = line_silence_s(line) if line else 0.0
        self._rests_until_s = 0.0
        self._number = 0

    def seconds(self, request: ReadRequest, wait_s: float) -> float:
        """How long a question without an answer takes."""
        return len(self._framing.encode(request, 1)) * self._char_s + wait_s + self._gap_s

    async def ask(self, request: ReadRequest, wait_s: float) -> Data | Refusal | None:
        """Ask, and wait so long for the answer to begin.

        Raises:
            LinkDownError: The port or connection is away.
        """
        loop = asyncio.get_running_loop()
        await until_s(self._rests_until_s)
        self._number = self._number % 0xFFFF + 1
        frame = self._framing.encode(request, self._number)
        self._link.discard()
        self._link.write(frame)
        deadline_s = loop.time() + len(frame) * self._char_s + wait_s
        heard, found = b"", None
        try:
            while found is None:
                heard += await self._link.receive(max(0.0, deadline_s - loop.time()))
                if len(heard) == 1 or self._char_s:  # an answer has begun: let it end
                    deadline_s = max(
                        deadline_s, loop.time() + self._framing.answer_bytes(request) * self._char_s
                    )
                found = self._framing.find(heard, request, self._number)
                if loop.time() > deadline_s + 1.0:  # noise without end
                    return None
        except (TimeoutError, GarbledError):
            return None
        finally:
            self._rests_until_s = loop.time() + self._gap_s
        return found


async def scan(
    dial: Callable[[SerialLine | None], Dial],
    framing: Framing,
    lines: Sequence[SerialLine | None],
    units: Sequence[int],
    *,
    wait_s: float,
    tell: Callable[[Progress], None],
) -> list[Found]:
    """Ask every unit at every setting; any answer of its own, a refusal too, is a find.

    Args:
        dial: How to open the port at a setting.
        framing: How frames look.
        lines: The settings, or one ``None`` over TCP.
        units: The unit ids.
        wait_s: How long a unit may think.
        tell: Hears of every question.

    Raises:
        LinkDownError: The port or connection cannot be opened at any setting, or went away.
    """
    loop = asyncio.get_running_loop()
    expected = _expected_s(framing, lines, len(units), wait_s)
    began_s, asked, total = loop.time(), 0, len(lines) * len(units)
    found: list[Found] = []
    refusals: list[LinkDownError] = []
    for place, line in enumerate(lines):
        link = Link("scan", dial(line), now_ms=lambda: 0)
        try:
            await link.open()
        except LinkDownError as exc:
            refusals.append(exc)  # not every adapter can do every setting
            asked += len(units)
            continue
        try:
            dialog = Dialog(link, framing, line)
            for unit in units:
                asked_s = loop.time()
                answer = await dialog.ask(_question(unit), wait_s)
                if answer is not None:
                    found.append(Found(line=line, unit=unit, round_trip_s=loop.time() - asked_s))
                asked += 1
                share = sum(expected[:place]) + expected[place] * (asked - place * len(units)) / len(units)
                spent_s = loop.time() - began_s
                left_s = (sum(expected) - share) * max(1.0, spent_s / share)
                tell(Progress(line=line, asked=asked, total=total, left_s=left_s, found=len(found)))
        finally:
            await link.close()
    if len(refusals) == len(lines):
        raise refusals[0]
    return found


async def explore(
    dial: Dial, framing: Framing, found: Found, *, wait_s: float, addresses: range = range(32)
) -> list[Readable]:
    """Which registers of a unit can be read, and what they hold now.

    Raises:
        LinkDownError: The port or connection is away.
    """
    link = Link("scan", dial, now_ms=lambda: 0)
    await link.open()
    try:
        dialog = Dialog(link, framing, found.line)
        tables = []
        for table in _TABLES:
            words: dict[int, int] = {}
            await _explore(dialog, found.unit, table, addresses, wait_s=wait_s, words=words)
            if words:
                tables.append(Readable(table=table, words=dict(sorted(words.items()))))
        return tables
    finally:
        await link.close()


async def _explore(
    dialog: Dialog, unit: int, table: Table, span: range, *, wait_s: float, words: dict[int, int]
) -> None:
    """Read a span of addresses; what is refused is asked again in halves."""
    answer = await dialog.ask(_question(unit, table, span.start, len(span)), wait_s)
    if isinstance(answer, Data):
        data = answer.data
        words |= {span.start + i: int.from_bytes(data[2 * i : 2 * i + 2], "big") for i in range(len(span))}
    elif isinstance(answer, Refusal) and answer.code in {_ILLEGAL_ADDRESS, _ILLEGAL_VALUE} and len(span) > 1:
        middle = len(span) // 2
        for half in (span[:middle], span[middle:]):
            await _explore(dialog, unit, table, half, wait_s=wait_s, words=words)


def runs(words: dict[int, int]) -> Iterator[tuple[int, list[int]]]:
    """Neighbouring registers together: the first address, and the words from it on."""
    start, run = 0, list[int]()
    for address, word in sorted(words.items()):
        if run and address != start + len(run):
            yield start, run
            run = []
        if not run:
            start = address
        run.append(word)
    if run:
        yield start, run


def _expected_s(
    framing: Framing, lines: Sequence[SerialLine | None], units: int, wait_s: float
) -> list[float]:
    """How long each setting takes if nobody answers."""
    unopened = Link("scan", _never, now_ms=lambda: 0)
    return [units * Dialog(unopened, framing, line).seconds(_question(1), wait_s) for line in lines]


def _question(unit: int, table: Table = "holding", address: int = 0, count: int = 1) -> ReadRequest:
    return ReadRequest(device_id=f"unit {unit}", unit=unit, table=table, address=address, count=count)


async def _never(_protocol: asyncio.Protocol) -> asyncio.Transport:
    raise LinkDownError("never opened")
