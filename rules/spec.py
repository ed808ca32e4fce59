"""The file rules.yaml as people write it: seasons, and rules with their ladders."""

import calendar
import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    model_validator,
)

from district.devices import SiteKind
from district.fields import Duration, Finite, Names, PositiveDuration, Slug, Spec, format_duration
from district.findings import SpecError, Text
from rules.transition import Level

Hazard = Literal["flood", "rainstorm", "gas", "pipeline", "air", "dust", "noise", "crane", "equipment"]
LevelName = Literal["blue", "yellow", "orange", "red"]

LEVELS: dict[LevelName, Level] = {
    "blue": Level.BLUE,
    "yellow": Level.YELLOW,
    "orange": Level.ORANGE,
    "red": Level.RED,
}

_SAMPLES = re.compile(r"(?P<count>[1-9][0-9]{0,3}) samples?")
_TIMES = re.compile(r"(?P<times>[0-9]+(\.[0-9]+)?)x")
_DAY = r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_SEASON = re.compile(rf"{_DAY}\.\.{_DAY}")
_LEAP_YEAR = 2000  # a season may begin or end on 29 February
_DURATION_PATTERN = r"[0-9]+(\.[0-9]+)?(ms|s|m|h|d)"


class Samples(NamedTuple):
    """A delay counted in samples."""

    number: int


class Season(NamedTuple):
    """Some days of every year, first and last included, each as (month, day)."""

    first: tuple[int, int]
    last: tuple[int, int]

    def holds(self, day: date) -> bool:
        """Whether ``day``, a date of the district, lies in the season; it may run over the new year."""
        today = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= today <= self.last
        return today >= self.first or today <= self.last


def _samples(value: Any) -> Any:
    match = _SAMPLES.fullmatch(value) if isinstance(value, str) else None
    return Samples(int(match["count"])) if match else value


def _delay_kind(value: Any) -> str:
    counted = isinstance(value, Samples) or (isinstance(value, str) and _SAMPLES.fullmatch(value))
    return "samples" if counted else "duration"


def _times(value: Any) -> Any:
    if isinstance(value, float):
        return value
    match = _TIMES.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match["times"]) < 1:
        raise SpecError(
            Text(f"{value!r} is no number of intervals", f"{value!r} 不是间隔倍数"),
            Text(
                "write how many reporting intervals, at least one, as in 3x",
                "请写上报间隔的倍数，至少 1 倍，例如 3x",
            ),
        )
    return float(match["times"])


def _season(value: Any) -> Any:
    if isinstance(value, Season):
        return value
    match = _SEASON.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise SpecError(
            Text(f"{value!r} is no season", f"{value!r} 不是时段"),
            Text(
                "write its first and last day, month first: 04-15..10-15",
                "请写起止日期，月在前：04-15..10-15",
            ),
            code="bad-season",
        )
    first, last = (int(match[1]), int(match[2])), (int(match[3]), int(match[4]))
    for month, day in (first, last):
        longest = calendar.monthrange(_LEAP_YEAR, month)[1]
        if day > longest:
            raise SpecError(
                Text(f"month {month} has no day {day}", f"{month} 月没有 {day} 日"),
                Text(f"its last day is {longest}", f"该月最后一天是 {longest} 日"),
                code="bad-season",
            )
    return Season(first, last)


Delay = Annotated[
    Annotated[Duration, Tag("duration")] | Annotated[Samples, BeforeValidator(_samples), Tag("samples")],
    Discriminator(_delay_kind),
    PlainSerializer(
        lambda delay: f"{delay.number} samples" if isinstance(delay, Samples) else format_duration(delay),
        return_type=str,
    ),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({_DURATION_PATTERN}|{_SAMPLES.pattern.replace('?P<count>', '')})$",
            "examples": ["5m", "2 samples"],
        }
    ),
]
Times = Annotated[
    float,
    BeforeValidator(_times),
    PlainSerializer(lambda times: f"{times:g}x"),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{_TIMES.pattern.replace('?P<times>', '')}$", "examples": ["3x"]}
    ),
]
SeasonText = Annotated[
    Season,
    BeforeValidator(_season),
    PlainSerializer(
        lambda s: f"{s.first[0]:02}-{s.first[1]:02}..{s.last[0]:02}-{s.last[1]:02}", return_type=str
    ),
    WithJsonSchema({"type": "string", "pattern": f"^{_SEASON.pattern}$", "examples": ["04-15..10-15"]}),
]


