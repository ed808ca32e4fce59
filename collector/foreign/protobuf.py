"""Reading and writing protobuf's wire format, as far as Sparkplug B uses it.

The format is four ways to write a field and has not changed in fifteen years. Google's library would bring
seven megabytes and code generated for one of its versions, to read a message of nine fields; the tests hold
this against that library's own encoder.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from collector.foreign.statement import ForeignError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_MOST_VARINT = 10  # bytes
_U64 = 2**64 - 1


class Field(NamedTuple):
    """One field of a message: its number, how it is written, and what it holds."""

    number: int
    wire: int
    value: int | bytes

    def whole(self) -> int:
        """It as a whole number that is not negative.

        Raises:
            ForeignError: It is of another kind.
        """
        if self.wire != VARINT or isinstance(self.value, bytes):
            raise ForeignError(f"protobuf: field {self.number} is no whole number")
        return self.value

    def message(self) -> bytes:
        """It as bytes.

        Raises:
            ForeignError: It is of another kind.
        """
        if isinstance(self.value, int) or self.wire != BYTES:
            raise ForeignError(f"protobuf: field {self.number} is neither text nor message")
        return self.value

    def text(self) -> str:
        """It as text.

        Raises:
            ForeignError: It is none.
        """
        try:
            return self.message().decode()
        except UnicodeDecodeError as exc:
            raise ForeignError(f"protobuf: field {self.number} is no text") from exc

    def real(self) -> float:
        """It as a float or a double.

        Raises:
            ForeignError: It is neither.
        """
        if isinstance(self.value, int) or self.wire not in {FIXED32, FIXED64}:
            raise ForeignError(f"protobuf: field {self.number} is no float")
        return float(struct.unpack("<f" if self.wire == FIXED32 else "<d", self.value)[0])


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message, in the order in which they are written.

    Raises:
        ForeignError: The bytes are no message.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise ForeignError("protobuf: field 0")
        if wire == VARINT:
            value, at = _varint(data, at)
            yield Field(number, wire, value)
            continue
        if wire == BYTES:
            size, at = _varint(data, at)
        elif wire in {FIXED64, FIXED32}:
            size = 8 if wire == FIXED64 else 4
        else:
            raise ForeignError(f"protobuf: field {number} is written in way {wire}, which there is not")
        if at + size > end:
            raise ForeignError(f"protobuf: field {number} goes beyond the end")
        yield Field(number, wire, data[at : at + size])
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + _MOST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004  (the bit that says that more follows)
            return value & _U64, at + place + 1
    raise ForeignError("protobuf: a number without end")


def written(number: int, value: int | str | bytes) -> bytes:
    """A field: a whole number, a text or a message."""
    if isinstance(value, int):
        return _varint_of(number << 3 | VARINT) + _varint_of(value)
    body = value.encode() if isinstance(value, str) else value
    return _varint_of(number << 3 | BYTES) + _varint_of(len(body)) + body


def _varint_of(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004  (seven bits a byte)
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
