"""How long a shared line is busy: arithmetic of Modbus RTU and ASCII.

Everything that predicts bus time uses these figures: the check of a district, the planner and the benchmarks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from district.bus import ModbusAsciiBus, ModbusAsciiTcpBus, SerialLine, SharedLineBus
from district.inventory import RequestLimits
from district.register import BIT_TABLES, Table

Cost = Callable[[Table, int], float]
"""The bus seconds of one request for so many registers (or bits) of a table, until the next may begin."""

_REQUEST_CHARS = 8  # unit, function, address, count, CRC
_ANSWER_CHARS = 5  # unit, function, length, CRC; the data come on top
_SILENT_CHARS = 3.5
_FIXED_SILENCE_S = 0.00175  # the standard's, above 19200 baud
_FIXED_FROM_BAUD = 19200


def line_silence_s(line: SerialLine) -> float:
    """The rest that separates two RTU frames."""
    return _FIXED_SILENCE_S if line.baud > _FIXED_FROM_BAUD else _SILENT_CHARS * line.char_s


def silence_s(bus: SharedLineBus) -> float:
    """The rest that separates two frames on a bus; ASCII frames have marks, and need none."""
    return 0.0 if isinstance(bus, ModbusAsciiBus | ModbusAsciiTcpBus) else line_silence_s(bus.line)


def data_bytes(table: Table, count: int) -> int:
    """The data bytes of an answer with so many registers, or bits."""
    return ceil(count / 8) if table in BIT_TABLES else 2 * count


def ascii_chars(rtu_bytes: int) -> int:
    """Characters of an ASCII frame in place of an RTU frame of so many bytes.

    A colon, two digits a byte with one check byte in place of two, CR and LF.
    """
    return 2 * (rtu_bytes - 1) + 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """How one transaction fills a shared line, in seconds."""

    request_s: float
    turnaround_s: float
    answer_s: float
    rest_s: float  # before the next request

    @property
    def total_s(self) -> float:
        """From the request's first bit to that of the next."""
        return self.request_s + self.turnaround_s + self.answer_s + self.rest_s


def spend(bus: SharedLineBus, limits: RequestLimits, table: Table, count: int) -> Spent:
    """How a request for ``count`` registers (or bits) to a device fills its bus."""
    request, answer = _REQUEST_CHARS, _ANSWER_CHARS + data_bytes(table, count)
    if isinstance(bus, ModbusAsciiBus | ModbusAsciiTcpBus):
        request, answer = ascii_chars(request), ascii_chars(answer)
    thinking_s = (bus.turnaround if limits.turnaround is None else limits.turnaround).total_seconds()
    rest_s = max(bus.gap.total_seconds(), limits.pause.total_seconds(), silence_s(bus))
    return Spent(
        request_s=request * bus.line.char_s,
        turnaround_s=max(thinking_s, silence_s(bus)),
        answer_s=answer * bus.line.char_s,
        rest_s=rest_s,
    )


def request_s(
    bus: SharedLineBus,
    table: Table,
    count: int,
    limits: RequestLimits = RequestLimits(),  # noqa: B008  (frozen)
) -> float:
    """Bus seconds to ask for ``count`` registers (or bits) at once, until the next request may start."""
    return spend(bus, limits, table, count).total_s