class LevelSpec(Spec):
    """One level of a ladder; in an override or a season, what differs."""

    above: Finite | None = Field(default=None, description="Holds when the value reaches or exceeds this.")
    below: Finite | None = Field(
        default=None, description="Holds when the value reaches or falls under this."
    )
    clear: Finite | None = Field(
        default=None, description="Over only when the value is past this; the limit itself by default."
    )
    delay: Delay | None = Field(
        default=None, alias="for", description="How long it must hold: 5m, or 2 samples; at once by default."
    )

    @model_validator(mode="after")
    def _has_one_direction(self) -> Self:
        if self.above is not None and self.below is not None:
            raise SpecError(
                Text("a level is either above or below", "同一级别只能写 above 或 below"),
                Text("keep one of the two", "请只保留一个"),
                at="below",
            )
        return self


LadderSpec = dict[LevelName, LevelSpec]


class OverrideSpec(Spec):
    """What differs for one device, site or kind of site."""

    levels: LadderSpec = Field(default={}, description="What differs.")
    during: dict[Slug, LadderSpec] = Field(default={}, description="What differs in a season.")


class SelectSpec(Spec):
    """What a rule watches; what is left out is not asked for."""

    site_kind: SiteKind | None = Field(default=None, alias="site.kind")
    site: Slug | None = None
    device: Slug | None = None
    point: Slug | None = None


class RateSpec(Spec):
    """Judge the change over a window instead of the value."""

    over: PositiveDuration = Field(description="Value now minus the value so long ago.")


class SilenceSpec(Spec):
    """Judge whether a device is heard at all."""

    after: Times | None = Field(
        default=None,
        description="Silent for more than so many intervals; as `defaults.stale_after` by default.",
    )
    level: LevelName = "blue"


class RuleSpec(Spec):
    """One rule: what it watches, and when which level is reached."""

    id: Slug
    name: Names
    hazard: Hazard = Field(
        description="What threatens; alarms of one hazard at one asset are told as one story."
    )
    select: SelectSpec = SelectSpec()
    levels: LadderSpec = Field(default={}, description="What holds unless overridden.")
    during: dict[Slug, LadderSpec] = Field(default={}, description="What differs in a season.")
    override: dict[Slug, OverrideSpec] = Field(
        default={}, description="By device, site or kind of site: what differs; the nearest counts."
    )
    rate: RateSpec | None = None
    silence: SilenceSpec | None = None
    clear_for: Duration | None = Field(
        default=None, description="How long the value must be past `clear` before the level falls."
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if self.silence is None:
            if self.select.point is None:
                raise SpecError(
                    Text("a ladder watches one point", "阶梯规则必须指定一个测点"),
                    Text("add point: level to select", "请在 select 中补上 point: level"),
                    at="select",
                    code="missing-key",
                )
            return self
        for name in ("levels", "during", "override", "rate"):
            if getattr(self, name):
                raise SpecError(
                    Text(f"a silence rule has no {name}", f"失联规则不能写 {name}"),
                    Text("its level is written in silence", "其级别写在 silence 中"),
                    at=name,
                )
        if self.select.point is not None:
            raise SpecError(
                Text("a silence rule watches devices", "失联规则只针对设备"),
                Text("leave point out", "请去掉 point"),
                at="select",
            )
        return self


class DefaultsSpec(Spec):
    """What holds for every rule that says nothing else."""

    clear_for: Duration = timedelta(minutes=10)
    stale_after: Times = Field(default=3.0, validate_default=True)


class RulesFile(Spec):
    """rules.yaml."""

    version: Literal[1]
    defaults: DefaultsSpec = DefaultsSpec()
    seasons: dict[Slug, SeasonText] = Field(
        default={}, description="Days of the year, in the district's zone."
    )
    rules: list[RuleSpec] = Field(min_length=1)
