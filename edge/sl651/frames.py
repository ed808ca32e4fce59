"""SL 651 frames: ``7E7E``, addresses, function, length, body, CRC with the high byte first. Pure."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

from edge.crc import crc16
from edge.errors import Sl651Error

HEAD = b"\x7e\x7e"

_STATION_BYTES = 5
_LENGTH_AT = 11
_STX = 0x02
_SYN = 0x16
_BODY_AT = 14
_PACKET_BYTES = 3  # how many packets, and which this is: 12 bits each
_TAIL_BYTES = 3  # end, CRC
_LEAST_BYTES = _BODY_AT + _TAIL_BYTES
_DOWN = 0x8
_UP = 0x0
_MOST_BODY = 0xFFF
_UP_ENDS = {0x03: "ETX", 0x17: "ETB"}
_DOWN_ENDS = {0x04: "EOT", 0x05: "ENQ", 0x06: "ACK", 0x15: "NAK", 0x1B: "ESC"}
_ASCII_HEAD = 0x01


class End(IntEnum):
    """How a frame ends: what the other side is to do."""

    ETX = 0x03  # up: nothing follows
    EOT = 0x04  # down: you may leave
    ENQ = 0x05  # down: answer
    ACK = 0x06  # down: go on
    NAK = 0x15  # down: send this packet again
    ETB = 0x17  # up: more follows
    ESC = 0x1B  # down: received, stay on line


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame whose length and CRC hold."""

    station: bytes  # five bytes
    centre: int
    password: bytes  # two bytes
    function: int
    down: bool  # from the centre to the station
    packets: int = 1  # of the message that this is a packet of
    packet: int = 1
    split: bool = False  # sent in packets, be it one
    body: bytes
    end: End

    @property
    def station_id(self) -> str:
        """The station's address as people write it."""
        return self.station.hex()


def decode_frame(raw: bytes) -> Frame:
    """Check one frame.

    Raises:
        Sl651Error: It is none; the reason says where it fails.
    """
    _check(raw)
    direction = raw[_LENGTH_AT] >> 4
    if direction not in {_UP, _DOWN}:
        raise Sl651Error(f"goes neither up nor down: direction {direction:X}", raw)
    body, declared = raw[_BODY_AT:-_TAIL_BYTES], _declared(raw)
    if len(body) != declared:
        raise Sl651Error(f"declares a body of {declared} bytes, has {len(body)}", raw)
    down = direction == _DOWN
    ends = _DOWN_ENDS if down else _UP_ENDS
    if raw[-_TAIL_BYTES] not in ends:
        raise Sl651Error(
            f"ends with {raw[-_TAIL_BYTES]:02X}, not with one of {', '.join(ends.values())}", raw
        )
    begin = raw[_BODY_AT - 1]
    if begin not in {_STX, _SYN}:
        raise Sl651Error(f"its body begins with {begin:02X}, not with STX or SYN", raw)
    split = begin == _SYN
    packets, packet = _numbered(body, raw) if split else (1, 1)
    station_at = 2 if down else 3
    return Frame(
        station=raw[station_at : station_at + _STATION_BYTES],
        centre=raw[7 if down else 2],
        password=raw[8:10],
        function=raw[10],
        down=down,
        packets=packets,
        packet=packet,
        split=split,
        body=body[_PACKET_BYTES:] if split else body,
        end=End(raw[-_TAIL_BYTES]),
    )


def _check(raw: bytes) -> None:
    """Refuse what does not begin and is not checked as a frame is."""
    if raw[:1] == bytes((_ASCII_HEAD,)):
        raise Sl651Error("is coded in ASCII, which is not read", raw)
    if not raw.startswith(HEAD):
        raise Sl651Error("does not begin with 7E7E", raw)
    if len(raw) < _LEAST_BYTES:
        raise Sl651Error(f"has {len(raw)} bytes, too few for a frame", raw)
    written, expected = int.from_bytes(raw[-2:], "big"), crc16(raw[:-2])
    if written != expected:
        raise Sl651Error(f"CRC is {written:04X}, should be {expected:04X}", raw)


def _declared(raw: bytes) -> int:
    return int.from_bytes(raw[_LENGTH_AT : _LENGTH_AT + 2], "big") & _MOST_BODY


def _numbered(body: bytes, raw: bytes) -> tuple[int, int]:
    """How many packets the message has, and which this is."""
    if len(body) < _PACKET_BYTES:
        raise Sl651Error("is a packet without its number", raw)
    packets, packet = divmod(int.from_bytes(body[:_PACKET_BYTES], "big"), 0x1000)
    if not 1 <= packet <= packets:
        raise Sl651Error(f"is packet {packet} of {packets}", raw)
    return packets, packet


def encode_frame(frame: Frame) -> bytes:
    """A frame as it travels.

    Raises:
        Sl651Error: The body is longer than a frame can hold.
    """
    body = frame.body
    if frame.split:
        body = (frame.packets << 12 | frame.packet).to_bytes(_PACKET_BYTES, "big") + body
    if len(body) > _MOST_BODY:
        raise Sl651Error(f"a body of {len(body)} bytes; a frame holds {_MOST_BODY}", body)
    centre = bytes((frame.centre,))
    whole = b"".join(
        (
            HEAD,
            frame.station + centre if frame.down else centre + frame.station,
            frame.password,
            bytes((frame.function,)),
            ((_DOWN if frame.down else _UP) << 12 | len(body)).to_bytes(2, "big"),
            bytes((_SYN if frame.split else _STX,)),
            body,
            bytes((frame.end,)),
        )
    )
    return whole + crc16(whole).to_bytes(2, "big")


class Splitter:
    """Cuts a stream of bytes into frames, and finds the next one after anything that is none."""

    def __init__(self) -> None:
        self._unread = b""
        self._lost = False  # between a fault, which has been told, and the next frame

    def feed(self, data: bytes) -> list[Frame | Sl651Error]:
        """Take bytes; returns the frames that are complete now, and a fault for each stretch that is none."""
        self._unread += data
        return list(self._cut())

    def _cut(self) -> Iterator[Frame | Sl651Error]:
        while True:
            at = self._unread.find(HEAD)
            if at < 0:
                at = len(self._unread) - self._unread.endswith(HEAD[:1])
            noise, self._unread = self._unread[:at], self._unread[at:]
            if noise and not self._lost:
                self._lost = True
                yield Sl651Error(f"{len(noise)} bytes of noise", noise)
            if len(self._unread) < _BODY_AT:
                return
            length = _BODY_AT + _declared(self._unread) + _TAIL_BYTES
            if len(self._unread) < length and not self._another_head():
                return
            try:
                frame = decode_frame(self._unread[:length])
            except Sl651Error as exc:
                self._unread = self._unread[1:]  # a whole frame may begin inside what seemed one
                if not self._lost:
                    yield exc
                self._lost = True
            else:
                self._unread = self._unread[length:]
                self._lost = False
                yield frame

    def _another_head(self) -> bool:
        """Whether a later frame stands whole behind one that is still too short, so that this is none."""
        at = self._unread.find(HEAD, len(HEAD))
        while at >= 0:
            rest = self._unread[at:]
            if len(rest) >= _LEAST_BYTES:
                with suppress(Sl651Error):
                    decode_frame(rest[: _BODY_AT + _declared(rest) + _TAIL_BYTES])
                    return True
            at = self._unread.find(HEAD, at + 1)
        return False
