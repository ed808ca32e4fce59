"""Profiles: what a model of instrument measures and how it says it, reusable for each device of the model."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from district.fields import Duration, Names, PositiveDuration, Slug, Spec
from district.findings import SpecError, Text
from district.foreign import ForeignProfileSpec
from district.point import PointSpec
from district.register import RegisterPointSpec
from district.speaking import LinesProfileSpec, TelegramProfileSpec

DataFlag = Literal["N", "F", "M", "S", "D", "C", "T", "B"]

_CODE = re.compile(r"[A-Za-z0-9]{1,12}")


class CodePointSpec(PointSpec):
    """A quantity that an HJ 212 station reports under a factor code."""

    point: Slug = Field(description="What we call it.")


def _code(value: Any) -> Any:
    if not (isinstance(value, str) and _CODE.fullmatch(value)):
        raise SpecError(
            Text(f"{value!r} is no factor code", f"{value!r} 不是因子编码"),
            Text(
                'write it as the station sends it, as in a34004; digits alone need quotes: "011"',
                '请按站点发送的写法，例如 a34004；纯数字要加引号："011"',
            ),
        )
    return value


Code = Annotated[
    str, BeforeValidator(_code), WithJsonSchema({"type": "string", "pattern": f"^{_CODE.pattern}$"})
]


class ModbusProfileSpec(Spec):
    """A model of Modbus instrument."""

    vendor: Names | None = None
    points: dict[Slug, RegisterPointSpec] = Field(min_length=1)
    max_words: int | None = Field(
        default=None, ge=1, le=125, description="Most registers it answers at once, where fewer than its bus."
    )
    max_bits: int = Field(default=2000, ge=1, le=2000, description="Most coils or inputs it answers at once.")
    holes: bool = Field(
        default=True, description="Whether it may be asked for addresses that lie between its points."
    )
    turnaround: PositiveDuration | None = Field(
        default=None, description="How long it usually thinks; its bus's figure if left out."
    )
    pause: Duration = Field(
        default=timedelta(0), description="Rest that it needs after an answer, beyond its bus's gap."
    )


class Hj212ProfileSpec(Spec):
    """A model of HJ 212 station."""

    vendor: Names | None = None
    codes: dict[Code, CodePointSpec] = Field(min_length=1)
    accept_flags: tuple[DataFlag, ...] = Field(
        default=("N",),
        min_length=1,
        description="Data flags whose values are good; only N may raise a warning.",
    )


_PROFILES = {"lines": "LinesProfileSpec", "foreign": "ForeignProfileSpec"}  # by protocol


def _profile_kind(value: Any) -> str:
    if not isinstance(value, dict):
        return type(value).__name__
    if "protocol" in value:
        return _PROFILES.get(str(value["protocol"]), "TelegramProfileSpec")
    return "Hj212ProfileSpec" if "codes" in value else "ModbusProfileSpec"


ProfileSpec = Annotated[
    Annotated[ModbusProfileSpec, Tag("ModbusProfileSpec")]
    | Annotated[Hj212ProfileSpec, Tag("Hj212ProfileSpec")]
    | Annotated[TelegramProfileSpec, Tag("TelegramProfileSpec")]
    | Annotated[LinesProfileSpec, Tag("LinesProfileSpec")]
    | Annotated[ForeignProfileSpec, Tag("ForeignProfileSpec")],
    Discriminator(_profile_kind),
]
