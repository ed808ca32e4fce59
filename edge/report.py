"""Report by exception: pure, one reporter a point.

What is sent lets anybody rebuild the series to within the deadband: each suppressed sample lies within it
of the last one sent, and an exception is sent with the suppressed sample before it. Where a least interval
is kept, a sample may be held back that lies outside: it is not vouched for.
"""

from typing import NamedTuple

from district.inventory import Point
from transport.measurement import Quality

_UNCHANGED_FAULT_MS = 600_000  # a fault that lasts is repeated this often where the point has no heartbeat


class Told(NamedTuple):
    """One sample of one point."""

    value: float | None
    quality: Quality
    at_ms: int


class Reporter:
    """Decides which samples of one point are sent.

    A point without a deadband sends every sample. A fault without a value is sent when it begins and then at
    each heartbeat (ten minutes without one): it says nothing new in between. Uncertain samples are always
    sent.
    """

    def __init__(self, point: Point) -> None:
        self._deadband = point.deadband or None
        heartbeat_ms = None if point.heartbeat is None else point.heartbeat.total_seconds() * 1000
        self._heartbeat_ms = heartbeat_ms or _UNCHANGED_FAULT_MS
        span = point.min_interval
        self._least_ms = 0.0 if span is None else span.total_seconds() * 1000
        self.is_within = True  # whether the last sample kept back lay within the deadband
        self._sent: Told | None = None
        self._suppressed: Told | None = None

    def offer(self, sample: Told, *, may_suppress: bool = True) -> list[Told]:
        """The samples to send now, oldest first: none, the sample, or it and the suppressed one before it.

        Args:
            sample: The point's newest sample, or one that is said again or late.
            may_suppress: Whether a good sample may be kept back at all.
        """
        sent = self._sent
        if sent is not None and sample.at_ms <= sent.at_ms:
            return [sample]  # said again, or late: whoever keeps it knows its time
        if sent is not None and self._says_nothing_new(sent, sample, may_suppress=may_suppress):
            self._suppressed, self.is_within = sample, True
            return []
        if sent is not None and self._comes_too_soon(sent, sample):
            self._suppressed, self.is_within = sample, False
            return []
        before = self._suppressed
        self._sent, self._suppressed = sample, None
        return [sample] if before is None or before.value is None else [before, sample]

    def _says_nothing_new(self, sent: Told, sample: Told, *, may_suppress: bool) -> bool:
        if sample.at_ms - sent.at_ms >= self._heartbeat_ms or sample.quality is not sent.quality:
            return False
        if sample.value is None or sent.value is None:
            return sample.value is sent.value
        if self._deadband is None or not may_suppress or not sample.quality.is_good:
            return False
        return abs(sample.value - sent.value) <= self._deadband

    def _comes_too_soon(self, sent: Told, sample: Told) -> bool:
        """Whether a change is to wait; what begins or ends a fault never waits."""
        both_good = sample.quality.is_good and sent.quality.is_good
        return both_good and sample.at_ms - sent.at_ms < self._least_ms
