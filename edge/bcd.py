"""Decimal digits in half-bytes: pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

_CENTURY = 2000
_SECONDS_DIGITS = 12


def decimal(data: bytes) -> int | None:
    """The number whose digits are the half-bytes, highest first; none if one of them is no digit."""
    text = data.hex()
    return int(text) if text.isdecimal() else None


def local_time(digits: bytes, timezone: ZoneInfo) -> datetime | None:
    """The time that YY MM DD hh mm and perhaps ss say; none if they say no time."""
    if not digits.hex().isdecimal():
        return None
    text = digits.hex().ljust(_SECONDS_DIGITS, "0")
    try:
        return datetime.strptime(text, "%y%m%d%H%M%S").replace(year=_CENTURY + int(text[:2]), tzinfo=timezone)
    except ValueError:
        return None
