"""What the agent has done since it started, as its status topic says it."""

from dataclasses import asdict, dataclass


@dataclass(slots=True, kw_only=True)
class Counters:
    """Figures of one run; they only rise, except ``depth`` and ``silent``."""

    polls: int = 0  # attempts to read a device
    answers: int = 0  # answers and station frames that were decoded
    errors: int = 0  # attempts without an answer, refusals included
    late_polls: int = 0  # polls missed because their bus was busy
    frames_refused: int = 0  # stretches of bytes that were no frame of ours
    measurements: int = 0  # values handed to the spool
    suppressed: int = 0  # values kept back by report by exception
    spooled: int = 0  # batches kept durably
    lost: int = 0  # values given up because the disk refused for too long
    silent: int = 0  # devices that do not answer now
    depth: int = 0  # batches that some consumer lacks

    def figures(self) -> dict[str, float]:
        """The figures by name."""
        return asdict(self)
