"""Short messages as the network carries them (3GPP TS 23.040): texts out, replies and reports in.

A text that the GSM alphabet lacks a character for goes as UCS2: 70 characters, or 67 in each of several
parts. Emoji are two of them and never fall apart at a border.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum
from typing import NamedTuple

from alerting.channels.modem import gsm7
from alerting.errors import PduError

MOST_PARTS = 255

_SUBMIT = 0x01
_RELATIVE_VALIDITY = 0x10
_REPORT_WANTED = 0x20
_HAS_HEADER = 0x40
_DELIVER, _STATUS_REPORT = 0x00, 0x02
_INTERNATIONAL = 0x91
_ALPHANUMERIC = 0x50  # the type's three bits
_VALID_12_HOURS = 143  # a warning that comes a day late misleads
_CONCATENATED_8, _CONCATENATED_16 = 0x00, 0x08
_DIGITS = "0123456789*#abc"
_FILLER = 0xF


class Alphabet(IntEnum):
    """How characters are coded; the value is the data coding scheme."""

    GSM7 = 0x00
    UCS2 = 0x08


class Segment(NamedTuple):
    """One part of a text, as one short message."""

    alphabet: Alphabet
    text: str
    part: int  # from 1
    of: int


class Fate(IntEnum):
    """What a status report says of one part."""

    DELIVERED = 0
    UNDER_WAY = 1
    FAILED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A short message that somebody sent us, or a part of one."""

    sender: str  # +8613800138000, or a name such as 10086
    text: str
    at: datetime  # the network's time
    reference: int = 0
    part: int = 1
    of: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """What became of a short message of ours."""

    reference: int  # as the modem gave it when it sent
    recipient: str
    status: int

    @property
    def fate(self) -> Fate:
        """Delivered, given up, or still being tried."""
        if self.status < 0x20:  # noqa: PLR2004  (the classes of 23.040, 9.2.3.15)
            return Fate.DELIVERED
        return Fate.UNDER_WAY if self.status < 0x40 else Fate.FAILED  # noqa: PLR2004


def split_sms(text: str) -> tuple[Segment, ...]:
    """The text as one or several short messages.

    Raises:
        PduError: It would need more than 255.
    """
    in_gsm7 = all(gsm7.septets_of(char) is not None for char in text)
    alphabet = Alphabet.GSM7 if in_gsm7 else Alphabet.UCS2
    alone, in_parts = (160, 153) if in_gsm7 else (70, 67)
    pieces = list(_fill(text, alphabet, alone))
    if len(pieces) > 1:
        pieces = list(_fill(text, alphabet, in_parts))
    if len(pieces) > MOST_PARTS:
        raise PduError(f"a text of {len(text)} characters needs {len(pieces)} short messages")
    return tuple(Segment(alphabet, piece, part, len(pieces)) for part, piece in enumerate(pieces, 1))


def encode_submit(number: str, segment: Segment, reference: int) -> bytes:
    """The PDU that sends one part and asks for a report, the modem's own service centre before it.

    Args:
        number: With its country code and a plus.
        segment: The part.
        reference: 0 to 255; the same in all parts of a text.
    """
    header = bytes((5, _CONCATENATED_8, 3, reference, segment.of, segment.part)) if segment.of > 1 else b""
    if segment.alphabet is Alphabet.UCS2:
        data = header + segment.text.encode("utf-16-be")
        length = len(data)
    else:
        septets = gsm7.encode(segment.text)
        header_septets = (len(header) * 8 + 6) // 7
        data = header + gsm7.pack(septets, header_septets * 7 - len(header) * 8)
        length = header_septets + len(septets)
    first = _SUBMIT | _RELATIVE_VALIDITY | _REPORT_WANTED | (_HAS_HEADER if header else 0)
    fields = (segment.alphabet, _VALID_12_HOURS, length)
    return bytes((0, first, 0)) + _address(number) + bytes((0, *fields)) + data


def decode_incoming(pdu: bytes) -> Incoming | StatusReport:
    """Read a PDU that the modem hands us, its service centre first.

    Raises:
        PduError: It is torn, or neither a message nor a report.
    """
    octets = _Octets(pdu)
    octets.take(octets.one())
    first = octets.one()
    if first & 0x03 == _DELIVER:
        return _incoming(octets, has_header=bool(first & _HAS_HEADER))
    if first & 0x03 == _STATUS_REPORT:
        reference, recipient = octets.one(), octets.address()
        octets.take(14)  # when it was sent, and when it came there
        return StatusReport(reference=reference, recipient=recipient, status=octets.one())
    raise PduError(f"first octet {first:#04x} is neither a message nor a report")


