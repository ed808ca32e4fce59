"""A measured quantity, as a profile describes it whatever the protocol."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from district.fields import Finite, PositiveDuration, Spec
from district.findings import SpecError, Text


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
    deadband: Finite | None = Field(
        default=None, ge=0, description="Changes smaller than this are not sent; needs a heartbeat."
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

    @model_validator(mode="after")
    def _deadband_has_a_heartbeat(self) -> Self:
        if self.deadband and self.heartbeat is None:
            raise SpecError(
                Text("a deadband without a heartbeat looks like silence", "只有死区没有心跳，会被当作失联"),
                Text("add heartbeat: 10m", "请补上 heartbeat: 10m"),
                at="deadband",
            )
        return self
