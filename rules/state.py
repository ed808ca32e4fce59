"""What the engine remembers, as a snapshot keeps it."""

import msgspec

from rules.ladder import LadderState
from rules.record import Record
from rules.transition import Level, Transition
from transport.measurement import Quality

BEGINNING_MS = -(2**62)  # before every reading


class Announced(msgspec.Struct, frozen=True):
    """A transition with its number in the engine's sequence."""

    ordinal: int
    transition: Transition


class Checkpoint(msgspec.Struct, frozen=True):
    """Where a subject stood on its ladder after the sample at ``at_ms``."""

    at_ms: int
    state: LadderState


class CatchUp(msgspec.Struct, frozen=True):
    """Readings come that are too late to page by themselves."""

    first_ms: int  # taken_at of the earliest of them
    heard_ms: int  # event time at which the last of them came


class WatchState(msgspec.Struct, kw_only=True):
    """One rule for one subject."""

    checkpoints: list[Checkpoint] = msgspec.field(
        default_factory=lambda: [Checkpoint(BEGINNING_MS, LadderState())]
    )
    """Ascending; the first is as far back as late readings count."""
    head: LadderState = LadderState()  # after the newest sample
    said: list[tuple[int, Level]] = []  # (at, to) of what was announced since the first checkpoint
    told: Level = Level.NORMAL  # the level people have been told
    told_ms: int = 0  # and the `at` of that transition
    standing: Announced | None = None  # that transition
    pending: list[Transition] = []  # found while catching up, not announced yet
    catching_up: CatchUp | None = None


class SilenceState(msgspec.Struct, kw_only=True):
    """One silence rule for one device."""

    level: Level = Level.NORMAL
    heard_ms: dict[str, int] = {}  # newest sample by point
    faults: dict[str, tuple[int, Quality]] = {}  # newest bad reading by point
    run_since_ms: int | None = None  # first sample of the present run without a silence
    changed_ms: int = 0  # `at` of the last transition
    standing: Announced | None = None


class CombinationState(msgspec.Struct, kw_only=True):
    """One rule about other rules for one site or area."""

    level: Level = Level.NORMAL
    levels: dict[str, Level] = {}  # of its inputs, as announced
    fallen_ms: dict[str, dict[Level, int]] = {}  # by input: when it last fell below a level
    judged_ms: int = BEGINNING_MS
    standing: Announced | None = None


class EngineState(msgspec.Struct, kw_only=True):
    """Everything; keys of alarms are ``rule|subject``, keys of records ``device:point``."""

    ordinal: int = 0  # of the last transition
    hearing_since_ms: int | None = None  # since when the engine hears the broker without a break
    records: dict[str, Record] = {}
    watches: dict[str, WatchState] = {}
    silences: dict[str, SilenceState] = {}
    combinations: dict[str, CombinationState] = {}


def encode_state(state: EngineState) -> bytes:
    """The state as a snapshot keeps it."""
    return msgspec.msgpack.encode(state)


def decode_state(payload: bytes) -> EngineState:
    """The state of a snapshot.

    Raises:
        msgspec.MsgspecError: The payload is none.
    """
    return msgspec.msgpack.decode(payload, type=EngineState)
