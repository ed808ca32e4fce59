"""What every simulated instrument has: a name, faults, a counter of its answers, a record."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from firmware_sim.clock import SimClock
from firmware_sim.curves import Constant, Curve, Noisy, Rate, Signal, Sine, Tips
from firmware_sim.errors import SimError
from firmware_sim.faults import FaultName, FaultSet
from firmware_sim.record import Record
from firmware_sim.sources import (
    FromConstant,
    FromSeries,
    FromSine,
    FromSteps,
    FromTips,
    NoisySpec,
    Source,
)


class Instrument:
    """The identity of one instrument while the simulator runs."""

    def __init__(self, name: str, line: str, possible: Collection[FaultName], record: Record) -> None:
        """Start intact; the counter goes on from the record, so that it never repeats."""
        self.name = name
        self.line = line
        self.faults = FaultSet(name, possible)
        self.record = record
        self.answers = record.last_counter(name)
        self.pending = 0  # HJ 212: frames that no 9014 has answered

    def status(self) -> dict[str, Any]:
        """Return what a person wants to know."""
        return {
            "line": self.line,
            "answers": self.answers,
            "pending": self.pending,
            "faults": self.faults.names,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the values of all instruments are computed from."""

    clock: SimClock
    series: Mapping[str, Curve]

    def signal(self, source: Source, key: str) -> Signal:
        """Build the formula of a source; ``key`` seeds its noise."""
        if isinstance(source, str):
            raise SimError("a counter of answers is no formula")
        if isinstance(source, FromTips):
            rate = self._rate(source.tips.rate)
            return Tips(rate=rate, per_tip=source.tips.per_tip, start_s=self.clock.start_s)
        rate = self._rate(source)
        if source.noise:
            return Noisy(signal=rate, noise=NormalDist(0.0, source.noise), key=key)
        return rate

    def _rate(self, source: NoisySpec) -> Rate:
        match source:
            case FromSeries(series=name):
                return self.series[name]
            case FromConstant(constant=value):
                return Constant(value=value)
            case FromSine(sine=sine):
                return Sine(
                    mean=sine.mean, amplitude=sine.amplitude, period_s=sine.period, phase_s=sine.phase
                )
            case FromSteps(steps=steps, between=between):
                start_s = self.clock.start_s
                samples = [(start_s + offset_s, value) for offset_s, value in steps]
                return Curve(samples, linear=between == "linear")
        raise SimError(f"{type(source).__name__} is no formula")
