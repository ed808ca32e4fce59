"""SL/T 427 frames: ``68 L 68``, control, address, function, data, CRC8, ``16``. Pure."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from edge.errors import Sl427Error

LINK_TEST = 0x02
VOLTAGE = 0x84
REAL_TIME = 0xC0

_START = 0x68
_END = 0x16
_HEAD_BYTES = 3
_TAIL_BYTES = 2  # CRC8 and end
_ADDRESS_BYTES = 5
_LEAST_USER = 1 + _ADDRESS_BYTES + 1
_POLYNOMIAL = 0xE5  # x7 + x6 + x5 + x2 + 1, highest bit first
_UP = 0x80
_SPLIT = 0x40
_COUNT = 0x30
_KIND = 0x0F
_OWN_FUNCTION = 0xFF  # one more byte names it


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame whose lengths and CRC hold."""

    up: bool  # from the station to the centre
    kind: int  # what the data are of, 0 to 15
    count: int = 0  # an answer repeats it, 0 to 3
    left: int | None = None  # of a message in several frames: counts down to 1
    address: bytes  # five bytes
    function: int
    data: bytes  # with password and time where there are any

    @property
    def station_id(self) -> str:
        """The station's address as people write it."""
        return self.address.hex()


def _crc_table() -> tuple[int, ...]:
    table = []
    for high in range(256):
        register = high
        for _ in range(8):
            register = (register << 1 ^ (_POLYNOMIAL if register & 0x80 else 0)) & 0xFF
        table.append(register)
    return tuple(table)


_TABLE = _crc_table()


def crc8(data: bytes) -> int:
    """The check of the user data."""
    register = 0
    for byte in data:
        register = _TABLE[register ^ byte]
    return register


def decode_frame(raw: bytes) -> Frame:
    """Check one frame.

    Raises:
        Sl427Error: It is none; the reason says where it fails.
    """
    if len(raw) < _HEAD_BYTES or raw[0] != _START or raw[2] != _START:
        raise Sl427Error("does not begin with 68 L 68", raw)
    declared, there = raw[1], len(raw) - _HEAD_BYTES - _TAIL_BYTES
    if there != declared:
        raise Sl427Error(f"declares {declared} bytes of user data, has {there}", raw)
    if raw[-1] != _END:
        raise Sl427Error(f"ends with {raw[-1]:02X}, not with 16", raw)
    user = raw[_HEAD_BYTES:-_TAIL_BYTES]
    written, expected = raw[-_TAIL_BYTES], crc8(user)
    if written != expected:
        raise Sl427Error(f"CRC8 is {written:02X}, should be {expected:02X}", raw)
    control, rest = user[:1], user[1:]
    left: int | None = None
    if control and control[0] & _SPLIT:
        left, rest = (rest[0] if rest else 0), rest[1:]
        if not left:
            raise Sl427Error("is a part of a message without its number", raw)
    if len(rest) < _LEAST_USER - 1:
        raise Sl427Error(f"has {declared} bytes of user data, too few for address and function", raw)
    function, data = rest[_ADDRESS_BYTES], rest[_ADDRESS_BYTES + 1 :]
    if function == _OWN_FUNCTION:
        if not data:
            raise Sl427Error("has a maker's own function without its number", raw)
        function, data = _OWN_FUNCTION << 8 | data[0], data[1:]
    return Frame(
        up=bool(control[0] & _UP),
        kind=control[0] & _KIND,
        count=(control[0] & _COUNT) >> 4,
        left=left,
        address=rest[:_ADDRESS_BYTES],
        function=function,
        data=data,
    )


def encode_frame(frame: Frame) -> bytes:
    """A frame as it travels.

    Raises:
        Sl427Error: The data are longer than a frame can hold.
    """
    split = b"" if frame.left is None else bytes((frame.left,))
    control = frame.kind | frame.count << 4 | (_UP if frame.up else 0) | (_SPLIT if split else 0)
    function = frame.function.to_bytes(2 if frame.function > _OWN_FUNCTION else 1, "big")
    user = bytes((control,)) + split + frame.address + function + frame.data
    if len(user) > 0xFF:  # noqa: PLR2004  (what the length's byte can say)
        raise Sl427Error(f"{len(user)} bytes of user data; a frame holds 255", user)
    return bytes((_START, len(user), _START)) + user + bytes((crc8(user), _END))


class Splitter:
    """Cuts a stream of bytes into frames, and finds the next one after anything that is none."""

    def __init__(self) -> None:
        self._unread = b""
        self._lost = False  # between a fault, which has been told, and the next frame

    def feed(self, data: bytes) -> list[Frame | Sl427Error]:
        """Take bytes; returns the frames that are complete now, and a fault for each stretch that is none."""
        self._unread += data
        return list(self._cut())

    def _cut(self) -> Iterator[Frame | Sl427Error]:
        start = bytes((_START,))
        while self._unread:
            at = self._unread.find(start)
            noise = self._unread[: at if at >= 0 else len(self._unread)]
            self._unread = self._unread[len(noise) :]
            if noise and not self._lost:
                self._lost = True
                yield Sl427Error(f"{len(noise)} bytes of noise", noise)
            if len(self._unread) < _HEAD_BYTES:
                return
            length = _HEAD_BYTES + self._unread[1] + _TAIL_BYTES
            if self._unread[2] == _START and len(self._unread) < length and not self._another_frame():
                return
            try:
                frame = decode_frame(self._unread[:length])
            except Sl427Error as exc:
                self._unread = self._unread[1:]  # a whole frame may begin inside what seemed one
                if not self._lost:
                    yield exc
                self._lost = True
            else:
                self._unread = self._unread[length:]
                self._lost = False
                yield frame

    def _another_frame(self) -> bool:
        """Whether a later frame stands whole behind one that is still too short, so that this is none."""
        for at in range(1, len(self._unread) - _HEAD_BYTES - _TAIL_BYTES):
            rest = self._unread[at:]
            with suppress(Sl427Error):
                decode_frame(rest[: _HEAD_BYTES + rest[1] + _TAIL_BYTES])
                return True
        return False
