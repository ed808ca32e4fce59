"""Event time as a function of wall time, so that a flood of twelve hours can be replayed in two minutes.

On a real site both are the same. Polling, delays, expiry and escalation are event time; buses, MQTT and
retries are wall time.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from transport.errors import EndpointError

_TEXT = re.compile(r"(?P<wall>[0-9.]+)@(?P<event>[^*]+)\*(?P<speed>[0-9.]+)")
_LONGEST_NAP_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Event time: stands at ``starts_at`` until wall time is ``anchor_wall_s``, then runs at ``speed``."""

    anchor_wall_s: float
    starts_at: datetime
    speed: float = 1.0
    wall: Callable[[], float] = time.time

    @property
    def is_simulated(self) -> bool:
        """Whether event time is another than wall time."""
        return self != replace(real_clock(), wall=self.wall)

    def now(self) -> datetime:
        """The present event time, UTC."""
        return self.event_at(self.wall())

    def now_ms(self) -> int:
        """The present event time in milliseconds from 1970-01-01 UTC."""
        return round(self.now().timestamp() * 1000)

    def event_at(self, wall_s: float) -> datetime:
        """The event time at a wall-clock instant."""
        return self.starts_at + timedelta(seconds=max(0.0, wall_s - self.anchor_wall_s) * self.speed)

    def wall_s(self, event: datetime) -> float:
        """The wall-clock instant at which ``event`` comes."""
        return self.anchor_wall_s + (event - self.starts_at).total_seconds() / self.speed

    async def sleep_until(self, event: datetime) -> None:
        """Sleep until event time reaches ``event``; return at once if it has."""
        while (left_s := self.wall_s(event) - self.wall()) > 0:  # noqa: ASYNC110  (no event tells the time)
            await asyncio.sleep(min(left_s, _LONGEST_NAP_S))  # a wall clock may be set meanwhile

    def __str__(self) -> str:
        return f"{self.anchor_wall_s:.3f}@{self.starts_at.isoformat()}*{self.speed:g}"


def real_clock() -> Clock:
    """The clock of a real site: event time is wall time."""
    return Clock(anchor_wall_s=0.0, starts_at=datetime.fromtimestamp(0, UTC))


def parse_clock(text: str) -> Clock:
    """Read ``WALL@EVENT*SPEED``, as in ``1763800000.000@2018-06-03T16:05:00Z*360``.

    Raises:
        EndpointError: The text is of another form, its event has no zone or its speed is not positive.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise EndpointError(f"clock {text!r}: expected WALL@EVENT*SPEED")
    try:
        starts_at = datetime.fromisoformat(match["event"])
        anchor_wall_s, speed = float(match["wall"]), float(match["speed"])
    except ValueError as exc:
        raise EndpointError(f"clock {text!r}: {exc}") from exc
    if starts_at.tzinfo is None:
        raise EndpointError(f"clock {text!r}: the event time needs a zone, as in 2018-06-03T16:05:00Z")
    if speed <= 0:
        raise EndpointError(f"clock {text!r}: the speed must be positive")
    return Clock(anchor_wall_s=anchor_wall_s, starts_at=starts_at, speed=speed)