def _incoming(octets: "_Octets", *, has_header: bool) -> Incoming:
    sender = octets.address()
    octets.one()  # the protocol identifier says nothing to us
    coding, at, length = octets.one(), octets.time(), octets.one()
    data = octets.rest()
    header = data[: 1 + data[0]] if has_header and data else b""
    reference, of, part = _concatenation(header)
    if _is_ucs2(coding):
        text = data[len(header) : length].decode("utf-16-be", errors="replace")
    elif _is_binary(coding):
        text = data[len(header) : length].decode("latin-1")
    else:
        header_septets = (len(header) * 8 + 6) // 7
        septets = gsm7.unpack(
            data[len(header) :], max(0, length - header_septets), header_septets * 7 - len(header) * 8
        )
        text = gsm7.decode(septets)
    return Incoming(sender=sender, text=text, at=at, reference=reference, part=part, of=of)


def _is_ucs2(coding: int) -> bool:
    return coding & 0xCC == 0x08 or coding & 0xF0 == 0xE0  # noqa: PLR2004  (23.038, section 4)


def _is_binary(coding: int) -> bool:
    return coding & 0xCC == 0x04 or coding & 0xF4 == 0xF4  # noqa: PLR2004


def _concatenation(header: bytes) -> tuple[int, int, int]:
    """Reference, number of parts, and which part; (0, 1, 1) for a message that stands alone."""
    at = 1
    while at + 2 <= len(header):
        kind, size = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + size]
        if kind == _CONCATENATED_8 and len(value) == 3:  # noqa: PLR2004
            return _sane(*value)
        if kind == _CONCATENATED_16 and len(value) == 4:  # noqa: PLR2004
            return _sane(int.from_bytes(value[:2], "big"), value[2], value[3])
        at += 2 + size
    return 0, 1, 1


def _sane(reference: int, of: int, part: int) -> tuple[int, int, int]:
    return (reference, of, part) if 1 <= part <= of else (0, 1, 1)


def _fill(text: str, alphabet: Alphabet, room: int) -> Iterator[str]:
    piece: list[str] = []
    used = 0
    for char in text:
        size = len(char.encode("utf-16-be")) // 2
        if alphabet is Alphabet.GSM7:
            size = len(gsm7.septets_of(char) or ())
        if used + size > room:
            yield "".join(piece)
            piece, used = [], 0
        piece.append(char)
        used += size
    yield "".join(piece)


def _address(number: str) -> bytes:
    digits = number.removeprefix("+")
    nibbles = [_DIGITS.index(digit) for digit in digits] + [_FILLER] * (len(digits) % 2)
    pairs = zip(nibbles[::2], nibbles[1::2], strict=True)
    return bytes((len(digits), _INTERNATIONAL, *(low | high << 4 for low, high in pairs)))


class _Octets:
    """A PDU read from front to back."""

    def __init__(self, pdu: bytes) -> None:
        self._pdu = pdu
        self._at = 0

    def take(self, count: int) -> bytes:
        taken = self._pdu[self._at : self._at + count]
        if len(taken) < count:
            raise PduError(f"a PDU of {len(self._pdu)} octets ends too early")
        self._at += count
        return taken

    def one(self) -> int:
        return self.take(1)[0]

    def rest(self) -> bytes:
        return self.take(len(self._pdu) - self._at)

    def address(self) -> str:
        count, kind = self.one(), self.one()
        octets = self.take((count + 1) // 2)
        if kind & 0x70 == _ALPHANUMERIC:
            return gsm7.decode(gsm7.unpack(octets, count * 4 // 7))
        nibbles = [nibble for octet in octets for nibble in (octet & 0xF, octet >> 4)][:count]
        digits = "".join(_DIGITS[nibble] for nibble in nibbles if nibble != _FILLER)
        return f"+{digits}" if kind == _INTERNATIONAL else digits

    def time(self) -> datetime:
        year, month, day, hour, minute, second, zone = self.take(7)
        quarters = _swapped(zone & 0xF7)
        offset = timedelta(minutes=15 * (-quarters if zone & 0x08 else quarters))
        try:
            return datetime(
                2000 + _swapped(year),
                _swapped(month),
                _swapped(day),
                _swapped(hour),
                _swapped(minute),
                _swapped(second),
                tzinfo=timezone(offset),
            )
        except ValueError:  # some networks send none: the message counts for more than its time
            return datetime.fromtimestamp(0, UTC)


def _swapped(octet: int) -> int:
    return (octet & 0xF) * 10 + (octet >> 4)
