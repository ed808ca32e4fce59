"""SDI-12 answers: pure."""

import re

from edge.crc import crc16
from edge.errors import Sdi12Error
from edge.telegram import Said, Telegram

_END = b"\r\n"
_ADDRESS = re.compile(r"[0-9A-Za-z]")
_VALUES = re.compile(r"(?:[+-](?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}))*")
_VALUE = re.compile(r"[+-][0-9.]+")
_STARTED = re.compile(r"[0-9]{4,5}")  # seconds, and how many values there will be
_IDENTITY = re.compile(r"[0-9]{2}[^+-]{17,35}")  # version, maker, model, and what the maker adds
_CRC_CHARS = 3
_CRC_FIRST = 0x40


def crc_chars(data: bytes) -> bytes:
    """The three characters by which an answer is checked: CRC-16 from 0, six bits a character."""
    crc = crc16(data, 0)
    return bytes((_CRC_FIRST | crc >> 12, _CRC_FIRST | crc >> 6 & 0x3F, _CRC_FIRST | crc & 0x3F))


def decode(raw: bytes, *, crc: bool = False) -> Telegram:
    """Read one answer; its values are named by their places, from 1.

    Acknowledgements, started measurements and identifications hold no values.

    Args:
        raw: The answer; its CR LF may be missing.
        crc: Whether it must carry a CRC; one that is there is always checked.

    Raises:
        Sdi12Error: It is none; the reason says where it fails.
    """
    body = raw.removesuffix(_END)
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError as exc:
        raise Sdi12Error(f"not ASCII at byte {exc.start}", raw) from exc
    address, rest = text[:1], text[1:]
    if not _ADDRESS.fullmatch(address):
        raise Sdi12Error(f"{address!r} is no address" if address else "is empty", raw)
    if _STARTED.fullmatch(rest) or _IDENTITY.fullmatch(rest):
        return Telegram(station=address, at=None, said=())
    match = _VALUES.match(rest)
    values = match[0] if match else ""
    behind = rest[len(values) :]
    if behind or crc:
        _check(body, behind, raw)
    said = tuple(
        Said(str(place), float(value)) for place, value in enumerate(_VALUE.findall(values), start=1)
    )
    return Telegram(station=address, at=None, said=said)


def started(raw: bytes, address: str) -> tuple[int, int]:
    """What an instrument says to a measurement: seconds until it is done, and how many values there are.

    Raises:
        Sdi12Error: It is no such answer, or another instrument's.
    """
    text = raw.removesuffix(_END).decode("ascii", "replace")
    if text[:1] != address or not _STARTED.fullmatch(text[1:]):
        raise Sdi12Error(f"{text[:20]!r} is no start of a measurement at {address}", raw)
    return int(text[1:4]), int(text[4:])


def _check(body: bytes, behind: str, raw: bytes) -> None:
    if len(behind) != _CRC_CHARS or not all(ord(char) >= _CRC_FIRST for char in behind):
        raise Sdi12Error(f"goes on after its values: {behind[:20]!r}", raw)
    expected = crc_chars(body[:-_CRC_CHARS]).decode("ascii")
    if behind != expected:
        raise Sdi12Error(f"CRC is {behind}, should be {expected}", raw)
