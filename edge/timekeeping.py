"""What time it is, on a machine whose clock may be wrong when it starts and may be set while it runs.

Polls are paced by a clock that never jumps. The true time is that clock's plus a correction, which changes
when there is reason to believe another: the kernel says that its clock is synchronised, or the centre's beats
agree with each other. A clock that somebody set by hand while nothing vouches for it is not followed.
"""

import ctypes
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import structlog

from transport.beat import Beat
from transport.clock import Clock

log = structlog.get_logger(__name__)

_STEP_S = 0.5  # smaller differences are the slow steering of a synchronised clock
_HAND_S = 2.0  # a difference that somebody made
_AGREE_S = 1.0  # how far two beats of the centre may lie from each other's time
_UNSYNCHRONISED = 5  # what adjtimex(2) returns while nothing steers the clock
_TIMEX_BYTES = 512  # more than `struct timex` takes anywhere; all zero, it asks and sets nothing
_HARDWARE_CLOCK = Path("/dev/rtc0")
_FRESH_S = 600.0  # a machine that started so lately may still wait for its time service
EARLIEST_S = datetime(2026, 11, 1, tzinfo=UTC).timestamp()  # this program did not exist before


def kernel_is_synchronised() -> bool:
    """Whether a time service steers the system's clock, as the kernel knows it."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "adjtimex"):
        return False
    return int(libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))) not in {-1, _UNSYNCHRONISED}


def steady_s() -> float:
    """Seconds since the machine started, sleep included; nobody can set them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Surroundings(NamedTuple):
    """What a machine says about its time."""

    steady_s: Callable[[], float] = steady_s
    is_synchronised: Callable[[], bool] = kernel_is_synchronised
    has_hardware_clock: Callable[[], bool] = _HARDWARE_CLOCK.exists


VOUCHED_FOR = Surroundings(is_synchronised=lambda: True)
"""A machine whose clock is right, as that of a simulation is by its nature."""


class Timekeeper:
    """The time of one agent.

    Args:
        clock: Event time by the system's clock, as it is at the start.
        newest_known_s: A wall-clock instant that has certainly passed, such as that of the last thing kept.
        machine: What the machine says.

    Attributes:
        pace: Event time that never jumps.
        time: Event time as far as it is known.
        is_doubtful: Whether it is not known: nothing steers the clock, and it shows less than it did before,
            or the machine has just started and has no clock that runs without power.
    """

    def __init__(
        self, clock: Clock, *, newest_known_s: float = 0.0, machine: Surroundings | None = None
    ) -> None:
        self._system_s = clock.wall
        self._machine = machine or Surroundings()
        self._anchor_s = clock.wall() - self._machine.steady_s()
        self._correction_s = 0.0
        self._told_step_s = 0.0
        self._beats: dict[str, float] = {}
        self.pace = replace(clock, wall=self._paced_s)
        self.time = replace(clock, wall=self._true_s)
        ran_on = self._machine.has_hardware_clock() or self._machine.steady_s() > _FRESH_S
        possible = clock.wall() >= max(newest_known_s - _STEP_S, EARLIEST_S)
        self.is_doubtful = not (self._machine.is_synchronised() or (ran_on and possible))
        if self.is_doubtful:
            log.warning(
                "clock-doubtful",
                shows=self.time.now().isoformat(),
                remedy="readings are marked until a time service or the centre tells the time; set the clock "
                "with `timedatectl set-time`, and give the gateway a battery clock or an NTP server",
            )

    @property
    def correction_ms(self) -> int:
        """What is added to an instant of the pace to have the true one, in event time."""
        return round(self._correction_s * 1000 * self.pace.speed)

    @property
    def offset_s(self) -> float:
        """How far the system's clock is ahead of the true time."""
        return self._system_s() - self._true_s()

    def look(self) -> int | None:
        """Look whether the system's clock was set; to be called every second or so.

        Returns:
            How far readings dated till now were off, in milliseconds of event time, if the time was in doubt
            and has become known.
        """
        step_s = self.offset_s
        if self._machine.is_synchronised():
            if self.is_doubtful or abs(step_s) > _STEP_S:
                return self._learn(step_s, "synchronised")
        elif abs(step_s - self._told_step_s) > _HAND_S:
            self._told_step_s = step_s
            log.warning(
                "clock-set",
                by_s=round(step_s, 1),
                consequence="readings are dated as before: nothing vouches for the new time until a restart",
            )
        return None

    def hear(self, beat: Beat) -> int | None:
        """Take the centre's time, if ours is in doubt and two of its beats agree; returns as :meth:`look`."""
        ahead_s = beat.wall_s - self._paced_s()
        before_s = self._beats.get(beat.service)
        self._beats[beat.service] = ahead_s
        if not self.is_doubtful or before_s is None or abs(ahead_s - before_s) > _AGREE_S:
            return None
        return self._learn(ahead_s - self._correction_s, f"told by {beat.service}")

    def _learn(self, step_s: float, reason: str) -> int | None:
        was_doubtful, self.is_doubtful = self.is_doubtful, False
        self._correction_s += step_s
        log.warning("clock-corrected", by_s=round(step_s, 3), reason=reason, now=self.time.now().isoformat())
        return self.correction_ms if was_doubtful else None

    def _paced_s(self) -> float:
        return self._anchor_s + self._machine.steady_s()

    def _true_s(self) -> float:
        return self._paced_s() + self._correction_s
