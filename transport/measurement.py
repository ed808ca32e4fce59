"""One value of one point at one instant, and what may be believed of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite


class Quality(StrEnum):
    """How far a value is to be believed, and why not further.

    Bad samples are not samples; uncertain samples raise an alarm and never clear one.
    """

    GOOD = "good"

    SPIKE = "uncertain:spike"
    STUCK = "uncertain:stuck"
    OVER_RANGE = "uncertain:over-range"
    GAP_SPREAD = "uncertain:gap-spread"
    DOUBTFUL_TIME = "uncertain:doubtful-time"

    TIMEOUT = "bad:timeout"
    CHECKSUM = "bad:checksum"
    EXCEPTION = "bad:exception"
    SENTINEL = "bad:sentinel"
    FLAG = "bad:flag"
    MAINTENANCE = "bad:maintenance"
    INVALID = "bad:invalid"

    @property
    def is_good(self) -> bool:
        """Whether the value may both raise and clear."""
        return self is Quality.GOOD

    @property
    def is_uncertain(self) -> bool:
        """Whether the value may raise but not clear."""
        return self.startswith("uncertain:")

    @property
    def is_bad(self) -> bool:
        """Whether the value, if there is one, is not to be believed."""
        return self.startswith("bad:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One value of one point at one instant, in the point's unit."""

    device_id: str
    point: str
    value: float | None  # None only when quality is bad
    quality: Quality
    taken_at: datetime  # when the answer's last byte came, not when we decoded it

    def __post_init__(self) -> None:
        place = f"{self.device_id}/{self.point}"
        if self.value is None and not self.quality.is_bad:
            raise ValueError(f"{place}: no value, yet its quality is {self.quality}")
        if self.value is not None and not isfinite(self.value):  # NaN > limit is False: it would look safe
            raise ValueError(f"{place}: value is {self.value}")
        if self.taken_at.tzinfo is None:
            raise ValueError(f"{place}: taken_at has no zone")


def to_ms(instant: datetime) -> int:
    """Milliseconds from 1970-01-01 UTC, as the wire and the stores count time."""
    return round(instant.timestamp() * 1000)


def from_ms(at_ms: int) -> datetime:
    """The UTC instant of ``at_ms``."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
