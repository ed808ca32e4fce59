"""Losses: readings that had to be given up are counted and told of, for nothing is lost in silence."""

from collections.abc import Sequence

import structlog

from edge.counters import Counters
from transport.batch import Batch, decode_batch
from transport.errors import WireError
from transport.measurement import from_ms

log = structlog.get_logger(__name__)


class Losses:
    """What one agent gave up.

    It is told of at the first loss, and then each time that it has doubled: a spool that stays full gives
    up something at every batch.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._next_told = 1

    def note(self, bodies: Sequence[bytes]) -> None:
        """Note that batches were given up."""
        batches = [decode_batch(body) for body in bodies]
        self._counters.lost += sum(map(_measurements, batches))
        if self._counters.lost >= self._next_told:
            self._next_told = 2 * self._counters.lost
            log.error(
                "readings-given-up",
                measurements=self._counters.lost,
                last=from_ms(max((batch.origin_ms for batch in batches), default=0)).isoformat(),
                remedy="bring the line back, or give the spool more room: the oldest readings go first",
            )


def is_whole(epoch: str, seq: int, body: bytes) -> bool:
    """Whether a body found in a broken spool is the batch that it says."""
    try:
        batch = decode_batch(body)
    except WireError:
        return False
    return (batch.epoch, batch.seq) == (epoch, seq)


def _measurements(batch: Batch) -> int:
    return sum(len(group.offsets_ms) * len(group.points) for group in batch.groups)
