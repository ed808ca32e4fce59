"""HJ 212 frames: ``##``, four digits of length, the segment, four of CRC, CR LF. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from edge.errors import Hj212Error

MOST_SEGMENT_BYTES = 1024  # by the standard

_HEAD = b"##"
_END = b"\r\n"
_LENGTH_DIGITS = 4
_HEAD_BYTES = len(_HEAD) + _LENGTH_DIGITS
_CRC_BYTES = 4
_POLYNOMIAL = 0xA001


class Frame(NamedTuple):
    """The data segment of one frame whose length and CRC hold."""

    segment: bytes
    raw: bytes


def _crc_table() -> tuple[int, ...]:
    table = []
    for low in range(256):
        register = low
        for _ in range(8):
            register = register >> 1 ^ (_POLYNOMIAL if register & 1 else 0)
        table.append(register)
    return tuple(table)


_TABLE = _crc_table()


def crc16(data: bytes) -> int:
    """The standard's own CRC.

    Each byte is combined with the register's high byte, not with its low one as Modbus does, and the low
    byte is lost: "123456789" gives 2F80, where CRC-16/MODBUS gives 4B37.
    """
    register = 0xFFFF
    for byte in data:
        mixed = register >> 8 ^ byte
        register = mixed >> 8 ^ _TABLE[mixed & 0xFF]
    return register


def encode_frame(segment: bytes) -> bytes:
    """A segment as it travels.

    Raises:
        Hj212Error: The segment is longer than the standard allows.
    """
    if len(segment) > MOST_SEGMENT_BYTES:
        raise Hj212Error(
            f"a segment of {len(segment)} bytes; the standard allows {MOST_SEGMENT_BYTES}", segment
        )
    return b"%b%04d%b%04X%b" % (_HEAD, len(segment), segment, crc16(segment), _END)


def decode_frame(raw: bytes) -> Frame:
    """Check one frame; CR LF may be missing, and the CRC's letters may be small.

    Raises:
        Hj212Error: It is none; the reason says where it fails.
    """
    body = raw.removesuffix(_END)
    if not body.startswith(_HEAD):
        raise Hj212Error("does not begin with ##", raw)
    declared = _declared(body, raw)
    there = len(body) - _HEAD_BYTES - _CRC_BYTES
    if there != declared:
        raise Hj212Error(f"declares a segment of {declared} bytes, has {there}", raw)
    segment = body[_HEAD_BYTES : _HEAD_BYTES + declared]
    written = body[-_CRC_BYTES:].upper()
    expected = b"%04X" % crc16(segment)
    if written != expected:
        swapped = " (its bytes are swapped)" if written == expected[2:] + expected[:2] else ""
        raise Hj212Error(f"CRC is {_text(written)}, should be {_text(expected)}{swapped}", raw)
    return Frame(segment, raw)


class Splitter:
    """Cuts a stream of bytes into frames, and finds the next one after anything that is none."""

    def __init__(self) -> None:
        self._unread = b""
        self._lost = False  # between a fault, which has been told, and the next frame

    def feed(self, data: bytes) -> list[Frame | Hj212Error]:
        """Take bytes; returns the frames that are complete now, and a fault for each stretch that is none."""
        self._unread += data
        return list(self._cut())

    def _cut(self) -> Iterator[Frame | Hj212Error]:
        while (fault := self._to_head()) is not None or self._unread.startswith(_HEAD):
            if fault is not None:
                yield fault
                continue
            length = self._length()
            if length is None:
                return
            raw = self._unread[:length]
            try:
                frame = decode_frame(raw)
            except Hj212Error as exc:
                self._unread = self._unread[1:]  # a whole frame may begin inside what seemed one
                if not self._lost:
                    yield exc
                self._lost = True
            else:
                self._unread = self._unread[length:].removeprefix(_END)
                self._lost = False
                yield frame

    def _to_head(self) -> Hj212Error | None:
        """Drop what stands before the next ``##``, and say so once a stretch."""
        at = self._unread.find(_HEAD)
        if at < 0:
            at = len(self._unread) - self._unread.endswith(b"#")
        noise, self._unread = self._unread[:at], self._unread[at:]
        if not noise.strip() or self._lost:
            return None
        self._lost = True
        return Hj212Error(f"{len(noise)} bytes of noise", noise)

    def _length(self) -> int | None:
        """How many bytes to judge as one frame; none while too few are there.

        A CR LF ends whatever was sent, so a frame with a wrong length does not swallow the next one.
        """
        digits = self._unread[len(_HEAD) : _HEAD_BYTES]
        if digits and not digits.isdigit():
            return _HEAD_BYTES
        if len(digits) < _LENGTH_DIGITS:
            return None
        if int(digits) > MOST_SEGMENT_BYTES:
            return _HEAD_BYTES
        whole = _HEAD_BYTES + int(digits) + _CRC_BYTES
        line_end = self._unread.find(_END, 0, whole)
        if line_end >= 0:
            return line_end
        return whole if len(self._unread) >= whole else None


def _declared(body: bytes, raw: bytes) -> int:
    digits = body[len(_HEAD) : _HEAD_BYTES]
    if len(digits) < _LENGTH_DIGITS or not digits.isdigit():
        raise Hj212Error(f"its length {_text(digits)!r} is no four digits", raw)
    declared = int(digits)
    if declared > MOST_SEGMENT_BYTES:
        raise Hj212Error(f"declares a segment of {declared} bytes; the standard allows 1024", raw)
    return declared


def _text(data: bytes) -> str:
    return data.decode("ascii", "backslashreplace")
