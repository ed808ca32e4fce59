"""What a rule may judge instead of the value itself, as people write it."""

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from district.fields import Finite, PositiveDuration, Slug, Spec
from district.findings import SpecError, Text

_SHARE = r"(100|[1-9]?[0-9](\.[0-9]+)?)%"
_WHOLE = 100.0


def _share(value: Any) -> Any:
    if isinstance(value, float):
        return value
    try:
        share = float(value[:-1]) / _WHOLE if isinstance(value, str) and value.endswith("%") else -1.0
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SpecError(
            Text(f"{value!r} is no share", f"{value!r} 不是比例"),
            Text("write per cent of the window, as in 75%", "请写占窗口的百分比，例如 75%"),
        )
    return share


Share = Annotated[
    float,
    BeforeValidator(_share),
    PlainSerializer(lambda share: f"{share * _WHOLE:g}%", return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_SHARE}$", "examples": ["75%"]}),
]
_COVERED = "So much of the window must be covered by samples."
_WINDOW = "How far back; may be left to each level's own `over`."


class RateSpec(Spec):
    """Judge the change over a window instead of the value."""

    over: PositiveDuration = Field(description="Value now minus the value so long ago.")
    fit: Literal["ends", "theil-sen"] = Field(
        default="ends", description="From the window's ends, or the robust slope of all samples in it."
    )
    min_points: int = Field(default=3, ge=2, description="Fewer samples in the window give no slope.")


class ForecastSpec(Spec):
    """Judge the value to come if the slope of late goes on; what it raises is to be verified."""

    over: PositiveDuration = Field(description="The slopes between all samples of so long.")
    ahead: PositiveDuration = Field(description="The value after so long.")
    min_points: int = Field(default=5, ge=3, description="Fewer samples in the window give no forecast.")


class SumSpec(Spec):
    """Judge what has come in a window, such as rain; of a counter, how far it has come."""

    over: PositiveDuration | None = Field(default=None, description=_WINDOW)
    complete: Share = Field(
        default=0.9,
        description="Less covered, the sum is a lower bound: it raises and does not clear.",
        validate_default=True,
    )


class MeanSpec(Spec):
    """Judge the mean of a sliding window, or of each hour or day by the district's clock."""

    over: PositiveDuration | None = Field(default=None, description=_WINDOW)
    each: Literal["hour", "day"] | None = Field(
        default=None, description="By the clock, judged when it is over."
    )
    complete: Share = Field(default=0.75, description=_COVERED, validate_default=True)

    @model_validator(mode="after")
    def _is_sliding_or_by_the_clock(self) -> Self:
        if self.each is not None and self.over is not None:
            raise SpecError(
                Text("a mean is over a window or of each hour or day", "平均值只能按滑动窗口或按时钟"),
                Text("keep one of over and each", "over 与 each 请只保留一个"),
                at="each",
            )
        return self


class ExtremeSpec(Spec):
    """Judge the lowest or highest value of a sliding window."""

    over: PositiveDuration | None = Field(default=None, description=_WINDOW)
    complete: Share = Field(default=0.75, description=_COVERED, validate_default=True)


class PercentileSpec(Spec):
    """Judge the value that was not exceeded for so many per cent of a sliding window."""

    of: Finite = Field(gt=0, le=100, description="Per cent of the time.")
    over: PositiveDuration | None = Field(default=None, description=_WINDOW)
    complete: Share = Field(default=0.75, description=_COVERED, validate_default=True)


class StuckSpec(Spec):
    """Judge for how many hours the value has not moved."""

    within: Finite = Field(default=0.0, ge=0, description="A smaller move is none.")


class QualitySpec(Spec):
    """Judge how many per cent of the readings in a window are not to be believed."""

    over: PositiveDuration
    counting: Literal["bad", "doubtful"] = Field(
        default="bad", description="Bad readings alone, or uncertain ones too."
    )


class MinusSpec(Spec):
    """Judge how far the value lies above that of a reference, such as a background station."""

    device: Slug
    point: Slug | None = Field(default=None, description="The same point by default.")


