"""Faults of one instrument, switched on and off while it runs."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from firmware_sim.errors import FaultError

FaultName = Literal[
    "disconnect", "silence", "garbage", "exception", "wrong-unit", "bad-crc", "collision", "late", "flag"
]
FAULT_NAMES: tuple[FaultName, ...] = get_args(FaultName)

# Answers under these are no answers: they advance no counter. Where several are on, the first counts.
FALSIFYING: tuple[FaultName, ...] = (
    "silence",
    "garbage",
    "exception",
    "wrong-unit",
    "bad-crc",
    "collision",
)

_COMMON: frozenset[FaultName] = frozenset({"disconnect", "silence", "garbage", "wrong-unit", "late"})
RTU_FAULTS: frozenset[FaultName] = _COMMON | {"bad-crc", "exception", "collision"}
TCP_FAULTS: frozenset[FaultName] = _COMMON | {"exception"}
HJ212_FAULTS: frozenset[FaultName] = _COMMON | {"bad-crc", "flag"}
SPEAKER_FAULTS: frozenset[FaultName] = frozenset({"disconnect", "silence", "garbage", "late", "bad-crc"})

_DATA_FLAGS = "NFMSDCTB"
_SERVER_DEVICE_FAILURE = 4
_MAX_EXCEPTION = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault and its figures."""

    name: FaultName
    delay_ms: int = 2000  # late: wall time added before the answer
    code: int = _SERVER_DEVICE_FAILURE  # exception
    flag: str = "D"  # flag: the data flag sent
    factors: tuple[str, ...] = ()  # flag: the factors that carry it; none named means all

    def __post_init__(self) -> None:
        if self.name not in FAULT_NAMES:
            raise FaultError(f"no fault {self.name!r}: choose from {', '.join(FAULT_NAMES)}")
        if self.delay_ms < 0:
            raise FaultError(f"late by {self.delay_ms} ms: a delay is not negative")
        if not 0 < self.code <= _MAX_EXCEPTION:
            raise FaultError(f"exception {self.code}: a code is 1 to 255")
        if len(self.flag) != 1 or self.flag not in _DATA_FLAGS:
            raise FaultError(f"flag {self.flag!r}: choose from {', '.join(_DATA_FLAGS)}")


class FaultSet:
    """The faults of one instrument that are on now."""

    def __init__(self, instrument: str, possible: Collection[FaultName]) -> None:
        """Start intact; ``possible`` are the faults its protocol can show."""
        self._instrument = instrument
        self._possible = possible
        self._on: dict[FaultName, Fault] = {}

    def set(self, fault: Fault) -> None:
        """Switch a fault on, or change its figures.

        Raises:
            FaultError: This kind of instrument cannot have it.
        """
        if fault.name not in self._possible:
            possible = ", ".join(sorted(self._possible))
            raise FaultError(f"{self._instrument} cannot have {fault.name!r}: choose from {possible}")
        self._on[fault.name] = fault

    def clear(self, name: FaultName) -> None:
        """Switch a fault off; nothing happens if it is not on."""
        self._on.pop(name, None)

    def get(self, name: FaultName) -> Fault | None:
        """Return the fault if it is on."""
        return self._on.get(name)

    @property
    def names(self) -> list[FaultName]:
        """The faults that are on."""
        return sorted(self._on)

    @property
    def falsifying(self) -> Fault | None:
        """The fault that makes an answer now no answer, if any."""
        return next((self._on[name] for name in FALSIFYING if name in self._on), None)

    @property
    def delay_s(self) -> float:
        """Wall seconds an answer is late."""
        late = self._on.get("late")
        return late.delay_ms / 1000 if late else 0.0

    @property
    def disconnected(self) -> bool:
        """Whether its plug is pulled."""
        return "disconnect" in self._on
