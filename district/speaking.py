"""Buses, profiles and devices of instruments that speak other protocols than Modbus and HJ 212."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from district.bus import AnyLine, Listen
from district.fields import Names, PositiveDuration, Slug, Spec
from district.findings import SpecError, Text
from district.point import PointSpec

StationProtocol = Literal["sl651", "sl427"]
InstrumentProtocol = Literal["sdi12", "nmea", "vaisala", "plantower", "lines"]

STATION_PROTOCOLS: tuple[StationProtocol, ...] = ("sl651", "sl427")
INSTRUMENT_PROTOCOLS: tuple[InstrumentProtocol, ...] = ("sdi12", "nmea", "vaisala", "plantower", "lines")

_STATION = re.compile(r"[0-9A-Fa-f]{10}")
_ADDRESS = re.compile(r"[0-9A-Za-z]{1,3}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,23}")
_MOST_PATTERN = 300
_STATION_GROUP = "station"

Port = Annotated[
    str,
    Field(min_length=1, description="Device file; prefer /dev/serial/by-id/…, it survives replugging."),
]
OnLine = Annotated[
    bool, Field(description="Whether stations are told to stay on line once all they sent has arrived.")
]


class StationSerialBus(Spec):
    """A serial line on which hydrological stations report by themselves."""

    kind: Literal["sl651-serial", "sl427-serial"]
    port: Port
    line: AnyLine
    online: OnLine = True


class StationTcpBus(Spec):
    """A TCP port to which hydrological stations connect and report."""

    kind: Literal["sl651-tcp", "sl427-tcp"]
    listen: Listen = Field(description="Address and port to listen at.")
    online: OnLine = True


class InstrumentBus(Spec):
    """A serial line with instruments that are asked, or speak by themselves, in a protocol of their own.

    It is a port of this gateway, or lies behind a converter that passes its bytes over TCP as they are.
    """

    kind: InstrumentProtocol
    port: Port | None = None
    line: AnyLine | None = None
    connect: Listen | None = Field(default=None, description="Address and port of a converter.")
    timeout: PositiveDuration = Field(
        default=timedelta(seconds=1), validate_default=True, description="Longest wait for an answer."
    )

    @model_validator(mode="after")
    def _is_one_line(self) -> Self:
        if (self.port is None) == (self.connect is None):
            raise SpecError(
                Text("exactly one of port and connect is needed", "port 与 connect 必须且只能写一个"),
                Text("write port and line, or connect", "请写 port 和 line，或写 connect"),
                at="connect" if self.connect is not None else None,
            )
        if (self.port is None) != (self.line is None):
            raise SpecError(
                Text("port and line go together", "port 与 line 必须同时写"),
                Text("write both: line: 9600-8N1", "请同时写出：line: 9600-8N1"),
                at="port" if self.port is not None else "line",
            )
        return self


SpeakingBus = StationSerialBus | StationTcpBus | InstrumentBus


def _telegram_code(value: Any) -> Any:
    if not (isinstance(value, str) and _CODE.fullmatch(value)):
        raise SpecError(
            Text(f"{value!r} is no code of a quantity", f"{value!r} 不是要素编码"),
            Text(
                'write it as `tocsin decode` shows it, as in "3B", Ta or MWV.speed-r; digits need quotes',
                '请按 `tocsin decode` 显示的写法，例如 "3B"、Ta、MWV.speed-r；纯数字要加引号',
            ),
        )
    return value


def _station(value: Any) -> Any:
    if not (isinstance(value, str) and _STATION.fullmatch(value)):
        raise SpecError(
            Text(f"{value!r} is no station address", f"{value!r} 不是测站地址"),
            Text(
                'write its ten digits in quotes, as in "0010100001"',
                '请写 10 位地址并加引号，例如 "0010100001"',
            ),
        )
    return value.lower()


def _address(value: Any) -> Any:
    if not (isinstance(value, str) and _ADDRESS.fullmatch(value)):
        raise SpecError(
            Text(f"{value!r} is no address of an instrument", f"{value!r} 不是仪器地址"),
            Text(
                'write its letters or digits in quotes, as in "0" or WI',
                '请写字母或数字并加引号，例如 "0" 或 WI',
            ),
        )
    return value


def _pattern(value: str) -> str:
    try:
        groups = re.compile(value).groupindex if len(value) <= _MOST_PATTERN else {}
    except re.error as exc:
        raise SpecError(
            Text(f"no regular expression: {exc.msg}", f"不是正则表达式：{exc.msg}"),
            Text("check it with a line that the instrument sent", "请用仪器发出的一行核对"),
        ) from exc
    if not groups:
        raise SpecError(
            Text("the pattern names no quantity, or is too long", "模式中没有命名要素，或过长"),
            Text("name each quantity: T=(?P<t>[-0-9.]+)", "请为每个要素命名：T=(?P<t>[-0-9.]+)"),
        )
    return value


TelegramCode = Annotated[
    str, BeforeValidator(_telegram_code), WithJsonSchema({"type": "string", "pattern": f"^{_CODE.pattern}$"})
]
StationAddress = Annotated[
    str, BeforeValidator(_station), WithJsonSchema({"type": "string", "pattern": f"^{_STATION.pattern}$"})
]
InstrumentAddress = Annotated[
    str, BeforeValidator(_address), WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS.pattern}$"})
]


class TelegramPointSpec(PointSpec):
    """A quantity that a telegram carries under a code."""

    point: Slug = Field(description="What we call it.")


class TelegramProfileSpec(Spec):
    """A model of station or instrument whose telegrams name their quantities."""

    protocol: Literal["sl651", "sl427", "sdi12", "nmea", "vaisala", "plantower"]
    vendor: Names | None = None
    codes: dict[TelegramCode, TelegramPointSpec] = Field(min_length=1)
    measure: Literal["M", "M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9"] = Field(
        default="M", description="SDI-12: the measurement that is asked for."
    )
    crc: bool = Field(default=False, description="SDI-12 from version 1.3: answers are asked for with a CRC.")

    @model_validator(mode="after")
    def _settings_are_of_the_protocol(self) -> Self:
        for name in ("measure", "crc"):
            if self.protocol != "sdi12" and name in self.model_fields_set:
                raise SpecError(
                    Text(f"{name} is a setting of sdi12", f"{name} 是 sdi12 的设置"),
                    Text("remove it", "请删除"),
                    at=name,
                )
        return self


class LinesProfileSpec(Spec):
    """A model of instrument that sends lines of text, described by a pattern."""

    protocol: Literal["lines"]
    vendor: Names | None = None
    pattern: Annotated[str, AfterValidator(_pattern)] = Field(
        description="Regular expression of a line; each named group is a quantity, `station` its address."
    )
    ask: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="What is sent to get a line; none: it speaks by itself.",
    )
    codes: dict[TelegramCode, TelegramPointSpec] = Field(min_length=1)

    @model_validator(mode="after")
    def _codes_are_groups(self) -> Self:
        groups = set(re.compile(self.pattern).groupindex) - {_STATION_GROUP}
        for code in self.codes:
            if code not in groups:
                raise SpecError(
                    Text(f"the pattern has no group {code!r}", f"模式中没有名为 {code!r} 的组"),
                    Text(f"use one of: {', '.join(sorted(groups))}", f"可用：{'、'.join(sorted(groups))}"),
                    at="codes",
                )
        return self


SpeakingProfile = TelegramProfileSpec | LinesProfileSpec
