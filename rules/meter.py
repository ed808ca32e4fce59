"""From what a rule says it judges to the measure of each level, for one point."""

from datetime import timedelta

from district.fields import format_duration
from district.inventory import MISSED_INTERVALS, Device, District, Point
from rules.limits import Resolved, to_whole_ms
from rules.measure import (
    AnyMeasure,
    Change,
    ClockMean,
    Curved,
    Difference,
    Faults,
    Forecast,
    NthOfDay,
    Slope,
    Statistic,
    Still,
    Sum,
    Value,
)
from rules.spec import RulesFile, RuleSpec

_HOUR_MS = 3_600_000


class Meter:
    """Measures one point for one rule; levels with the same window share one measure."""

    def __init__(
        self, spec: RulesFile, rule: RuleSpec, district: District, device: Device, point: Point
    ) -> None:
        self._rule = rule
        self._curve = spec.curves[rule.through] if rule.through is not None else None
        self._district = district
        self._device = device
        self._point = point
        stale_after_ms = stale_ms(device, spec.defaults.stale_after)
        self._stale_after_ms = stale_after_ms
        self._span_ms = (
            stale_after_ms if point.by_exception or point.counter else to_whole_ms(device.interval)
        )
        self._made: dict[tuple[timedelta | None, float, bool], AnyMeasure] = {}

    def measure(self, level: Resolved) -> AnyMeasure:
        """What a level judges."""
        over = level.over or self._rule.window
        horizon = level.limit.value if self._rule.stuck is not None and level.limit is not None else 0.0
        key = (over, horizon, level.rising)
        if key not in self._made:
            self._made[key] = self._allowed(over, horizon, rising=level.rising)
        return self._made[key]

    def _allowed(self, over: timedelta | None, horizon_h: float, *, rising: bool) -> AnyMeasure:
        base = self._compared(over, horizon_h)
        if not self._rule.allowed or isinstance(base, Still | Faults | Forecast | NthOfDay):
            return base
        number = self._rule.allowed + 1
        apart_ms = number * (base.period_ms + self._stale_after_ms)
        return NthOfDay(of=base, number=number, highest=rising, apart_ms=apart_ms)

    def _compared(self, over: timedelta | None, horizon_h: float) -> AnyMeasure:
        base, minus = self._base(over, horizon_h), self._rule.minus
        if self._curve is not None and isinstance(base, Value | Statistic | ClockMean):
            return Curved(of=base, points=tuple(self._curve.points), whole=self._curve.whole)
        if minus is None or not isinstance(base, Value | Statistic | ClockMean):
            return base
        reference = self._district.devices[minus.device]
        return Difference(
            of=base,
            reference=f"{minus.device}:{minus.point or self._point.id}",
            reference_zero=reference.datum_zero,
            stale_after_ms=to_whole_ms(reference.stale_after),
        )

    def _base(self, over: timedelta | None, horizon_h: float) -> AnyMeasure:
        over_ms = to_whole_ms(over) if over is not None else 0
        base = self._over_time(over_ms, horizon_h) or self._statistic(over_ms)
        return base if base is not None else Value(zero=self._device.datum_zero)

    def _over_time(self, over_ms: int, horizon_h: float) -> AnyMeasure | None:
        rule = self._rule
        if rule.rate is not None or rule.forecast is not None:
            return self._motion(over_ms)
        if rule.sum is not None:
            counter, complete = self._point.counter, rule.sum.complete
            return Sum(over_ms=over_ms, span_ms=self._span_ms, complete=complete, counter=counter)
        if rule.stuck is not None:
            return Still(within=rule.stuck.within, horizon_ms=round(horizon_h * _HOUR_MS))
        if rule.quality is not None:
            return Faults(over_ms=over_ms, doubtful_too=rule.quality.counting == "doubtful")
        return None

    def _motion(self, over_ms: int) -> Change | Slope | Forecast:
        rate, forecast = self._rule.rate, self._rule.forecast
        if forecast is not None:
            ahead_ms, zero = to_whole_ms(forecast.ahead), self._device.datum_zero
            return Forecast(over_ms=over_ms, ahead_ms=ahead_ms, min_points=forecast.min_points, zero=zero)
        if rate is not None and rate.fit == "theil-sen":
            return Slope(over_ms=over_ms, min_points=rate.min_points)
        return Change(over_ms=over_ms)

    def _statistic(self, over_ms: int) -> Statistic | ClockMean | None:
        rule, zero, span_ms = self._rule, self._device.datum_zero, self._span_ms
        spec = rule.mean or rule.minimum or rule.maximum or rule.percentile
        kind = rule.kind
        if spec is None or kind not in {"mean", "minimum", "maximum", "percentile"}:
            return None
        if rule.mean is not None and rule.mean.each is not None:
            return ClockMean(each=rule.mean.each, span_ms=span_ms, complete=spec.complete, zero=zero)
        return Statistic(
            kind=kind,
            over_ms=over_ms,
            span_ms=span_ms,
            complete=spec.complete,
            zero=zero,
            per_cent=rule.percentile.of if rule.percentile is not None else 0.0,
        )


def stale_ms(device: Device, times: float) -> int:
    """After how long without a reading a device is missed, by a number of intervals."""
    return round(times * to_whole_ms(device.stale_after) / MISSED_INTERVALS)


def unit_of(spec: RulesFile, rule: RuleSpec, point: Point) -> str:
    """The unit of what a rule judges of a point."""
    if rule.through is not None:
        return spec.curves[rule.through].unit
    if rule.rate is not None:
        return f"{point.unit}/{_window(rule.rate.over)}"
    if rule.stuck is not None:
        return "h"
    return "%" if rule.quality is not None else point.unit


def _window(over: timedelta) -> str:
    """How a unit names a window: `h` for one hour, `30m` for thirty minutes."""
    text = format_duration(over)
    return text[1:] if text[0] == "1" and not text[1].isdigit() else text