class CurveSpec(Spec):
    """A table by which one quantity becomes another: storage by level, an index by concentration.

    Linear between its points. Beyond its ends it stays at them, and what rests on that is to be verified.
    """

    unit: str = Field(min_length=1, max_length=16, description="Unit of what comes out.")
    of_unit: str = Field(min_length=1, max_length=16, description="Unit of what goes in.")
    points: list[tuple[Finite, Finite]] = Field(min_length=2, description="[in, out], ascending.")
    whole: bool = Field(
        default=False, description="What goes in is rounded to a whole number, what comes out is rounded up."
    )

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        for position, (left, right) in enumerate(pairwise(self.points)):
            if right[0] <= left[0]:
                raise SpecError(
                    Text(
                        f"{right[0]:g} does not lie above {left[0]:g}", f"{right[0]:g} 没有大于 {left[0]:g}"
                    ),
                    Text("write the points in ascending order", "请按从小到大的顺序写各点"),
                    at=f"points.{position + 1}",
                )
        return self


Kind = Literal["rate", "forecast", "sum", "mean", "minimum", "maximum", "percentile", "stuck", "quality"]
_KINDS: tuple[Kind, ...] = get_args(Kind)
_OF_ANOTHER_UNIT = frozenset({"rate", "forecast", "sum", "stuck", "quality"})


class JudgedSpec(Spec):
    """What is judged: the value, unless exactly one of the kinds says otherwise."""

    rate: RateSpec | None = None
    forecast: ForecastSpec | None = None
    sum: SumSpec | None = None
    mean: MeanSpec | None = None
    minimum: ExtremeSpec | None = None
    maximum: ExtremeSpec | None = None
    percentile: PercentileSpec | None = None
    stuck: StuckSpec | None = None
    quality: QualitySpec | None = None
    minus: MinusSpec | None = None
    through: Slug | None = Field(
        default=None, description="A curve: what it makes of the value, mean or extreme is judged."
    )
    allowed: int = Field(
        default=0, ge=0, le=100, description="So many values beyond a limit are allowed in each day."
    )

    @property
    def kind(self) -> Kind | None:
        """The name of what is judged; None for the value itself."""
        return next((name for name in _KINDS if getattr(self, name) is not None), None)

    @property
    def window(self) -> timedelta | None:
        """The window that the rule gives to all its levels."""
        spec = getattr(self, self.kind) if self.kind is not None else None
        return getattr(spec, "over", None)

    @property
    def has_windows(self) -> bool:
        """Whether each level may have a window of its own."""
        sliding = self.kind in {"sum", "mean", "minimum", "maximum", "percentile"}
        return sliding and not (self.mean is not None and self.mean.each is not None)

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """The keys that say what is judged."""
        return (*_KINDS, "minus", "through", "allowed")

    @model_validator(mode="after")
    def _judges_one_thing(self) -> Self:
        found = [name for name in _KINDS if getattr(self, name) is not None]
        if len(found) > 1:
            raise SpecError(
                Text(
                    f"a rule judges either {found[0]} or {found[1]}",
                    f"一条规则只能判断 {found[0]} 或 {found[1]}",
                ),
                Text("write two rules", "请写成两条规则"),
                at=found[1],
            )
        if self.minus is not None and self.kind not in {None, "mean"}:
            raise SpecError(
                Text("a reference is for values and means", "参照站只用于数值和平均值"),
                Text(f"leave out minus or {self.kind}", f"请去掉 minus 或 {self.kind}"),
                at="minus",
            )
        if self.through is not None and (self.minus is not None or self.kind in _OF_ANOTHER_UNIT):
            raise SpecError(
                Text("a curve is for values, means and extremes", "曲线只用于数值、平均值和极值"),
                Text(
                    f"leave out through or {self.kind or 'minus'}",
                    f"请去掉 through 或 {self.kind or 'minus'}",
                ),
                at="through",
            )
        if self.allowed and self.kind in {"forecast", "stuck", "quality"}:
            raise SpecError(
                Text(f"nothing is allowed of {self.kind}", f"{self.kind} 不能设允许次数"),
                Text("leave allowed out", "请去掉 allowed"),
                at="allowed",
            )
        return self
