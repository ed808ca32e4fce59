"""What a scenario may write as the source of a value."""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from firmware_sim.units import parse_duration, parse_utc_offset

Duration = Annotated[float, BeforeValidator(parse_duration)]
UtcOffset = Annotated[float, BeforeValidator(parse_utc_offset)]
Between = Literal["hold", "linear"]


class Spec(BaseModel):
    """Base of everything a person writes in a scenario."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)


class CsvSpec(Spec):
    """A column of a CSV file: ``value = cell * scale + offset``; rows with an empty cell are skipped.

    Times are ISO 8601; those without a zone lie ``utc_offset`` east of UTC.
    """

    csv: str
    time: str
    column: str
    scale: float = 1.0
    offset: float = 0.0
    between: Between = "hold"
    utc_offset: UtcOffset = 0.0
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    decimal: Literal[".", ","] = "."


class SineSpec(Spec):
    """``mean + amplitude * sin(2 pi (t - phase) / period)``, t from 1970-01-01T00:00Z."""

    mean: float
    amplitude: float
    period: Duration = Field(gt=0)
    phase: Duration = 0.0


class NoisySpec(Spec):
    """A source that may carry gaussian noise; ``noise`` is its sigma, in the value's unit."""

    noise: float = Field(default=0.0, ge=0)


class FromSeries(NoisySpec):
    """The value of a named series."""

    series: str


class FromConstant(NoisySpec):
    """Always the same value."""

    constant: float


class FromSine(NoisySpec):
    """A sine."""

    sine: SineSpec


Step = Annotated[tuple[Duration, float], Field(strict=False)]


class FromSteps(NoisySpec):
    """Values at offsets from the simulation's start, held or joined by straight lines."""

    steps: list[Step] = Field(min_length=1)
    between: Between = "hold"

    @model_validator(mode="after")
    def _in_order(self) -> "FromSteps":
        offsets = [offset for offset, _ in self.steps]
        if any(later <= earlier for earlier, later in pairwise(offsets)):
            raise ValueError("steps must rise in time: sort them and remove repeats")
        return self


_KINDS = ("csv", "series", "constant", "sine", "steps", "tips")


def _kind(value: Any) -> str | None:
    if value == "answers":
        return "answers"
    if isinstance(value, dict):
        return next((kind for kind in _KINDS if kind in value), None)
    return next((kind for kind in _KINDS if hasattr(value, kind)), None)


_RateSource = (
    Annotated[FromSeries, Tag("series")]
    | Annotated[FromConstant, Tag("constant")]
    | Annotated[FromSine, Tag("sine")]
    | Annotated[FromSteps, Tag("steps")]
)


SeriesSpec = Annotated[
    Annotated[CsvSpec, Tag("csv")]
    | Annotated[FromConstant, Tag("constant")]
    | Annotated[FromSine, Tag("sine")]
    | Annotated[FromSteps, Tag("steps")],
    Discriminator(
        _kind,
        custom_error_type="source",
        custom_error_message="a series is one of csv, constant, sine or steps",
    ),
]


class TipsSpec(Spec):
    """A tipping bucket of ``per_tip`` mm under a rate in mm/h."""

    rate: Annotated[
        _RateSource,
        Discriminator(
            _kind,
            custom_error_type="source",
            custom_error_message="a rate is one of series, constant, sine or steps",
        ),
    ]
    per_tip: float = Field(gt=0)

    @model_validator(mode="after")
    def _quiet(self) -> "TipsSpec":
        if self.rate.noise:
            raise ValueError("the rate of tips carries no noise: remove `noise`")
        return self


class FromTips(Spec):
    """The number of tips of a bucket since the simulation's start."""

    tips: TipsSpec


Source = Annotated[
    _RateSource | Annotated[FromTips, Tag("tips")] | Annotated[Literal["answers"], Tag("answers")],
    Discriminator(
        _kind,
        custom_error_type="source",
        custom_error_message="a value is `answers` or one of series, constant, sine, steps, tips",
    ),
]
