"""One Modbus bus: a request at a time, its answer or the reason why there is none."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import NoReturn

from district.register import BIT_TABLES
from edge.errors import ReadError, RefusedError
from edge.link import Link
from edge.modbus.framing import (
    AsciiFraming,
    Framing,
    GarbledError,
    Question,
    ReadRequest,
    Refusal,
    RtuFraming,
    TcpFraming,
)
from edge.patience import Patience
from edge.waiting import until_s
from transport.measurement import Quality

_BROKEN_OFF_S = 0.05  # adapters hand bytes over in bunches, up to 16 ms apart; this long is no bunch
_OWED_FOR_S = 30.0  # no answer comes later than this
_SILENCES_TO_REOPEN = 3
_NUMBERS = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things take on one bus, in seconds."""

    timeout_s: float  # from the request's last byte to the answer's first, at most
    gap_s: float  # silence before a request
    char_s: float  # one character; 0 where bytes take no time worth counting


@dataclass(frozen=True, slots=True)
class Answer:
    """The data bytes of one answer, dated when its last byte came."""

    data: bytes
    at_ms: int
    took_s: float  # from the request's first byte to the answer's last
    frame: bytes  # all that was heard
    question: bytes


@dataclass(slots=True)
class BusFigures:
    """What became of a bus's time since it was opened first, in seconds."""

    asked: int = 0
    answered: int = 0
    silences: int = 0
    busy_s: float = 0.0  # with requests, their answers and the waits for them, whatever came of it
    wasted_s: float = 0.0  # of these, with requests that were not answered


@dataclass(frozen=True, slots=True)
class _Owed:
    """The shape of an answer that may still come, because its request was never answered."""

    function: int
    data_bytes: int
    until_s: float


