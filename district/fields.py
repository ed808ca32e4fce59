"""The kinds of value that people write in every file: ids, names, durations."""

import re
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from district.findings import SpecError, Text, closest

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DURATION = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>ms|s|m|h|d)")
_ORDER = Text("write [longitude, latitude] in degrees", "请写 [经度, 纬度]，单位为度")
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Spec(BaseModel):
    """Base of everything a human writes in YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The schema, in which a table of ids takes nothing but ids."""
        schema = handler(core_schema)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            if "patternProperties" in field:
                field["additionalProperties"] = False
        return schema


def _slug(value: Any) -> Any:
    if isinstance(value, str) and not _SLUG.fullmatch(value):
        raise SpecError(
            Text(f"{value!r} is no id", f"{value!r} 不能作为标识"),
            Text(
                "use lower-case letters, digits and hyphens, as in res-01",
                "标识只用小写字母、数字和连字符，例如 res-01",
            ),
        )
    return value


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None and value != 0:
        raise SpecError(
            Text(f"{value!r} is no duration", f"{value!r} 不是时长"),
            Text(
                "write a number with its unit: 800ms, 10s, 5m, 2h, 1d",
                "请写数字加单位：800ms、10s、5m、2h、1d",
            ),
        )
    return timedelta(milliseconds=float(match["number"]) * _UNITS_MS[match["unit"]]) if match else timedelta()


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise SpecError(
            Text("must be longer than nothing", "时长必须大于零"),
            Text("write a number with its unit: 10s, 5m", "请写数字加单位：10s、5m"),
        )
    return value


def _lon(value: float) -> float:
    if not -180 <= value <= 180:  # noqa: PLR2004  (the figures are what a longitude is)
        raise SpecError(Text(f"{value:g} is no longitude", f"{value:g} 不是经度"), _ORDER)
    return value


def _lat(value: float) -> float:
    if not -90 <= value <= 90:  # noqa: PLR2004  (the figures are what a latitude is)
        raise SpecError(Text(f"{value:g} is no latitude", f"{value:g} 不是纬度"), _ORDER)
    return value


def _zone(value: Any) -> Any:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(value)
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError) as exc:
        raise SpecError(
            Text(f"{value!r} is no time zone", f"{value!r} 不是时区"),
            Text(
                "use a name of the time zone database, as in Asia/Shanghai",
                "请用时区库中的名称，例如 Asia/Shanghai",
            ),
            suggestion=closest(str(value), available_timezones()),
        ) from exc


def format_duration(value: timedelta) -> str:
    """The shortest way to write a duration, as in ``90s`` or ``2h``."""
    total_ms = round(value.total_seconds() * 1000)
    for unit in ("d", "h", "m", "s"):
        if total_ms % _UNITS_MS[unit] == 0 and total_ms:
            return f"{total_ms // _UNITS_MS[unit]}{unit}"
    return f"{total_ms}ms" if total_ms else "0s"


Slug = Annotated[
    str, BeforeValidator(_slug), WithJsonSchema({"type": "string", "pattern": f"^{_SLUG.pattern}$"})
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(format_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_DURATION.pattern.replace('?P<number>', '').replace('?P<unit>', '')}$",
        }
    ),
]


PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
TimeZone = Annotated[
    ZoneInfo,
    BeforeValidator(_zone),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["Asia/Shanghai"]}),
]
Lon = Annotated[float, AfterValidator(_lon), Field(json_schema_extra={"minimum": -180, "maximum": 180})]
Lat = Annotated[float, AfterValidator(_lat), Field(json_schema_extra={"minimum": -90, "maximum": 90})]
LonLat = Annotated[tuple[Lon, Lat], Field(description="Longitude, latitude (WGS-84 degrees).")]


class Names(Spec):
    """What people call a thing, in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
