"""Short messages as a network and its telephones see them (3GPP TS 23.040 and 23.038)."""

import datetime as dt
from dataclasses import dataclass

from firmware_sim.errors import SimError

# 23.038, 6.2.1, row by row of its table: the low four bits run along a row.
_TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅå",
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ",
    " !\"#¤%&'()*+,-./",
    "0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNO",
    "PQRSTUVWXYZÄÖÑÜ§",
    "¿abcdefghijklmno",
    "pqrstuvwxyzäöñüà",
)
_AFTER_ESCAPE = dict(zip("\nΛ()/<=>¡e", "\f^{}\\[~]|€", strict=True))
_UCS2, _GSM7 = 0x08, 0x00
_UCS2_CHARS = 67


class PduMistakeError(SimError):
    """A PDU that a network would refuse."""


@dataclass(frozen=True)
class Submitted:
    """One short message as the network took it."""

    number: str
    text: str
    units: int  # characters of UCS2, or septets
    wants_report: bool
    group: int | None  # reference, part and number of parts of a text that came in several
    part: int
    parts: int


def read_submit(text: str, announced: int) -> Submitted:
    """Read what follows the prompt of AT+CMGS, in hexadecimal digits.

    Raises:
        PduMistakeError: A network would not take it.
    """
    try:
        octets = list(bytes.fromhex(text))
    except ValueError as exc:
        raise PduMistakeError("no hexadecimal digits") from exc
    try:
        return _read(octets, announced)
    except IndexError as exc:
        raise PduMistakeError("it ends too early") from exc


def _read(octets: list[int], announced: int) -> Submitted:
    del octets[: octets[0] + 1]
    if len(octets) != announced:
        raise PduMistakeError(f"{announced} octets were announced, {len(octets)} came")
    flags = octets.pop(0)
    if flags & 3 != 1:
        raise PduMistakeError("no SUBMIT")
    octets.pop(0)
    count, kind = octets.pop(0), octets.pop(0)
    if kind != 0x91:  # noqa: PLR2004
        raise PduMistakeError("the number is not international")
    semi = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in octets[: (count + 1) // 2])
    del octets[: (count + 1) // 2]
    if count % 2 and semi[-1] != "f":
        raise PduMistakeError("an odd number is not filled up")
    octets.pop(0)
    coding = octets.pop(0)
    if flags >> 3 & 3:
        del octets[: 1 if flags >> 3 & 3 == 2 else 7]  # noqa: PLR2004
    length = octets.pop(0)
    header = octets[1 : octets[0] + 1] if flags & 0x40 else []
    taken = len(header) + 1 if flags & 0x40 else 0
    group, parts, part = (header[2], header[3], header[4]) if header[:2] == [0, 3] else (None, 1, 1)
    if coding == _UCS2:
        body = octets[taken:length]
        if length != len(octets) or length > 140 or len(body) % 2:  # noqa: PLR2004
            raise PduMistakeError(f"length {length} of {len(octets)} octets")
        words = bytes(body).decode("utf-16-be")
        units = len(body) // 2
    elif coding == _GSM7:
        if length > 160 or (length * 7 + 7) // 8 != len(octets):  # noqa: PLR2004
            raise PduMistakeError(f"length {length} of {len(octets)} octets")
        bits = "".join(f"{octet:08b}"[::-1] for octet in octets)
        start = -(-taken * 8 // 7)
        codes = [int(bits[at * 7 : at * 7 + 7][::-1], 2) for at in range(start, length)]
        words, units = _words(codes), len(codes)
    else:
        raise PduMistakeError(f"data coding {coding:#x}")
    return Submitted(f"+{semi[:count]}", words, units, bool(flags & 0x20), group, part, parts)


def _words(codes: list[int]) -> str:
    chars = [_TABLE[code >> 4][code & 15] for code in codes]
    text = ""
    while chars:
        char = chars.pop(0)
        text += _AFTER_ESCAPE[chars.pop(0)] if char == "\x1b" else char
    return text


def write_deliver(
    number: str, text: str, *, group: int = 0, at: dt.datetime | None = None, gsm7: bool = False
) -> list[str]:
    """The PDUs, in hexadecimal digits, that bring a telephone's text; several if it is long."""
    at = at or dt.datetime(2018, 6, 4, 6, 5, 0, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    if gsm7:
        codes = [next((r << 4 | row.index(c)) for r, row in enumerate(_TABLE) if c in row) for c in text]
        bits = "".join(f"{code:07b}"[::-1] for code in codes)
        octets = [int(bits[i : i + 8].ljust(8, "0")[::-1], 2) for i in range(0, len(bits), 8)]
        return [_deliver(number, 0x04, _GSM7, at, len(codes), octets)]
    pieces = [text[i : i + _UCS2_CHARS] for i in range(0, len(text), _UCS2_CHARS)] or [""]
    pdus = []
    for index, piece in enumerate(pieces, 1):
        header = [5, 0, 3, group, len(pieces), index] if len(pieces) > 1 else []
        body = header + list(piece.encode("utf-16-be"))
        pdus.append(_deliver(number, 0x44 if header else 0x04, _UCS2, at, len(body), body))
    return pdus


def write_report(reference: int, number: str, status: int) -> str:
    """The PDU, in hexadecimal digits, of a status report."""
    stamp = _stamp(dt.datetime(2018, 6, 4, 6, 5, 0, tzinfo=dt.UTC))
    return bytes([0, 0x06, reference, *_address(number), *stamp, *stamp, status]).hex().upper()


def _deliver(  # noqa: PLR0917  (the fields, in their order on the wire)
    number: str, flags: int, coding: int, at: dt.datetime, length: int, body: list[int]
) -> str:
    octets = [0, flags, *_address(number), 0, coding, *_stamp(at), length, *body]
    return bytes(octets).hex().upper()


def _address(number: str) -> list[int]:
    digits = number.lstrip("+")
    kind = 0x91 if number.startswith("+") else 0x81
    filled = digits + "f" * (len(digits) % 2)
    return [len(digits), kind, *(int(filled[i + 1] + filled[i], 16) for i in range(0, len(filled), 2))]


def _stamp(at: dt.datetime) -> list[int]:
    offset = at.utcoffset() or dt.timedelta()
    quarters = abs(offset) // dt.timedelta(minutes=15)
    values = [at.year % 100, at.month, at.day, at.hour, at.minute, at.second, quarters]
    swapped = [int(f"{value:02d}"[::-1], 16) for value in values]
    if offset < dt.timedelta():
        swapped[-1] |= 0x08
    return swapped
