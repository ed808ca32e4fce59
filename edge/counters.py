"""What the agent has done since it started, as its status topic and its metrics say it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from transport.metrics import Figure, counted

_NOW = ("silent", "maintained", "depth", "unkept", "spool_bytes", "clock_offset_s", "spool_age_s")


@dataclass(slots=True, kw_only=True)
class Counters:
    """Figures of one run; they only rise, except those of the present."""

    polls: int = 0  # attempts to read a device
    answers: int = 0  # answers and station frames that were decoded
    errors: int = 0  # attempts without an answer, refusals included
    late_polls: int = 0  # polls missed because their bus was busy
    frames_refused: int = 0  # stretches of bytes that were no frame of ours
    measurements: int = 0  # values handed to the spool
    suppressed: int = 0  # values kept back by report by exception
    spooled: int = 0  # batches kept durably
    lost: int = 0  # values given up for want of room on disk or in memory
    silent: int = 0  # now: devices that do not answer
    maintained: int = 0  # now: devices under maintenance
    depth: int = 0  # now: batches that some consumer lacks
    unkept: int = 0  # now: batches in memory alone, for the disk refuses
    spool_bytes: int = 0  # now: what batches take of the disk
    clock_offset_s: float = 0.0  # now: how far the system's clock is ahead of the time used
    spool_age_s: float = 0.0  # now: event time since the oldest reading that some consumer lacks
    lacking: dict[str, int] = field(default_factory=dict)  # now, by consumer: batches that it lacks
    buses: dict[str, Callable[[], Iterable[Figure]]] = field(default_factory=dict)  # what each says of itself

    def totals(self) -> dict[str, float]:
        """The figures of the whole agent, by name."""
        own = (name for name in self.__slots__ if name not in {"lacking", "buses"})
        return {name: getattr(self, name) for name in own}

    def all(self) -> list[Figure]:
        """Every figure: of the agent, of each consumer's lane, bus and device."""
        lanes = (Figure("lane_depth", n, {"consumer": name}, is_now=True) for name, n in self.lacking.items())
        of_buses = (figure for bus in self.buses.values() for figure in bus())
        return [*counted(self.totals(), _NOW), *lanes, *of_buses]

    def figures(self) -> dict[str, float]:
        """Every figure by name; one with labels has them in braces, as in ``bus_load{bus=dam-485}``."""
        return {_named(figure): figure.value for figure in self.all()}


def _named(figure: Figure) -> str:
    labels = ",".join(f"{key}={value}" for key, value in figure.labels.items())
    return f"{figure.name}{{{labels}}}" if labels else figure.name
