"""How long a serial bus is busy: arithmetic of the Modbus RTU line."""

from collections.abc import Iterable
from itertools import groupby
from math import ceil, inf

from district.bus import ModbusRtuBus
from district.profile import BIT_TABLES, RegisterPointSpec, Table

_REQUEST_CHARS = 8  # unit, function, address, count, CRC
_ANSWER_CHARS = 5  # unit, function, length, CRC; the data come on top
_SILENT_CHARS = 3.5
_FIXED_SILENCE_S = 0.00175  # the standard's, above 19200 baud
_FIXED_FROM_BAUD = 19200
_MOST_BITS = 2000


def silence_s(bus: ModbusRtuBus) -> float:
    """The rest that separates two frames."""
    fixed = bus.line.baud > _FIXED_FROM_BAUD
    return _FIXED_SILENCE_S if fixed else _SILENT_CHARS * bus.line.char_s


def request_s(bus: ModbusRtuBus, table: Table, count: int) -> float:
    """Bus seconds to ask for ``count`` registers (or bits) at once, until the next request may start."""
    data_chars = ceil(count / 8) if table in BIT_TABLES else 2 * count
    frames_s = (_REQUEST_CHARS + _ANSWER_CHARS + data_chars) * bus.line.char_s
    thinking_s = max(bus.turnaround.total_seconds(), silence_s(bus))
    return frames_s + thinking_s + max(bus.gap.total_seconds(), silence_s(bus))


def least_poll_s(bus: ModbusRtuBus, points: Iterable[RegisterPointSpec]) -> float:
    """The fewest bus seconds in which all ``points`` of one unit can be read."""
    ordered = sorted(points, key=lambda point: (point.resolved_table, point.address))
    return sum(
        _least_table_s(bus, table, list(group))
        for table, group in groupby(ordered, key=lambda point: point.resolved_table)
    )


def _least_table_s(bus: ModbusRtuBus, table: Table, points: list[RegisterPointSpec]) -> float:
    """The cheapest way to cut ``points``, sorted by address, into requests."""
    most = _MOST_BITS if table in BIT_TABLES else bus.max_words
    best = [0.0]  # best[n]: the first n points are read
    for last in range(len(points)):
        end = max(point.address + point.words for point in points[: last + 1])
        costs = [inf]
        for first in range(last, -1, -1):
            count = end - points[first].address
            if count > most and first < last:
                break
            costs.append(best[first] + request_s(bus, table, count))
        best.append(min(costs))
    return best[-1]
