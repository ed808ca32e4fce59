"""The file devices.yaml as people write it: the district, its gateways, profiles, devices and sites."""

import re
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    model_validator,
)

from district.autonomy import AloneSpec, SirenSpec
from district.brokers import BrokerAddress, broker_address, format_broker
from district.bus import Hj212Bus, ModbusBus
from district.environment import EnvName
from district.fields import Finite, LonLat, Names, PositiveDuration, Slug, Spec, TimeZone
from district.findings import SpecError, Text
from district.foreign import ForeignBus
from district.profile import ProfileSpec
from district.speaking import InstrumentAddress, SpeakingBus, StationAddress

SiteKind = Literal[
    "reservoir",
    "river",
    "road",
    "bridge",
    "slope",
    "pipeline",
    "building",
    "air",
    "construction",
    "weather",
]

_DIVISION = re.compile(r"[1-9][0-9]{5}")
_MN = re.compile(r"[A-Za-z0-9_-]{1,24}")
_URL = re.compile(r"https?://[^@\s]+")


def _division(value: Any) -> Any:
    if not (isinstance(value, str) and _DIVISION.fullmatch(value)):
        raise SpecError(
            Text(f"{value!r} is no division code", f"{value!r} 不是行政区划代码"),
            Text('write the six digits in quotes, as in "330199"', '请写六位数字并加引号，例如 "330199"'),
        )
    return value


def _mn(value: Any) -> Any:
    if not (isinstance(value, str) and _MN.fullmatch(value)):
        raise SpecError(
            Text(f"{value!r} is no station number", f"{value!r} 不是设备唯一标识 MN"),
            Text(
                "write the station's MN, at most 24 letters and digits, in quotes",
                "请写站点的 MN，最多 24 位字母数字，加引号",
            ),
        )
    return value


def _url(value: Any) -> Any:
    if not (isinstance(value, str) and _URL.fullmatch(value)):
        raise SpecError(  # the value is never shown: people put passwords into addresses
            Text("no address of a web service", "不是网址"),
            Text(
                "write http://HOST:PORT, without user or password", "请写 http://主机:端口，不含用户名和密码"
            ),
        )
    return value


Url = Annotated[str, BeforeValidator(_url), WithJsonSchema({"type": "string", "pattern": "^https?://[^@]+$"})]


def _broker(value: Any) -> Any:
    return None if value is None or value == "auto" else broker_address(value)


def _folder(value: Any) -> Any:
    if (
        isinstance(value, str)
        and value
        and not PurePosixPath(value).is_absolute()
        and ".." not in value.split("/")
    ):
        return value
    raise SpecError(
        Text(f"{value!r} is no folder of the district", f"{value!r} 不是本区目录下的文件夹"),
        Text("write its name, relative to this file, as in certs", "请写相对于本文件的名称，例如 certs"),
    )


Broker = Annotated[
    BrokerAddress | None,
    BeforeValidator(_broker),
    PlainSerializer(format_broker),
    WithJsonSchema(
        {"type": "string", "pattern": "^(auto|mqtts?://.+)$", "examples": ["auto", "mqtts://hub:8883"]}
    ),
]


class SqliteStore(Spec):
    """Readings in one SQLite file: nothing to install."""

    kind: Literal["sqlite"] = "sqlite"


class InfluxStore(Spec):
    """InfluxDB 2 or 3, or VictoriaMetrics, by the v2 write API."""

    kind: Literal["influx"]
    url: Url
    org: str = Field(min_length=1)
    bucket: str = Field(min_length=1)
    token_env: EnvName | None = None


class Influx1Store(Spec):
    """InfluxDB 1.x."""

    kind: Literal["influx1"]
    url: Url
    database: str = Field(min_length=1)
    username: str | None = None
    password_env: EnvName | None = None

    @model_validator(mode="after")
    def _user_has_a_password(self) -> Self:
        if (self.username is None) != (self.password_env is None):
            raise SpecError(
                Text("username and password_env go together", "username 与 password_env 必须同时写"),
                Text("write both or neither", "要么都写，要么都不写"),
                at="username" if self.username is not None else "password_env",
            )
        return self


Store = Annotated[SqliteStore | InfluxStore | Influx1Store, Field(discriminator="kind")]


class DistrictSpec(Spec):
    """The district itself."""

    id: Slug = Field(description="Id of the district's own area in areas.geojson.")
    name: Names
    timezone: TimeZone = Field(
        description="Governs hours, days and seasons, and instruments that name no zone."
    )
    code: Annotated[str, BeforeValidator(_division)] = Field(
        description="Six-digit division code (GB/T 2260)."
    )
    broker: Broker = Field(
        default=None, description="auto, or the address of a broker.", validate_default=True
    )
    tls: Annotated[str, BeforeValidator(_folder)] | None = Field(
        default=None, description="Folder made by `tocsin certs`; without it, MQTT is plain."
    )
    store: Store = SqliteStore()

    @model_validator(mode="after")
    def _tls_is_said_once(self) -> Self:
        if self.broker is not None and self.broker.tls and self.tls is None:
            raise SpecError(
                Text("mqtts needs certificates", "mqtts 需要证书"),
                Text("run `tocsin certs` and add tls: certs", "请运行 `tocsin certs` 并补上 tls: certs"),
                at="broker",
            )
        if self.broker is not None and not self.broker.tls and self.tls is not None:
            raise SpecError(
                Text("with tls the address begins with mqtts", "写了 tls 时，地址应以 mqtts 开头"),
                Text("write mqtts://…, or leave tls out", "请写 mqtts://…，或去掉 tls"),
                at="broker",
            )
        return self


