"""What somebody else says of one quantity, before it is known what that is to us."""

import json
from collections.abc import Sequence
from math import isfinite
from typing import Any, NamedTuple

from collector.errors import CollectorError
from transport.measurement import Quality

_MOST_SHOWN = 200  # characters of what is refused


class ForeignError(CollectorError):
    """What came is not of the form that devices.yaml says; the same bytes will not be better."""


class Statement(NamedTuple):
    """One value under a name of theirs."""

    source: str  # whose, as they say it
    name: str
    value: float | None  # none: they have no value
    quality: Quality = Quality.GOOD
    at_ms: int | None = None  # none: they do not say when
    unit: str | None = None  # none: they do not say in which


class Refused(NamedTuple):
    """A part of a message that becomes no reading, and why."""

    reason: str
    part: str  # as it came, shortened


class Told(NamedTuple):
    """What one message says."""

    statements: Sequence[Statement] = ()
    refused: Sequence[Refused] = ()
    gone: Sequence[str] = ()  # sources of which nothing will come until they are back


def number_of(value: Any) -> float | None:
    """The number that a value is, whichever way it is written; none where it says that there is none.

    Raises:
        ForeignError: It is none.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float | str):
        raise ForeignError("no number")
    try:
        number = float(value)
    except (ValueError, OverflowError) as exc:
        raise ForeignError(f"{shown(value)} is no number") from exc
    if not isfinite(number):
        raise ForeignError(f"{shown(value)} is not finite")
    return number


def shown(part: Any) -> str:
    """A part of a message as dead letters show it."""
    text = part if isinstance(part, str) else json.dumps(part, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}… ({len(text):,} characters)"
