"""What any frame says once it is decoded: whose it is, when, and which quantities."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Said(NamedTuple):
    """What a frame says of one quantity."""

    code: str  # as the protocol names it
    value: float | None  # none: the instrument has no value
    unit: str | None = None  # none: the frame does not say
    flag: str | None = None  # the instrument's own word on the value; none if it has none
    at: datetime | None = None  # UTC; where it differs from the telegram's


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """One frame, decoded."""

    station: str | None  # as the protocol names it; none where the wire alone says whose it is
    at: datetime | None  # UTC, by the instrument's own clock; none where it has none
    said: tuple[Said, ...]
