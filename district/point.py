"""A measured quantity, as a profile describes it whatever the protocol."""

import re
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from district.fields import Finite, PositiveDuration, Spec
from district.findings import SpecError, Text


class Percent(NamedTuple):
    """A share of a range, written as 0.5%."""

    share: float


def _percent(value: Any) -> Any:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return Percent(float(match["number"]) / 100) if match else value


def _deadband_kind(value: Any) -> str:
    return "percent" if isinstance(value, Percent | str) else "unit"


_PERCENT = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?) ?%")
Deadband = Annotated[
    Annotated[Annotated[float, Field(ge=0, allow_inf_nan=False)], Tag("unit")]
    | Annotated[Percent, BeforeValidator(_percent), Tag("percent")],
    Discriminator(_deadband_kind),
    PlainSerializer(lambda value: f"{100 * value.share:g}%" if isinstance(value, Percent) else value),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?%$", "examples": ["0.5%"]},
            ]
        }
    ),
]


class PointSpec(Spec):
    """What is common to every measured quantity."""

    unit: str = Field(
        min_length=1, max_length=16, description="Unit of the value after scaling, such as m or kPa."
    )
    scale: Finite = Field(default=1.0, description="Value = raw x scale + offset.")
    offset: Finite = Field(default=0.0, description="Value = raw x scale + offset.")
    valid: tuple[Finite, Finite] | None = Field(
        default=None, description="What the instrument can mean, before any datum; outside is over range."
    )
    max_step: Finite | None = Field(default=None, gt=0, description="Fastest believable change, a minute.")
    deadband: Deadband | None = Field(
        default=None,
        description="Smaller changes are not sent: in the unit, or as 0.5% of `valid`; needs a heartbeat.",
    )
    min_interval: PositiveDuration | None = Field(
        default=None, description="Changes are sent no more often than this, however large they are."
    )
    heartbeat: PositiveDuration | None = Field(
        default=None, description="Sent at least this often all the same."
    )
    kind: Literal["value", "counter"] = Field(
        default="value", alias="as", description="A counter only rises: what counts is its increase."
    )

    @field_validator("scale")
    @classmethod
    def _scale_tells_values_apart(cls, scale: float) -> float:
        if scale == 0:
            raise SpecError(
                Text("a scale of 0 makes every reading 0", "scale 为 0 会使所有读数都变成 0"),
                Text("write the factor from raw to unit, as in 0.1", "请写原始值到单位的系数，例如 0.1"),
            )
        return scale

    @field_validator("valid")
    @classmethod
    def _valid_has_an_inside(cls, valid: tuple[float, float] | None) -> tuple[float, float] | None:
        if valid is not None and valid[0] >= valid[1]:
            raise SpecError(
                Text(
                    f"nothing lies between {valid[0]:g} and {valid[1]:g}",
                    f"{valid[0]:g} 与 {valid[1]:g} 之间没有值",
                ),
                Text("write [lowest, highest]", "请写 [最小值, 最大值]"),
                code="inverted-range",
            )
        return valid

    @property
    def deadband_in_unit(self) -> float | None:
        """The deadband in the unit of the value."""
        if not isinstance(self.deadband, Percent):
            return self.deadband
        low, high = self.valid or (0.0, 0.0)
        return self.deadband.share * (high - low)

    @model_validator(mode="after")
    def _percent_is_of_a_range(self) -> Self:
        if isinstance(self.deadband, Percent) and self.valid is None:
            raise SpecError(
                Text(
                    "a deadband in per cent is of `valid`, which is missing",
                    "百分比死区以 valid 为准，但缺少 valid",
                ),
                Text("add valid: [lowest, highest]", "请补上 valid: [最小值, 最大值]"),
                at="deadband",
            )
        return self

    @model_validator(mode="after")
    def _deadband_has_a_heartbeat(self) -> Self:
        if (self.deadband or self.min_interval) and self.heartbeat is None:
            raise SpecError(
                Text(
                    "what is held back without a heartbeat looks like silence",
                    "只有死区没有心跳，会被当作失联",
                ),
                Text("add heartbeat: 10m", "请补上 heartbeat: 10m"),
                at="deadband" if self.deadband else "min_interval",
            )
        return self
