"""Simulated (event) time as a function of wall time."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from firmware_sim.errors import ScenarioError

_TEXT = re.compile(r"(?P<wall>\d+(\.\d+)?)@(?P<event>[^*]+)\*(?P<speed>\d+(\.\d+)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimClock:
    """``event = start + max(0, wall - anchor) * speed``; seconds since 1970, UTC.

    Before the anchor, event time stands at the start. Any process that is given
    the same text computes the same event time.
    """

    anchor_s: float
    start_s: float
    speed: float = 1.0
    wall: Callable[[], float] = time.time

    @classmethod
    def real_time(cls, *, wall: Callable[[], float] = time.time) -> Self:
        """Return the clock whose event time is wall time, started now."""
        now_s = wall()
        return cls(anchor_s=now_s, start_s=now_s, wall=wall)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``WALL@EVENT*SPEED``: epoch seconds, ISO 8601 with zone, factor.

        Raises:
            ScenarioError: The text is no clock.
        """
        match = _TEXT.fullmatch(text.strip())
        start_s = _zoned(match["event"]) if match else None
        speed = float(match["speed"]) if match else 0.0
        if match is None or start_s is None or speed <= 0:
            raise ScenarioError(
                f"clock {text!r}: write WALL@EVENT*SPEED with a zone and a speed above 0, "
                "such as 1763800000.000@2018-06-03T16:05:00Z*360"
            )
        return cls(anchor_s=float(match["wall"]), start_s=start_s, speed=speed)

    def __str__(self) -> str:
        """Return the text :meth:`parse` reads."""
        event = datetime.fromtimestamp(self.start_s, UTC).isoformat(timespec="milliseconds")
        return f"{self.anchor_s:.3f}@{event.replace('+00:00', 'Z')}*{self.speed:g}"

    def event_s(self) -> float:
        """Event time now."""
        return self.event_at(self.wall())

    def event_ms(self) -> int:
        """Event time now, in whole milliseconds."""
        return round(self.event_s() * 1000)

    def event_at(self, wall_s: float) -> float:
        """Event time at the wall time ``wall_s``."""
        return self.start_s + max(0.0, wall_s - self.anchor_s) * self.speed

    def wall_at(self, event_s: float) -> float:
        """Wall time at which event time reaches ``event_s`` (not before the anchor)."""
        return self.anchor_s + max(0.0, event_s - self.start_s) / self.speed

    async def until_event(self, event_s: float) -> None:
        """Return once event time has reached ``event_s``."""
        while (wait_s := self.wall_at(event_s) - self.wall()) > 0:  # noqa: ASYNC110 - wall time may step
            await asyncio.sleep(wait_s)


def _zoned(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None
