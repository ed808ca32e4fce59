"""What SL/T 427 self-reports say: kinds of data, digits with the lowest first, the time tag. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from edge.bcd import decimal, local_time
from edge.errors import Sl427Error
from edge.sl427.frames import REAL_TIME, VOLTAGE, Frame, decode_frame
from edge.telegram import Said, Telegram

NO_VALUE = "no-value"  # the station says that it has none
NO_NUMBER = "no-number"  # its digits are none
MISFIT = "misfit"  # the data have a length that this kind cannot have

TAGGED = frozenset({0x81, 0x82, 0x83, VOLTAGE, REAL_TIME})
_TAG_BYTES = 7
_STATE_BYTES = 4  # alarms and state of the terminal, behind the values
_NEGATIVE = 0xF


class _Field(NamedTuple):
    """How one quantity is written."""

    name: str
    size: int  # bytes
    decimals: int
    unit: str
    signed: bool = False  # the highest half-byte is a sign, F for negative

    def read(self, data: bytes, place: int) -> Said:
        """The value in ``data``, of the instrument at ``place``."""
        digits = data[::-1]
        sign = digits[0] >> 4
        if self.signed and sign in {0, _NEGATIVE}:
            digits = bytes((digits[0] & 0xF,)) + digits[1:]
        return _said(
            f"{self.name}{place}",
            digits,
            self.decimals,
            self.unit,
            negative=self.signed and sign == _NEGATIVE,
        )


def decode(raw: bytes, timezone: ZoneInfo) -> Telegram:
    """Read one frame; of a message in several frames, only whose it is.

    Raises:
        Sl427Error: It is no frame, or its time is none.
    """
    return read_telegram(decode_frame(raw), timezone)


def read_telegram(frame: Frame, timezone: ZoneInfo) -> Telegram:
    """What a frame says.

    Args:
        frame: The frame.
        timezone: Where the station's clock stands; it says no zone itself.

    Raises:
        Sl427Error: Its time is none.
    """
    if not frame.up or frame.left is not None or frame.function not in TAGGED:
        return Telegram(station=frame.station_id, at=None, said=())
    if len(frame.data) < _TAG_BYTES:
        raise Sl427Error("a report without its time", frame.data)
    data, tag = frame.data[:-_TAG_BYTES], frame.data[-_TAG_BYTES:]
    at = _time(tag, timezone)
    if frame.function == REAL_TIME and frame.kind in _KINDS:
        said = _KINDS[frame.kind](data)
    elif frame.function == VOLTAGE:
        said = _repeated(_Field("voltage", 2, 2, "V"), data)
    else:
        said = []
    return Telegram(station=frame.station_id, at=at, said=tuple(said))


def _time(tag: bytes, timezone: ZoneInfo) -> datetime:
    local = local_time(tag[5::-1], timezone)
    if local is None:
        raise Sl427Error(f"{tag[:6].hex()} is no time", tag)
    return local.astimezone(UTC)


def _said(code: str, digits: bytes, decimals: int, unit: str, *, negative: bool = False) -> Said:
    if set(digits.hex()) <= {"a", "0"} and "a" in digits.hex():
        return Said(code, None, unit, NO_VALUE)
    number = decimal(digits)
    if number is None:
        return Said(code, None, unit, NO_NUMBER)
    value = number / 10**decimals
    return Said(code, -value if negative else value, unit)


def _repeated(field: _Field, data: bytes) -> list[Said]:
    """The same quantity of several instruments, then alarms and state.

    Where the length fits no number of instruments, the values are there and not to be believed.
    """
    values, state = _without_state(data)
    said = [
        field.read(values[start : start + field.size], index + 1)
        for index, start in enumerate(range(0, len(values) - field.size + 1, field.size))
    ]
    if len(values) % field.size:
        return [each._replace(flag=each.flag or MISFIT) for each in said]
    return said + state


def _without_state(data: bytes) -> tuple[bytes, list[Said]]:
    if len(data) < _STATE_BYTES:
        return data, []
    values, state = data[:-_STATE_BYTES], data[-_STATE_BYTES:]
    return values, [
        Said("alarms", float(int.from_bytes(state[:2], "little"))),
        Said("state", float(int.from_bytes(state[2:], "little"))),
    ]


def _flow(data: bytes) -> list[Said]:
    """Flow and total of each meter, ten bytes together."""
    values, state = _without_state(data)
    said: list[Said] = []
    for index, start in enumerate(range(0, len(values) - 9, 10)):
        flow, total = values[start : start + 5][::-1], values[start + 5 : start + 10][::-1]
        marks = flow[0] >> 4
        empty = marks == 0xA  # noqa: PLR2004  (the digit that stands for no value)
        digits = flow if empty else bytes((flow[0] & 0xF,)) + flow[1:]
        unit = "m3/h" if marks & 0b0011 and not empty else "m3/s"
        said.append(_said(f"flow{index + 1}", digits, 3, unit, negative=bool(marks & 0b1100) and not empty))
        said.append(_said(f"total{index + 1}", total, 0, "m3"))
    if len(values) % 10:
        return [each._replace(flag=each.flag or MISFIT) for each in said]
    return said + state


def _weather(data: bytes) -> list[Said]:
    """Air pressure, wind and temperature, once."""
    values, state = _without_state(data)
    if len(values) != 8:  # noqa: PLR2004  (three, three and two bytes)
        return []
    pressure, wind, temperature = values[2::-1], values[5:2:-1], values[6:]
    direction, speed = wind[0] >> 4, bytes((wind[0] & 0xF,)) + wind[1:]
    named = direction <= 8  # noqa: PLR2004  (still air and eight winds)
    empty = direction == 0xA  # noqa: PLR2004  (the digit that stands for no value)
    return [
        _said("pressure", pressure, 0, "hPa"),
        _said("wind", wind if empty else speed, 2, "m/s"),
        Said("wind-direction", float(direction) if named else None, None, None if named else NO_VALUE),
        _Field("temperature", 2, 1, "°C", signed=True).read(temperature, 1)._replace(code="temperature"),
        *state,
    ]


def _soil(data: bytes) -> list[Said]:
    """Water content and depth of each probe."""
    values, state = _without_state(data)
    said: list[Said] = []
    for index, start in enumerate(range(0, len(values) - 3, 4)):
        said.append(_Field("soil", 2, 1, "%").read(values[start : start + 2], index + 1))
        said.append(_Field("depth", 2, 0, "cm").read(values[start + 2 : start + 4], index + 1))
    if len(values) % 4:
        return [each._replace(flag=each.flag or MISFIT) for each in said]
    return said + state


def _rain_sum(data: bytes) -> list[Said]:
    """Rain of five-minute steps, hours, days, or in all; the first byte says of how many."""
    if len(data) < 4:  # noqa: PLR2004  (kind and three bytes of digits)
        return []
    code = ("rain-5min", "rain-hour", "rain-day", "rain-all")[data[0] >> 6]
    return [_said(code, data[3:0:-1], 1, "mm")]


_KINDS: Mapping[int, Callable[[bytes], list[Said]]] = {
    1: partial(_repeated, _Field("rain", 3, 1, "mm")),
    2: partial(_repeated, _Field("level", 4, 3, "m", signed=True)),
    3: _flow,
    4: partial(_repeated, _Field("velocity", 3, 3, "m/s", signed=True)),
    5: partial(_repeated, _Field("gate", 3, 2, "m")),
    6: partial(_repeated, _Field("power", 3, 0, "kW")),
    7: _weather,
    8: partial(_repeated, _Field("energy", 4, 2, "kWh")),
    9: partial(_repeated, _Field("water-temperature", 2, 1, "°C")),
    11: _soil,
    12: partial(_repeated, _Field("evaporation", 3, 1, "mm")),
    14: _rain_sum,
    15: partial(_repeated, _Field("water-pressure", 4, 2, "kPa")),
}