class ModbusBus:
    """The one owner of a port or connection; requests never overlap.

    On a serial line nothing says which request an answer belongs to. So after a request without an answer, a
    unit is first asked something whose answer has another length: once that has come, nothing older can, for
    a unit answers one request after the other. For a dead unit this is also the cheapest way to ask.

    The wait for a unit is learned from its round trips; a unit that only became slower is waited for longer
    at its next turn.
    """

    def __init__(self, link: Link, framing: Framing, timing: Timing) -> None:
        self._link = link
        self._framing = framing
        self._timing = timing
        self._numbers = count(1)
        self._owed: defaultdict[int, list[_Owed]] = defaultdict(list)
        self._patience: defaultdict[int, Patience] = defaultdict(lambda: Patience(longest_s=timing.timeout_s))
        self._silences = 0
        self._turn = asyncio.Lock()
        self._rests_until_s = 0.0
        self.figures = BusFigures()

    @property
    def is_open(self) -> bool:
        """Whether the port or connection stands."""
        return self._link.is_open

    def round_trip_s(self, unit: int) -> float | None:
        """How long a unit usually thinks; none before it has answered."""
        return self._patience[unit].round_trip_s

    async def open(self) -> None:
        """Make sure that the port or connection stands; asked for by :meth:`ask` anyway.

        Raises:
            LinkDownError: It is away.
        """
        async with self._turn:
            await self._open()

    async def _open(self) -> None:
        if self._link.is_open:
            return
        await self._link.open()
        self._owed.clear()
        self._silences = 0
        if not self._framing.numbered:  # whoever had the port before us may have asked something
            await asyncio.sleep(self._timing.timeout_s)

    async def ask(self, request: Question, *, spare_s: float = 0.0) -> Answer:
        """Ask once; whoever asks meanwhile waits for its turn.

        Args:
            request: What to ask.
            spare_s: How long nobody else needs the bus: a silent unit may have it.

        Raises:
            ReadError: No answer, or none that can be believed.
            RefusedError: The unit answered with an exception.
            LinkDownError: The port or connection is away.
        """
        async with self._turn:
            await self._open()
            if self._is_owed(request):
                with suppress(RefusedError):  # it is there and has caught up, whatever it thinks of it
                    await self._exchange(self._probe(request), spare_s)
            return await self._exchange(request, spare_s)

    async def close(self) -> None:
        """Close the port or connection."""
        await self._link.close()

    async def _exchange(self, request: Question, spare_s: float) -> Answer:
        loop = asyncio.get_running_loop()
        await until_s(self._rests_until_s)
        began_s = loop.time()
        answered = False
        self.figures.asked += 1
        try:
            answer = await self._transact(request, spare_s)
            answered = True
        except RefusedError:
            answered = True
            raise
        finally:
            spent_s = loop.time() - began_s
            self.figures.busy_s += spent_s + self._timing.gap_s
            self.figures.answered += answered
            self.figures.wasted_s += 0.0 if answered else spent_s
        return answer

    async def _transact(self, request: Question, spare_s: float) -> Answer:
        loop, timing = asyncio.get_running_loop(), self._timing
        number = next(self._numbers) % _NUMBERS + 1
        frame = self._framing.encode(request, number)
        self._link.discard()
        asked_s = loop.time()
        self._link.write(frame)
        on_wire_s = (len(frame) + self._framing.answer_bytes(request)) * timing.char_s
        patience = self._patience[request.unit]
        timeout_s = patience.timeout_s(self._usual_s(), spare_s - on_wire_s)
        deadline_s = asked_s + on_wire_s + timeout_s
        heard, found = b"", None
        while found is None:
            if loop.time() > deadline_s + timing.timeout_s:  # noise without end
                await self._give_up(request, heard, timeout_s)
            patience_s = max(0.0, deadline_s - loop.time())
            if self._is_whole(request, heard):
                patience_s = min(patience_s, _BROKEN_OFF_S)
            try:
                heard += await self._link.receive(patience_s)
                found = self._framing.find(heard, request, number)
            except TimeoutError:
                await self._give_up(request, heard, timeout_s)
            except GarbledError as exc:
                await self._link.close()
                raise ReadError(request.device_id, str(exc), quality=Quality.CHECKSUM) from exc
            finally:
                self._rests_until_s = loop.time() + max(timing.gap_s, request.rest_s)
        took_s = loop.time() - asked_s
        self._silences = 0
        self._owed.pop(request.unit, None)
        if isinstance(found, Refusal):
            patience.heard(took_s - len(frame) * timing.char_s)
            raise RefusedError(request.device_id, found.code)
        patience.heard(took_s - on_wire_s)
        return Answer(found.data, self._link.heard_ms, took_s, heard, frame)

    def _usual_s(self) -> float | None:
        """What suffices for every unit that has answered."""
        expected = [each.expected_s for each in self._patience.values() if each.expected_s is not None]
        return max(expected, default=None)

    def _is_whole(self, request: Question, heard: bytes) -> bool:
        """Whether as much was heard as the answer is long, with nothing else to expect on the line."""
        if self._framing.numbered or self._owed.get(request.unit):
            return False
        return len(heard) >= self._framing.answer_bytes(request)

    async def _give_up(self, request: Question, heard: bytes, timeout_s: float) -> NoReturn:
        """Say why there is no answer; after several silences in a row the port is opened anew.

        A connection whose other end has vanished, or a serial adapter that came back under the same name,
        shows by nothing but silence.
        """
        if not self._framing.numbered:
            until = asyncio.get_running_loop().time() + _OWED_FOR_S
            self._owed[request.unit].append(_Owed(request.function, request.data_bytes, until))
        self._patience[request.unit].silent()
        self.figures.silences += 1
        if heard:
            raise ReadError(
                request.device_id, f"no answer in {heard[:64].hex(' ')}", quality=Quality.CHECKSUM
            )
        self._silences += 1
        if self._silences >= _SILENCES_TO_REOPEN:
            await self._link.close()
        raise ReadError(request.device_id, f"no answer within {timeout_s * 1000:.0f} ms")

    def _is_owed(self, request: Question) -> bool:
        """Whether an answer that looks like the one to ``request`` may come to an older question."""
        if self._framing.numbered:
            return False
        return (request.function, request.data_bytes) in self._shapes_owed(request.unit)

    def _shapes_owed(self, unit: int) -> set[tuple[int, int]]:
        now_s = asyncio.get_running_loop().time()
        self._owed[unit] = [owed for owed in self._owed[unit] if owed.until_s > now_s]
        return {(owed.function, owed.data_bytes) for owed in self._owed[unit]}

    def _probe(self, request: Question) -> ReadRequest:
        """The shortest question whose answer has a length that nothing owed has."""
        shapes = self._shapes_owed(request.unit)
        step = 8 if request.table in BIT_TABLES else 1
        first = ReadRequest(
            device_id=request.device_id,
            unit=request.unit,
            table=request.table,
            address=request.address,
            count=1,
            rest_s=request.rest_s,
        )
        probes = (replace(first, count=1 + step * extra) for extra in count())
        return next(probe for probe in probes if (probe.function, probe.data_bytes) not in shapes)


def rtu_bus(link: Link, timing: Timing) -> ModbusBus:
    """A line with Modbus RTU on it, at a serial port or behind a transparent converter."""
    return ModbusBus(link, RtuFraming(), timing)


def ascii_bus(link: Link, timing: Timing) -> ModbusBus:
    """A line with Modbus ASCII on it, at a serial port or behind a transparent converter."""
    return ModbusBus(link, AsciiFraming(), timing)


def tcp_bus(link: Link, *, timeout_s: float) -> ModbusBus:
    """A connection to a Modbus TCP server."""
    return ModbusBus(link, TcpFraming(), Timing(timeout_s=timeout_s, gap_s=0.0, char_s=0.0))