Bus = Annotated[ModbusBus | Hj212Bus | SpeakingBus | ForeignBus, Field(discriminator="kind")]


class GatewaySpec(Spec):
    """One agent on one piece of hardware."""

    area: Slug = Field(description="The area it serves; part of its topics.")
    buses: dict[Slug, Bus] = Field(min_length=1)
    spool_mb: int = Field(
        default=1024,
        ge=8,
        description="How large its spool may grow; then the oldest, least important readings are given up.",
    )
    sirens: dict[Slug, SirenSpec] = Field(default={}, description="What it can sound by itself.")
    alone: list[AloneSpec] = Field(
        default=[], description="What it does at alarms of `at: edge` rules while the centre is away."
    )


class Datum(Spec):
    """Where the instrument's zero lies."""

    zero: Finite = Field(description="Height of the zero in the datum's frame, in the point's unit.")
    system: str | None = Field(default=None, description='Name of the height datum, as in "1985".')


class DeviceBase(Spec):
    """What is common to every instrument."""

    id: Slug
    site: Slug
    name: Names | None = None
    gateway: Slug
    bus: Slug
    use: Slug = Field(description="The profile.")
    datum: Datum | None = None
    at: LonLat | None = None
    disabled: bool = Field(default=False, description="Not asked, not missed.")


class ModbusDeviceSpec(DeviceBase):
    """An instrument that we ask."""

    unit: int = Field(ge=1, le=247, description="Modbus unit id.")
    every: PositiveDuration = Field(description="How often it is asked.")


class Hj212DeviceSpec(DeviceBase):
    """A station that reports by itself."""

    mn: Annotated[str, BeforeValidator(_mn)] = Field(description="The station's MN.")
    expect: PositiveDuration = Field(description="How often it reports.")
    password_env: EnvName | None = None


class StationDeviceSpec(DeviceBase):
    """A hydrological station that reports by itself."""

    station: StationAddress = Field(description="The station's address, ten digits.")
    expect: PositiveDuration = Field(description="How often it reports.")


class InstrumentDeviceSpec(DeviceBase):
    """An instrument with a protocol of its own: asked ``every`` so often, or expected to speak."""

    address: InstrumentAddress | None = Field(
        default=None, description="What tells it from others on its line: an SDI-12 address, an NMEA talker."
    )
    alone: Literal[True] | None = Field(default=None, description="It is the only one on its line.")
    every: PositiveDuration | None = Field(default=None, description="How often it is asked.")
    expect: PositiveDuration | None = Field(default=None, description="How often it speaks by itself.")

    @model_validator(mode="after")
    def _is_told_apart_once(self) -> Self:
        for one, other in (("address", "alone"), ("every", "expect")):
            if (getattr(self, one) is None) == (getattr(self, other) is None):
                raise SpecError(
                    Text(f"exactly one of {one} and {other} is needed", f"{one} 与 {other} 必须且只能写一个"),
                    Text(f"write {one} or {other}", f"请写 {one} 或 {other}"),
                    at=other if getattr(self, other) is not None else None,
                )
        return self

    @property
    def interval(self) -> timedelta:
        """How often it is asked, or speaks."""
        return self.every or self.expect or timedelta()


class ForeignDeviceSpec(DeviceBase):
    """An instrument of somebody else, who sends us its readings; or one that people read."""

    source: str = Field(min_length=1, max_length=200, description="What the others call it.")
    expect: PositiveDuration = Field(description="How often it is heard of.")


_DEVICE_KEYS = {
    "source": "ForeignDeviceSpec",
    "mn": "Hj212DeviceSpec",
    "station": "StationDeviceSpec",
    "address": "InstrumentDeviceSpec",
    "alone": "InstrumentDeviceSpec",
}


def _device_kind(value: Any) -> str:
    if not isinstance(value, dict):
        return type(value).__name__
    for key, kind in _DEVICE_KEYS.items():
        if key in value:
            return kind
    return "Hj212DeviceSpec" if "expect" in value and "unit" not in value else "ModbusDeviceSpec"


DeviceSpec = Annotated[
    Annotated[ModbusDeviceSpec, Tag("ModbusDeviceSpec")]
    | Annotated[Hj212DeviceSpec, Tag("Hj212DeviceSpec")]
    | Annotated[StationDeviceSpec, Tag("StationDeviceSpec")]
    | Annotated[InstrumentDeviceSpec, Tag("InstrumentDeviceSpec")]
    | Annotated[ForeignDeviceSpec, Tag("ForeignDeviceSpec")],
    Discriminator(_device_kind),
]


class SiteSpec(Spec):
    """A monitored place."""

    kind: SiteKind
    area: Slug = Field(description="The cell it lies in.")
    name: Names
    asset: Slug | None = Field(
        default=None, description="Sites that watch one thing share it; the site's own id if left out."
    )
    upstream: tuple[Slug, ...] = Field(default=(), description="Sites whose water comes here.")
    at: LonLat | None = None


class DevicesFile(Spec):
    """devices.yaml."""

    version: Literal[1]
    district: DistrictSpec
    gateways: dict[Slug, GatewaySpec] = Field(min_length=1)
    profiles: dict[Slug, ProfileSpec] = Field(min_length=1)
    devices: tuple[DeviceSpec, ...] = Field(min_length=1)
    sites: dict[Slug, SiteSpec] = Field(min_length=1)
