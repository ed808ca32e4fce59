"""The elements of SL 651 (its annex C): identifiers, their units, and their digits. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge.bcd import decimal
from edge.errors import Sl651Error

NO_VALUE = "no-value"  # the station says that it has none
NO_NUMBER = "no-number"  # its digits are none

STATUS = 0x45
STEP = 0x04
MANUAL = 0xF2
PICTURE = 0xF3
FIVE_MINUTE_RAINS = 0xF4
FIVE_MINUTE_LEVELS = range(0xF5, 0xFD)
FLOWS = 0xFD
REST_OF_BODY = frozenset({MANUAL, PICTURE, FLOWS})  # their data have no length of their own

_EXTENDED = 0xFF  # one more byte names a maker's own element
_NEGATIVE = 0xFF  # as the highest byte of the digits
_MISSING_RAIN = 0xFF
_MISSING_LEVEL = 0xFFFF
_GROUPS = 12  # of five minutes in an hour

_RANGES: tuple[tuple[int, int, str], ...] = (  # first and last identifier, unit
    (0x01, 0x01, "m2"),
    (0x02, 0x03, "°C"),
    (0x06, 0x07, "mm"),
    (0x08, 0x08, "hPa"),
    (0x09, 0x09, "m"),
    (0x0D, 0x0D, "°C"),
    (0x0E, 0x0F, "m"),
    (0x10, 0x18, "%"),
    (0x1A, 0x26, "mm"),
    (0x27, 0x31, "m3/s"),
    (0x32, 0x32, "10^4 t"),
    (0x35, 0x37, "m/s"),
    (0x38, 0x38, "V"),
    (0x39, 0x43, "m"),
    (0x44, 0x44, "kg/m3"),
    (0x47, 0x47, "mg/L"),
    (0x48, 0x48, "uS/cm"),
    (0x4A, 0x4A, "mg/L"),
    (0x4B, 0x4B, "mV"),
    (0x4C, 0x57, "mg/L"),
    (0x58, 0x5F, "kPa"),
    (0x60, 0x67, "m3"),
    (0x68, 0x6F, "m3/h"),
    (0x70, 0x72, "V"),
    (0x73, 0x75, "A"),
    (0xF4, 0xF4, "mm"),
    (0xF5, 0xFC, "m"),
)
UNITS: Mapping[str, str] = {
    f"{code:02X}": unit for first, last, unit in _RANGES for code in range(first, last + 1)
}


@dataclass(frozen=True, slots=True)
class Identifier:
    """What stands before an element's data."""

    leader: int
    code: str  # as people write it: 3B; FF01 for a maker's own
    length: int  # bytes of data
    decimals: int


class Reader:
    """Takes a body apart from the front; nothing is read past its end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are unread."""
        return len(self._body) - self._at

    def peek(self) -> int:
        """The next byte; -1 at the end."""
        return self._body[self._at] if self.left else -1

    def take(self, count: int, what: str) -> bytes:
        """The next bytes.

        Raises:
            Sl651Error: There are fewer; ``what`` names what they would have been.
        """
        if self.left < count:
            raise Sl651Error(f"ends inside {what}: {count} bytes wanted, {self.left} left", self._body)
        data = self._body[self._at : self._at + count]
        self._at += count
        return data

    def identifier(self) -> Identifier:
        """The next identifier."""
        leader = self.take(1, "an identifier")[0]
        code = f"{leader:02X}"
        if leader == _EXTENDED:
            code += self.take(1, "an identifier").hex().upper()
        definition = self.take(1, f"identifier {code}")[0]
        return Identifier(leader, code, definition >> 3, definition & 7)


def read_number(data: bytes, decimals: int) -> tuple[float | None, str | None]:
    """The number that an element's digits say, and why there is none."""
    if data and data.strip(b"\xff") == b"":
        return None, NO_VALUE
    negative = len(data) > 1 and data[0] == _NEGATIVE
    number = decimal(data[1:] if negative else data)
    if number is None:
        return None, NO_NUMBER if data else NO_VALUE
    value = number / 10**decimals
    return (-value if negative else value), None


def read_element(identifier: Identifier, data: bytes) -> Iterator[tuple[int, float | None, str | None]]:
    """The values of one element: which group of five minutes, value, and why there is none."""
    if identifier.leader == FIVE_MINUTE_RAINS:
        for group, tenths in enumerate(data):
            missing = tenths == _MISSING_RAIN
            yield group, None if missing else tenths / 10, NO_VALUE if missing else None
    elif identifier.leader in FIVE_MINUTE_LEVELS:
        for group in range(len(data) // 2):
            cm = int.from_bytes(data[2 * group : 2 * group + 2], "big")
            missing = cm == _MISSING_LEVEL
            yield group, None if missing else cm / 100, NO_VALUE if missing else None
    elif identifier.leader == STATUS:
        yield 0, float(int.from_bytes(data, "big")), None
    else:
        yield (0, *read_number(data, identifier.decimals))


def check_groups(identifier: Identifier, data: bytes) -> None:
    """Refuse an hour that has not twelve groups of five minutes.

    Raises:
        Sl651Error: The data have another length.
    """
    sizes = {FIVE_MINUTE_RAINS: _GROUPS} | dict.fromkeys(FIVE_MINUTE_LEVELS, 2 * _GROUPS)
    wanted = sizes.get(identifier.leader)
    if wanted is not None and len(data) != wanted:
        raise Sl651Error(f"{identifier.code} has {len(data)} bytes, an hour takes {wanted}", data)
