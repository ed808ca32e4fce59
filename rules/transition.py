"""What the engine says: one alarm changed its level."""

from enum import IntEnum, StrEnum

import msgspec

from transport.errors import WireError
from transport.measurement import Quality


class Level(IntEnum):
    """How grave: four colours above normal, blue < yellow < orange < red."""

    NORMAL = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4

    @property
    def word(self) -> str:
        """The colour as files and messages write it."""
        return self.name.lower()


class Cause(StrEnum):
    """What made an alarm change."""

    SAMPLE = "sample"  # a reading, in time
    LIMITS = "limits"  # a season, an edit, a table's validity, an hour
    SILENCE = "silence"  # no reading, or readings again
    LATE = "late"  # a reading that came after its allowance: told only if it still stands


class Measured(StrEnum):
    """What an alarm's value is."""

    VALUE = "value"  # the reading, on its datum
    CHANGE = "change"  # how far the value has moved over a window
    SUM = "sum"  # what has come together over a window
    FAULTS = "faults"  # per cent of the readings of a window that were bad
    STILL = "still"  # hours for which the value has not moved
    OTHER = "other"  # what only the rule's name explains


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm, the state of one rule for one subject, changed its level.

    ``(rule, subject, at_ms, to)`` names it for good: whoever gets it again changes nothing.
    """

    at_ms: int  # taken_at of the sample that completed it, event time
    rule: str
    subject: str  # "device:point", a device, a site or an area
    site: str
    hazard: str
    before: Level
    to: Level
    value: float | None = None  # in the point's unit
    limit: float | None = None  # of the level reached, or of the level left
    cleared: float | None = None  # of a level left: its `clear`, if the value lies past it
    measured: Measured = Measured.VALUE
    over_ms: int | None = None  # the window of what is measured, where it has one
    reading: float | None = None  # of a change: the value itself, on its datum
    unit: str = ""
    onset_ms: int | None = None  # first sample at which the level held, or at which readings came again
    sampled_ms: int | None = None  # taken_at of the newest sample of the subject
    cause: Cause = Cause.SAMPLE
    uncertain: bool = False  # rests on an uncertain sample: to be verified
    blind: bool = False  # silence where an alarm is active, at the asset or upstream
    trend: float | None = None  # of a silence: how far the value moved in the hour before its last reading
    point: str = ""  # of a silence: the point that has been missed longest, whose value this is
    fault: Quality | None = None  # of a silence: what has come in the place of values; None if nothing has
    superseded: bool = False  # history found while catching up: recorded, told to nobody

    @property
    def key(self) -> str:
        """The name by which a repeat is known."""
        return f"{self.rule}|{self.subject}|{self.at_ms}|{self.to.word}"


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """A transition on its way to alerting: ``(epoch, seq)`` is what alerting acknowledges.

    ``standing`` marks the repeat, at an interval, of an active alarm's last transition, so that alerting
    converges after any restart.
    """

    epoch: str
    seq: int
    transition: Transition
    standing: bool = False


def encode_announcement(announcement: Announcement) -> bytes:
    """The announcement as it travels and as the outbox keeps it."""
    return msgspec.json.encode(announcement)


def decode_announcement(payload: bytes) -> Announcement:
    """Read an announcement from the wire.

    Raises:
        WireError: The payload is none.
    """
    try:
        return msgspec.json.decode(payload, type=Announcement)
    except msgspec.MsgspecError as exc:
        raise WireError(f"not a transition: {exc}") from exc
