"""What any HJ 212 segment says, real time or not: pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from edge.hj212.frames import decode_frame
from edge.hj212.segments import NORMAL, Segment, decode_segment, read_time, read_value
from edge.telegram import Said, Telegram

_REAL_TIME_KINDS = frozenset({"Rtd", "td"})
_FLAG = "Flag"
_DATA_TIME = "DataTime"
_ELLIPSIS = "…"  # as the standard prints it
_UNITS: Mapping[str, str] = {  # where every station sends the same; dust and gases differ from maker to maker
    "a01001": "°C",
    "a01002": "%",
    "a01006": "kPa",
    "a01007": "m/s",
    "a01008": "°",
    "w01010": "°C",
} | dict.fromkeys(("LA", "Leq", "Ld", "Ln", "Ldn", "LMx", "LMn", "L5", "L10", "L50", "L90", "L95"), "dB")


def decode(raw: bytes, timezone: ZoneInfo) -> Telegram:
    """Read one frame.

    Raises:
        Hj212Error: It is none, or its segment is none.
    """
    return read_telegram(decode_segment(decode_frame(raw).segment), timezone)


def read_telegram(segment: Segment, timezone: ZoneInfo) -> Telegram:
    """What a segment says of factors; a real-time value by its code, others as ``code-Avg``.

    Raises:
        Hj212Error: Its DataTime is none.
    """
    at: datetime | None = None
    values: list[tuple[str, str, str]] = []
    flags: dict[str, str] = {}
    for item in re.split("[;,]", segment.content):
        name, equals, text = (part.strip() for part in item.strip(_ELLIPSIS + " ").partition("="))
        code, _, kind = name.rpartition("-")
        if name == _DATA_TIME:
            at = read_time(text, timezone)
        elif kind == _FLAG and code:
            flags[code] = text.upper()
        elif equals and code:
            values.append((code, kind, text))
    said = (
        Said(
            code if kind in _REAL_TIME_KINDS else f"{code}-{kind}",
            read_value(text),
            _UNITS.get(code),
            flags.get(code, NORMAL),
        )
        for code, kind, text in values
    )
    return Telegram(station=segment.mn, at=at, said=tuple(said))
