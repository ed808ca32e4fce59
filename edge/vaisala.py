"""Answers of Vaisala weather transmitters (WXT520, WXT530) in their ASCII modes: pure."""

import re

from edge.errors import VaisalaError
from edge.sdi12 import crc_chars
from edge.telegram import Said, Telegram

INVALID = "#"  # the letter that stands in place of a unit

_HEAD = re.compile(r"(?P<address>[0-9A-Za-z])(?P<kind>[Rr])(?P<number>[0-9])")
_FIELD = re.compile(r"(?P<name>[A-Z][a-z])=(?P<value>[-+]?[0-9]{1,9}(?:\.[0-9]{1,9})?)(?P<unit>[A-Za-z#])")
_TEXT = re.compile(r"Id=[ -+\--~]*")
_CRC_CHARS = 3
_SPEED = {"M": "m/s", "K": "km/h", "S": "mph", "N": "kn"}
_UNITS: dict[str, dict[str, str]] = {  # by the quantity's first letter, or its whole name
    "D": {"D": "°"},
    "S": _SPEED,
    "T": {"C": "°C", "F": "°F"},
    "U": {"P": "%"},
    "P": {"H": "hPa", "P": "Pa", "B": "bar", "M": "mmHg", "I": "inHg"},
    "Rc": {"M": "mm", "I": "in"},
    "Rd": {"s": "s", "S": "s"},
    "Ri": {"M": "mm/h", "I": "in/h"},
    "Rp": {"M": "mm/h", "I": "in/h"},
    "Hc": {"M": "hits/cm2", "I": "hits/in2", "H": "hits"},
    "Hd": {"s": "s", "S": "s"},
    "Hi": {"M": "hits/cm2h", "I": "hits/in2h", "H": "hits/h"},
    "Hp": {"M": "hits/cm2h", "I": "hits/in2h", "H": "hits/h"},
    "Vh": dict.fromkeys("NVWFTCUDS", "V"),  # the letter tells the state of the heating
    "V": {"V": "V"},
}


def decode(raw: bytes) -> Telegram:
    """Read one answer; ``0r…`` ends with three characters of CRC, ``0R…`` has no check.

    Raises:
        VaisalaError: It is none; the reason names the field.
    """
    try:
        text = raw.decode("ascii").strip("\r\n")
    except UnicodeDecodeError as exc:
        raise VaisalaError(f"not ASCII at byte {exc.start}", raw) from exc
    head, _, rest = text.partition(",")
    match = _HEAD.fullmatch(head)
    if match is None:
        raise VaisalaError(f"{head[:20]!r} is no head of an answer such as 0R0", raw)
    if match["kind"] == "r":
        rest = _checked(text, raw)[len(head) + 1 :]
    said: list[Said] = []
    for field in rest.split(",") if rest else []:
        if (found := _FIELD.fullmatch(field)) is not None:
            said.append(_said(found["name"], float(found["value"]), found["unit"], raw))
        elif not _TEXT.fullmatch(field):
            raise VaisalaError(f"{field[:20]!r} is no quantity", raw)
    return Telegram(station=match["address"], at=None, said=tuple(said))


def _checked(text: str, raw: bytes) -> str:
    body, written = text[:-_CRC_CHARS], text[-_CRC_CHARS:]
    expected = crc_chars(body.encode("ascii")).decode("ascii")
    if written != expected:
        raise VaisalaError(f"CRC is {written}, should be {expected}", raw)
    return body


def _said(name: str, value: float, letter: str, raw: bytes) -> Said:
    if letter == INVALID:
        return Said(name, value, None, INVALID)
    units = _UNITS.get(name) or _UNITS.get(name[0]) or {}
    if letter not in units:
        raise VaisalaError(f"{letter!r} is no unit of {name}", raw)
    return Said(name, value, units[letter])
