"""What the agent has done since it started, as its status topic says it."""

from dataclasses import asdict, dataclass


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

    def figures(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)
