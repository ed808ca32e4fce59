"""What may be believed of a reading: pure, one judge a point.

A limit here never mutes danger: what looks wrong is marked and sent, and two samples that agree are believed.
"""

from dataclasses import dataclass
from datetime import timedelta

from district.inventory import Point, RegisterSource
from transport.measurement import Quality

_GAS_UNITS = frozenset({"%lel", "%vol", "ppm", "ppb"})  # what burns or poisons is measured in these
_TOP_FIFTH = 0.2
_MS_A_MINUTE = 60_000
_ROUNDING = 1 + 1e-9

Judged = tuple[float | None, Quality]


@dataclass(frozen=True, slots=True)
class _Seen:
    value: float
    at_ms: int


class Judge:
    """Judges the samples of one point, one after the other.

    Args:
        point: Unit, valid range and spike limit.
        gap: Silence after which a spike limit means nothing any more.
    """

    def __init__(self, point: Point, gap: timedelta) -> None:
        self._valid = point.valid
        self._is_gas = point.unit.lower() in _GAS_UNITS
        spikes = point.max_step is not None and not point.counter and not self._is_gas
        self._max_step = point.max_step if spikes else None  # rain and gas may jump
        self._resolution = abs(point.source.scale) if _is_whole(point) else 0.0
        self._gap_ms = gap.total_seconds() * 1000
        self._good: _Seen | None = None
        self._doubted: _Seen | None = None
        self._last: tuple[int, Judged] | None = None

    def judge(self, value: float | None, quality: Quality, at_ms: int) -> Judged:
        """What is to be kept of a sample, given the driver's own verdict of it.

        A sample that is said again gets the same verdict; one older than the newest is judged by its range
        alone.
        """
        if self._last is not None and at_ms == self._last[0]:
            return self._last[1]
        judged = self._judge(value, quality, at_ms)
        if self._last is None or at_ms > self._last[0]:
            self._last = at_ms, judged
        return judged

    def _judge(self, value: float | None, quality: Quality, at_ms: int) -> Judged:
        if value is None or quality.is_bad:
            return value, quality if quality.is_bad else Quality.SENTINEL
        if self._valid is not None and not self._valid[0] <= value <= self._valid[1]:
            return self._out_of_range(value, *self._valid)
        if self._last is not None and at_ms < self._last[0]:
            return value, quality
        if self._is_spike(value, at_ms):
            self._doubted = _Seen(value, at_ms)
            return value, Quality.SPIKE if quality.is_good else quality
        self._doubted = None
        if quality.is_good:
            self._good = _Seen(value, at_ms)
        return value, quality

    def _out_of_range(self, value: float, low: float, high: float) -> Judged:
        """Over range counts as the top of the range where it can be true; the rest is kept as it came."""
        self._doubted = None
        near_top = self._good is not None and self._good.value >= high - (high - low) * _TOP_FIFTH
        if value > high and (self._is_gas or near_top):
            return high, Quality.OVER_RANGE
        return value, Quality.INVALID

    def _is_spike(self, value: float, at_ms: int) -> bool:
        """Whether the value is too far from the last good one, and from the doubted one before it."""
        if self._max_step is None or self._good is None or at_ms - self._good.at_ms > self._gap_ms:
            return False
        for seen in filter(None, (self._good, self._doubted)):
            reach = self._max_step * (at_ms - seen.at_ms) / _MS_A_MINUTE
            # One step of the register is always possible, however short the time.
            if abs(value - seen.value) <= max(reach, self._resolution) * _ROUNDING:
                return False
        return True


def _is_whole(point: Point) -> bool:
    return isinstance(point.source, RegisterSource) and point.source.type not in {"f32", "f64"}
