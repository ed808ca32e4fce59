"""Readings of other people: how they reach us, what they call things, and what these are to us."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from district.brokers import BrokerAddress, broker_address, format_broker
from district.bus import Listen
from district.environment import EnvName
from district.fields import Names, Slug, Spec
from district.findings import SpecError, Text
from district.point import PointSpec
from district.units import conversion

FOREIGN_KINDS = (
    "sparkplug",
    "mqtt-json",
    "mqtt-lines",
    "push-json",
    "push-lines",
    "csv-folder",
    "manual",
)
_MOST_NAME = 200
_MOST_LEVELS = 20
_TOPIC_LEVEL = re.compile(r"topic/[0-9]{1,2}")
_WORDS_OF_TIME = ("iso", "s", "ms", "us", "ns")


def _file(value: Any) -> Any:
    if isinstance(value, str) and value and ".." not in PurePosixPath(value).parts:
        return value
    raise SpecError(
        Text(f"{value!r} is no file", f"{value!r} 不是文件"),
        Text(
            "write its path, from this file's folder on, as in certs/meteo.pem",
            "请写路径，以本文件所在目录为起点，例如 certs/meteo.pem",
        ),
    )


def _topic_filter(value: str) -> str:
    levels = value.split("/")
    wild = [level for level in levels if "+" in level or "#" in level]
    is_filter = all(level in {"+", "#"} for level in wild) and "#" not in levels[:-1]
    if not value or not is_filter or len(levels) > _MOST_LEVELS or value.startswith("$"):
        raise SpecError(
            Text(f"{value!r} is no topic filter", f"{value!r} 不是主题过滤器"),
            Text("write as in roads/+/state or meteo/#", "请按 roads/+/state 或 meteo/# 的写法"),
        )
    return value


def _time_form(value: Any) -> Any:
    if isinstance(value, str) and (value in _WORDS_OF_TIME or "%" in value):
        return value
    raise SpecError(
        Text(f"{value!r} is no form of a time", f"{value!r} 不是时间格式"),
        Text(
            "write iso, s, ms, us, ns, or a pattern such as %Y/%m/%d %H:%M",
            "请写 iso、s、ms、us、ns，或 %Y/%m/%d %H:%M 之类的模板",
        ),
    )


File = Annotated[str, BeforeValidator(_file), WithJsonSchema({"type": "string", "minLength": 1})]
TopicFilter = Annotated[str, AfterValidator(_topic_filter)]
TimeForm = Annotated[
    str,
    BeforeValidator(_time_form),
    WithJsonSchema(
        {
            "anyOf": [{"enum": list(_WORDS_OF_TIME)}, {"type": "string", "pattern": "%"}],
            "examples": ["iso", "ms", "%Y/%m/%d %H:%M"],
        }
    ),
]
ForeignBroker = Annotated[
    BrokerAddress,
    BeforeValidator(broker_address),
    PlainSerializer(format_broker),
    WithJsonSchema({"type": "string", "pattern": "^mqtts?://.+$", "examples": ["mqtts://mqtt.example:8883"]}),
]
ForeignName = Annotated[str, Field(min_length=1, max_length=_MOST_NAME)]
Path = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_MOST_NAME,
        description="Names from the outside in, joined by dots; digits count in a list: data.0.value.",
    ),
]


class _MqttSpec(Spec):
    """What is common to all that comes over MQTT."""

    broker: ForeignBroker | None = Field(
        default=None, description="Somebody else's broker; the district's own if left out."
    )
    user: str | None = Field(default=None, min_length=1, description="Our name at that broker.")
    password_env: EnvName | None = None
    authority: File | None = Field(
        default=None, description="Whose certificates we trust there; those this machine trusts if left out."
    )

    @model_validator(mode="after")
    def _its_settings_are_of_a_broker(self) -> Self:
        for name in ("user", "authority"):
            if self.broker is None and getattr(self, name) is not None:
                raise SpecError(
                    Text(f"{name} is for a broker that is not ours", f"{name} 只用于他人的服务器"),
                    Text("write broker: mqtts://HOST:8883 beside it", "请同时写 broker: mqtts://主机:8883"),
                    at=name,
                )
        if (self.user is None) != (self.password_env is None):
            raise SpecError(
                Text("user and password_env go together", "user 与 password_env 必须同时写"),
                Text("write both or neither", "要么都写，要么都不写"),
                at="user" if self.user is not None else "password_env",
            )
        return self


class _RecordSpec(Spec):
    """Where in a record is said whose it is, when it was, and what was measured.

    A record carries either many quantities, each under a name of its own, or one, with ``name`` and
    ``value``.
    """

    source: Path = Field(
        default="device",
        description="Where the record says whose it is; or topic/N, level N of the topic from 0 on.",
    )
    time: Path | None = Field(default=None, description="Where it says when; when it came if left out.")
    time_form: TimeForm = Field(default="iso", description="iso, s, ms, us, ns, or a pattern with %.")
    name: Path | None = Field(default=None, description="Where it says which quantity.")
    value: Path | None = Field(default=None, description="Where it says how much.")
    unit: Path | None = Field(default=None, description="Where it says in which unit.")
    quality: Path | None = Field(default=None, description="Where it says whether it is to be believed.")
    good: tuple[str | int | bool, ...] = Field(
        default=(), description="What it says there of good values; anything else is bad."
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        for one, other, english, chinese in (
            ("name", "value", "one quantity a record needs both", "每条记录一个要素时两者都要写"),
            ("quality", "good", "say which words mean good", "请写明哪些取值表示正常"),
        ):
            if bool(getattr(self, one)) != bool(getattr(self, other)):
                raise SpecError(
                    Text(
                        f"{one} and {other} go together: {english}", f"{one} 与 {other} 须同时写：{chinese}"
                    ),
                    Text("write both or neither", "要么都写，要么都不写"),
                    at=one if getattr(self, one) else other,
                )
        if self.time is None and "time_form" in self.model_fields_set:
            raise SpecError(
                Text("time_form says how time is written, and time is missing", "写了 time_form 但缺少 time"),
                Text("write time: where the record says when", "请写 time：记录中的时间位置"),
                at="time_form",
            )
        return self


class _LinesSpec(Spec):
    """How lines of InfluxDB's line protocol say whose they are."""

    source: Path = Field(
        default="device", description="The tag that says whose a line is; or topic/N, level N of the topic."
    )
    precision: Literal["s", "ms", "us", "ns"] = Field(default="ns", description="What its times count.")


