"""From what a scenario writes to the formula that computes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from firmware_sim.clock import SimClock
from firmware_sim.curves import Constant, Curve, Noisy, Rate, Signal, Sine, Tips
from firmware_sim.errors import SimError
from firmware_sim.sources import FromConstant, FromSeries, FromSine, FromSteps, FromTips, NoisySpec, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the values of all instruments are computed from."""

    clock: SimClock
    series: Mapping[str, Curve | NoisySpec]  # a curve read from a file, or a formula by its name

    def signal(self, source: Source, key: str) -> Signal:
        """Build the formula of a source; ``key`` seeds its noise.

        Raises:
            SimError: The source is the counter of answers, which is no function of time.
        """
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
        if isinstance(source, FromSeries):
            named = self.series[source.series]
            return named if isinstance(named, Curve) else formula(named, self.clock.start_s)
        return formula(source, self.clock.start_s)


def formula(source: NoisySpec, start_s: float) -> Rate:
    """Build a formula that needs no file, for a simulation that starts at ``start_s``."""
    match source:
        case FromConstant(constant=value):
            return Constant(value=value)
        case FromSine(sine=sine):
            return Sine(mean=sine.mean, amplitude=sine.amplitude, period_s=sine.period, phase_s=sine.phase)
        case FromSteps(steps=steps, between=between):
            samples = [(start_s + offset_s, value) for offset_s, value in steps]
            return Curve(samples, linear=between == "linear")
    raise SimError(f"{type(source).__name__} is no formula")
