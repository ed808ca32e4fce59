"""The file rules.yaml as people write it: seasons, and rules with their ladders."""

import re
from datetime import timedelta
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
from rules.kinds import CurveSpec, JudgedSpec, MinusSpec
from rules.seasons import SeasonText
from rules.transition import Level
from rules.when import ConditionSpec, Scope

Hazard = Literal[
    "flood",
    "rainstorm",
    "waterlogging",
    "gas",
    "pipeline",
    "air",
    "dust",
    "noise",
    "crane",
    "equipment",
]
LevelName = Literal["blue", "yellow", "orange", "red"]

LEVELS: dict[LevelName, Level] = {
    "blue": Level.BLUE,
    "yellow": Level.YELLOW,
    "orange": Level.ORANGE,
    "red": Level.RED,
}

_SAMPLES = re.compile(r"(?P<count>[1-9][0-9]{0,3}) samples?")
_TIMES = re.compile(r"(?P<times>[0-9]+(\.[0-9]+)?)x")
_DURATION_PATTERN = r"[0-9]+(\.[0-9]+)?(ms|s|m|h|d)"


class Samples(NamedTuple):
    """A delay counted in samples."""

    number: int


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


class LevelSpec(Spec):
    """One level of a ladder; in an override or a season, what differs."""

    above: Finite | None = Field(default=None, description="Holds when the value reaches or exceeds this.")
    below: Finite | None = Field(
        default=None, description="Holds when the value reaches or falls under this."
    )
    clear: Finite | None = Field(
        default=None, description="Over only when the value is past this; the limit itself by default."
    )
    over: PositiveDuration | None = Field(
        default=None, description="The window of this level, where the rule leaves it open."
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


class SilenceSpec(Spec):
    """Judge whether a device is heard at all."""

    after: Times | None = Field(
        default=None,
        description="Silent for more than so many intervals; as `defaults.stale_after` by default.",
    )
    level: LevelName = "blue"


class RuleSpec(JudgedSpec):
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
    only: list[Slug] = Field(
        default=[], description="Seasons that must all hold; outside them the rule raises nothing."
    )
    at: Literal["centre", "edge"] = Field(
        default="centre", description="edge: the gateway judges it too, and acts while the centre is away."
    )
    latch: bool = Field(default=False, description="A level once reached stays until the rule is changed.")
    silence: SilenceSpec | None = None
    when: dict[LevelName, ConditionSpec] = Field(
        default={}, description="By level: what must hold of other rules' alarms."
    )
    per: Scope = Field(
        default="site", description="Of `when`: the alarms of a site or area are judged together."
    )
    clear_for: Duration | None = Field(
        default=None, description="How long the value must be past `clear` before the level falls."
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if self.at == "edge" and (self.when or self.silence is not None):
            raise SpecError(
                Text("a gateway judges ladders only", "网关只能判定阶梯规则"),
                Text("remove at: edge here", "请去掉此处的 at: edge"),
                at="at",
            )
        if self.when:
            self._is_about_rules_alone()
        elif self.silence is None:
            if self.select.point is None:
                raise SpecError(
                    Text("a ladder watches one point", "阶梯规则必须指定一个测点"),
                    Text("add point: level to select", "请在 select 中补上 point: level"),
                    at="select",
                    code="missing-key",
                )
        else:
            self._is_about_silence_alone()
        return self

    def _is_about_rules_alone(self) -> None:
        for name in ("levels", "during", "override", "only", "latch", "silence", *self.kinds()):
            if getattr(self, name):
                raise SpecError(
                    Text(f"a rule about rules has no {name}", f"组合规则不能写 {name}"),
                    Text("its levels are written in when", "其级别写在 when 中"),
                    at=name,
                )

    def _is_about_silence_alone(self) -> None:
        for name in ("levels", "during", "override", "only", "latch", *self.kinds()):
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


class RefineSpec(Spec):
    """What a district says differently of one rule of a pack."""

    levels: LadderSpec = Field(default={})
    during: dict[Slug, LadderSpec] = Field(default={})
    override: dict[Slug, OverrideSpec] = Field(default={})
    select: SelectSpec = SelectSpec()
    clear_for: Duration | None = None
    minus: MinusSpec | None = None
    off: bool = Field(default=False, description="The rule is not used here.")


class PackSpec(Spec):
    """What a pack says of itself."""

    version: int = Field(ge=1)
    name: Names
    sources: list[str] = Field(min_length=1, description="Standards and pages that the figures are from.")


class DefaultsSpec(Spec):
    """What holds for every rule that says nothing else."""

    clear_for: Duration = timedelta(minutes=10)
    stale_after: Times = Field(default=3.0, validate_default=True)


class RulesFile(Spec):
    """rules.yaml."""

    version: Literal[1]
    defaults: DefaultsSpec = DefaultsSpec()
    seasons: dict[Slug, SeasonText] = Field(
        default={},
        description="Days of the year (04-15..10-15), hours (22:00..06:00), dates (2026-03-01..2030-12-31).",
    )
    pack: PackSpec | None = Field(default=None, description="Only in the file of a pack.")
    packs: list[str] = Field(default=[], description="Packs in use with their version: rainstorm@1.")
    refine: dict[Slug, RefineSpec] = Field(
        default={}, description="By rule of a pack: what differs in this district."
    )
    curves: dict[Slug, CurveSpec] = Field(
        default={}, description="Tables that turn one quantity into another."
    )
    rules: list[RuleSpec] = Field(default=[], description="The district's own rules.")

    @model_validator(mode="after")
    def _has_rules(self) -> Self:
        if not (self.rules or self.packs):
            raise SpecError(
                Text("there is no rule", "没有任何规则"),
                Text("write rules, or name packs: [rainstorm@1]", "请写 rules，或指定 packs: [rainstorm@1]"),
                code="missing-key",
            )
        return self
