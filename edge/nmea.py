"""NMEA 0183 weather sentences: pure."""

import re
from collections.abc import Callable, Mapping
from math import isfinite

from edge.errors import NmeaError
from edge.telegram import Said, Telegram

_SENTENCE = re.compile(r"\$(?P<body>[ -)+-~]*)\*(?P<check>[0-9A-Fa-f]{2})")
_NAME = re.compile(r"[A-Z0-9]{5,}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,12}\.?[0-9]{0,12}|\.[0-9]{1,12})")
_SPEEDS = {"M": "m/s", "N": "kn", "K": "km/h", "S": "mph"}
_TRANSDUCERS = {"C": "°C", "B": "bar", "P": "%", "D": "°", "M": "m", "V": "V", "A": "A", "H": "Hz"}
_INVALID = "V"
_MDA = (  # name, unit, place of the value
    ("pressure-inhg", "inHg", 0),
    ("pressure-bar", "bar", 2),
    ("air", "°C", 4),
    ("water", "°C", 6),
    ("humidity", "%", 8),
    ("absolute-humidity", None, 9),
    ("dew-point", "°C", 10),
    ("wind-true", "°", 12),
    ("wind-magnetic", "°", 14),
    ("wind-kn", "kn", 16),
    ("wind-ms", "m/s", 18),
)
_MWD = (("true", "°", 0), ("magnetic", "°", 2), ("speed-kn", "kn", 4), ("speed-ms", "m/s", 6))


def checksum(body: str) -> int:
    """All characters between ``$`` and ``*``, combined."""
    check = 0
    for char in body:
        check ^= ord(char)
    return check


def decode(raw: bytes) -> Telegram:
    """Read one sentence; one that is not about weather says nothing.

    Raises:
        NmeaError: It is none; the reason says where it fails.
    """
    text = raw.decode("ascii", "backslashreplace").strip("\r\n")
    match = _SENTENCE.fullmatch(text)
    if match is None:
        raise NmeaError(f"{text[:40]!r} is not of the form $...*hh", raw)
    written, expected = int(match["check"], 16), checksum(match["body"])
    if written != expected:
        raise NmeaError(f"checksum is {written:02X}, should be {expected:02X}", raw)
    name, *fields = match["body"].split(",")
    if not _NAME.fullmatch(name):
        raise NmeaError(f"{name[:20]!r} is no name of a sentence", raw)
    reader = _READERS.get(name[-3:])
    said = reader(fields) if reader else []
    return Telegram(station=name[:-3], at=None, said=tuple(said))


def _number(fields: list[str], place: int) -> float | None:
    if place >= len(fields) or not _NUMBER.fullmatch(fields[place]):
        return None
    value = float(fields[place])
    return value if isfinite(value) else None


def _at(fields: list[str], place: int) -> str:
    return fields[place] if place < len(fields) else ""


def _table(sentence: str, places: tuple[tuple[str, str | None, int], ...], fields: list[str]) -> list[Said]:
    """The fields that hold a number; the others are not measured by this instrument."""
    return [
        Said(f"{sentence}.{name}", value, unit)
        for name, unit, place in places
        if (value := _number(fields, place)) is not None
    ]


def _mda(fields: list[str]) -> list[Said]:
    return _table("MDA", _MDA, fields)


def _mwd(fields: list[str]) -> list[Said]:
    return _table("MWD", _MWD, fields)


def _mwv(fields: list[str]) -> list[Said]:
    """Wind, relative (R) or true (T), with its own word on its validity."""
    reference = _at(fields, 1) or "R"
    flag = _at(fields, 4)
    doubt = None if flag == "A" else flag or _INVALID
    return [
        Said(f"MWV.angle-{reference.lower()}", _number(fields, 0), "°", doubt),
        Said(f"MWV.speed-{reference.lower()}", _number(fields, 2), _SPEEDS.get(_at(fields, 3)), doubt),
    ]


def _xdr(fields: list[str]) -> list[Said]:
    """Transducers, four fields each: kind, value, unit, name."""
    said = []
    for start in range(0, len(fields) - 2, 4):
        kind, unit, name = fields[start], fields[start + 2], _at(fields, start + 3)
        if kind or name:
            said.append(Said(f"XDR.{name or kind}", _number(fields, start + 1), _TRANSDUCERS.get(unit)))
    return said


_READERS: Mapping[str, Callable[[list[str]], list[Said]]] = {
    "MDA": _mda,
    "MWD": _mwd,
    "MWV": _mwv,
    "XDR": _xdr,
}