class SparkplugBus(_MqttSpec):
    """Edge nodes that speak Sparkplug B; a device's source is GROUP/NODE or GROUP/NODE/DEVICE."""

    kind: Literal["sparkplug"]
    host: Slug | None = Field(
        default=None, description="The primary host that the nodes wait for, where they wait for one."
    )


class JsonMqttBus(_MqttSpec, _RecordSpec):
    """JSON over MQTT."""

    kind: Literal["mqtt-json"]
    topics: tuple[TopicFilter, ...] = Field(min_length=1)
    each: Path | None = Field(default=None, description="Where a message keeps its list of records.")


class LinesMqttBus(_MqttSpec, _LinesSpec):
    """InfluxDB line protocol over MQTT."""

    kind: Literal["mqtt-lines"]
    topics: tuple[TopicFilter, ...] = Field(min_length=1)


class PushToken(Spec):
    """A secret by which somebody may send, and for which devices."""

    token_env: EnvName
    devices: tuple[Slug, ...] | None = Field(
        default=None, min_length=1, description="For these devices alone; all of the bus if left out."
    )


class _PushSpec(Spec):
    """A port of ours to which others send by HTTP."""

    listen: Listen = Field(description="Address and port to listen at.")
    tokens: dict[Slug, PushToken] = Field(min_length=1, description="Who may send, by a name for the log.")
    certificate: File | None = Field(
        default=None, description="PEM file of the port; without it, plain HTTP."
    )
    key: File | None = None

    @model_validator(mode="after")
    def _certificate_has_a_key(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise SpecError(
                Text("certificate and key go together", "certificate 与 key 必须同时写"),
                Text("write both or neither", "要么都写，要么都不写"),
                at="certificate" if self.certificate is not None else "key",
            )
        return self


class JsonPushBus(_PushSpec, _RecordSpec):
    """JSON by HTTP: POST /readings."""

    kind: Literal["push-json"]
    each: Path | None = Field(default=None, description="Where a message keeps its list of records.")


class LinesPushBus(_PushSpec, _LinesSpec):
    """InfluxDB line protocol by HTTP, at the paths where InfluxDB takes it."""

    kind: Literal["push-lines"]


class CsvFolderBus(_RecordSpec):
    """A folder into which others move files; a finished file ends in .csv."""

    kind: Literal["csv-folder"]
    folder: File = Field(description="Where files arrive; from this file's folder on unless absolute.")
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","


class ManualBus(Spec):
    """Staff gauges that people read and report (人工报汛); nothing is connected to it."""

    kind: Literal["manual"]


ForeignMqttBus = SparkplugBus | JsonMqttBus | LinesMqttBus
ForeignPushBus = JsonPushBus | LinesPushBus
ForeignBus = ForeignMqttBus | ForeignPushBus | CsvFolderBus | ManualBus


class ForeignPointSpec(PointSpec):
    """A quantity that others report under a name of theirs."""

    point: Slug = Field(description="What we call it.")
    theirs: str | None = Field(
        default=None,
        alias="from",
        min_length=1,
        max_length=16,
        description="The unit in which they say it, after scaling, where it is not ours.",
    )

    @model_validator(mode="after")
    def _unit_can_be_had(self) -> Self:
        if self.theirs is not None and conversion(self.theirs, self.unit) is None:
            raise SpecError(
                Text(
                    f"there is no way from {self.theirs!r} to {self.unit!r}",
                    f"无法从 {self.theirs!r} 换算为 {self.unit!r}",
                ),
                Text("write scale and offset instead", "请改用 scale 与 offset"),
                at="from",
            )
        return self


class ForeignProfileSpec(Spec):
    """What a kind of foreign device reports, by the names under which it does."""

    protocol: Literal["foreign"]
    vendor: Names | None = None
    codes: dict[ForeignName, ForeignPointSpec] = Field(min_length=1)
    ignore: tuple[ForeignName, ...] = Field(
        default=(), description="Names that it reports, too, and that nobody needs."
    )


def topic_level(path: str) -> int | None:
    """Which level of the topic ``path`` means; none if it is no ``topic/N``."""
    return int(path.partition("/")[2]) if _TOPIC_LEVEL.fullmatch(path) else None
