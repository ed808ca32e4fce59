"""Formulas of simulated values: each gives a value, and its integral, at any event time."""

import bisect
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Protocol

_SECONDS_PER_HOUR = 3600.0
_TIP_TOLERANCE = 1e-9  # an integral of whole tips must not miss its last one by rounding


class Signal(Protocol):
    """A value at every event time (seconds since 1970, UTC)."""

    def at(self, event_s: float) -> float:
        """Return the value at ``event_s``."""
        ...


class Rate(Signal, Protocol):
    """A signal that can be integrated exactly."""

    @property
    def lowest(self) -> float:
        """The lowest value it ever takes."""
        ...

    def area(self, from_s: float, to_s: float) -> float:
        """Return the integral from ``from_s`` to ``to_s``, in the signal's unit times seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """``value``, always."""

    value: float

    @property
    def lowest(self) -> float:
        """The value."""
        return self.value

    def at(self, event_s: float) -> float:  # noqa: ARG002 - a constant knows no time
        """Return the value."""
        return self.value

    def area(self, from_s: float, to_s: float) -> float:
        """Return the integral."""
        return self.value * (to_s - from_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sine:
    """``mean + amplitude * sin(2 pi (t - phase) / period)``, t counted from 1970-01-01T00:00Z."""

    mean: float
    amplitude: float
    period_s: float
    phase_s: float

    @property
    def lowest(self) -> float:
        """The lowest value it ever takes."""
        return self.mean - abs(self.amplitude)

    def _angle(self, event_s: float) -> float:
        return math.tau * (((event_s - self.phase_s) / self.period_s) % 1.0)

    def at(self, event_s: float) -> float:
        """Return the value."""
        return self.mean + self.amplitude * math.sin(self._angle(event_s))

    def area(self, from_s: float, to_s: float) -> float:
        """Return the integral."""
        swing = math.cos(self._angle(from_s)) - math.cos(self._angle(to_s))
        return self.mean * (to_s - from_s) + self.amplitude * self.period_s / math.tau * swing


class Curve:
    """A value between samples: held from each sample to the next, or drawn as straight lines.

    Before the first sample the first value stands, after the last the last.
    """

    def __init__(self, samples: Sequence[tuple[float, float]], *, linear: bool) -> None:
        """Take ``(event_s, value)`` samples in strictly rising order of time; at least one."""
        self._times = tuple(time_s for time_s, _ in samples)
        self._values = tuple(value for _, value in samples)
        self._linear = linear
        areas = [0.0]
        for (t0, v0), (t1, v1) in pairwise(samples):
            mean = (v0 + v1) / 2 if linear else v0
            areas.append(areas[-1] + mean * (t1 - t0))
        self._areas = tuple(areas)

    @property
    def lowest(self) -> float:
        """The lowest value it ever takes."""
        return min(self._values)

    def at(self, event_s: float) -> float:
        """Return the value."""
        index = bisect.bisect_right(self._times, event_s) - 1
        if index < 0:
            return self._values[0]
        if not self._linear or index == len(self._times) - 1:
            return self._values[index]
        t0, t1 = self._times[index : index + 2]
        v0, v1 = self._values[index : index + 2]
        return v0 + (v1 - v0) * (event_s - t0) / (t1 - t0)

    def area(self, from_s: float, to_s: float) -> float:
        """Return the integral."""
        return self._area_until(to_s) - self._area_until(from_s)

    def _area_until(self, event_s: float) -> float:
        index = max(0, bisect.bisect_right(self._times, event_s) - 1)
        past_s = event_s - self._times[index]
        start = self._values[index] if past_s >= 0 else self._values[0]
        mean = (start + self.at(event_s)) / 2 if self._linear else start
        return self._areas[index] + mean * past_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Tips:
    """Tipping-bucket counter: whole buckets of ``per_tip`` mm since ``start_s`` of a rate in mm/h.

    ``floor(integral of rate from start to t / per_tip)``; the rate is never negative.
    """

    rate: Rate
    per_tip: float
    start_s: float

    def at(self, event_s: float) -> float:
        """Return the number of tips."""
        if event_s <= self.start_s:
            return 0.0
        fallen = self.rate.area(self.start_s, event_s) / _SECONDS_PER_HOUR
        return float(math.floor(fallen / self.per_tip + _TIP_TOLERANCE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Noisy:
    """A signal plus gaussian noise that depends only on ``key`` and the event time in ms."""

    signal: Signal
    noise: NormalDist
    key: str

    def at(self, event_s: float) -> float:
        """Return the value with its noise; asking again gives the same."""
        seed = f"{self.key}@{round(event_s * 1000)}".encode()
        draw = int.from_bytes(hashlib.blake2b(seed, digest_size=7).digest(), "big")
        return self.signal.at(event_s) + self.noise.inv_cdf((draw + 0.5) / 2**56)
