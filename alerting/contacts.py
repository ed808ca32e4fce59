"""contacts.yaml as people write it: who there is, whom a warning goes to, and by what."""

import re
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from alerting.channels.settings import ChannelName, ChannelSettings, ChannelsSpec
from alerting.fields import Telephone, WebAddress, matching
from district.fields import Duration, Names, PositiveDuration, Slug, Spec
from district.findings import Language, SpecError, Text
from rules.spec import Hazard, LevelName
from rules.transition import Level

DUTY = "duty"
"""The role that answers for an area: warnings widen to it, and what concerns nobody else goes to it."""

_ROLE = re.compile(r"role:(?P<role>[a-z0-9]+(-[a-z0-9]+)*)")
_SHORTEST_LIFETIME = timedelta(minutes=1)
_SENDER = re.compile(r"[^\s,<&]+")


def _lifetime(value: timedelta) -> timedelta:
    if value < _SHORTEST_LIFETIME:
        raise SpecError(
            Text("a warning must hold for a minute at least", "预警有效期至少一分钟"),
            Text("write a longer time, such as 24h", "请填写更长的时间，例如 24h"),
        )
    return value


Lifetime = Annotated[Duration, AfterValidator(_lifetime)]
RoleReference = Annotated[
    str,
    matching(
        _ROLE,
        Text("{!r} names no role", "{!r} 没有指明角色"),
        Text("write role: and the role's id, as in role:duty", "请写 role: 加角色标识，例如 role:duty"),
    ),
]
SenderId = Annotated[
    str,
    matching(
        _SENDER,
        Text("{!r} cannot be a CAP sender", "{!r} 不能作为 CAP 发布者标识"),
        Text("leave out blanks, commas, < and &", "请勿使用空格、逗号、< 和 &"),
    ),
]
Digits2 = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{2}$")]
Digits3 = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{3}$")]


class SenderSpec(Spec):
    """In whose name warnings are issued; the codes are parts of every identifier."""

    id: SenderId
    name: Names
    industry: Digits3 = "000"
    unit: Digits3 = "000"
    extension: Digits2 = "00"


class HolderSpec(Spec):
    """A role held for an area and all that lies in it."""

    role: Slug
    area: Slug


class PersonSpec(Spec):
    """Somebody, or an office, that warnings are sent to."""

    id: Slug
    name: Names
    roles: tuple[HolderSpec, ...] = Field(min_length=1)
    language: Language = "zh"
    channels: ChannelsSpec


class EscalationSpec(Spec):
    """Who is told next while nobody answers."""

    after: PositiveDuration = Field(description="From the warning on, or from its last rise.")
    to: tuple[RoleReference, ...] = Field(min_length=1)
    via: tuple[ChannelName, ...] = Field(min_length=1, description="In order of preference.")

    @property
    def roles(self) -> frozenset[str]:
        """The roles it names."""
        return frozenset(reference.removeprefix("role:") for reference in self.to)


def _ascending(steps: tuple[EscalationSpec, ...]) -> tuple[EscalationSpec, ...]:
    for before, step in pairwise(steps):
        if step.after <= before.after:
            raise SpecError(
                Text("a step comes no later than the one before it", "升级步骤的时间没有递增"),
                Text(
                    "each `after` counts from the warning: let them rise",
                    "每个 after 都从预警起算，请逐步增大",
                ),
            )
    return steps


class RouteSpec(Spec):
    """Whom warnings of some levels and hazards go to; every route that matches counts."""

    levels: tuple[LevelName, ...] = Field(min_length=1)
    hazards: tuple[Hazard, ...] | None = Field(default=None, description="All of them unless some are named.")
    to: tuple[RoleReference, ...] = Field(min_length=1)
    via: tuple[ChannelName, ...] = Field(min_length=1, description="In order of preference.")
    escalate: Annotated[tuple[EscalationSpec, ...], AfterValidator(_ascending)] = Field(
        default=(), description="Who is next, after how long, by what, while nobody answers."
    )

    @property
    def roles(self) -> frozenset[str]:
        """The roles it names."""
        return frozenset(reference.removeprefix("role:") for reference in self.to)

    def covers(self, hazard: str, level: Level) -> bool:
        """Whether it is for warnings of this hazard and level."""
        return level.word in self.levels and (self.hazards is None or hazard in self.hazards)


class LastResortSpec(Spec):
    """Whom to call when nobody answers."""

    telephone: Telephone


class InstructionSpec(Spec):
    """What to do at each level, where the built-in words do not fit."""

    blue: Names | None = None
    yellow: Names | None = None
    orange: Names | None = None
    red: Names | None = None


class ContactsFile(ChannelSettings):
    """contacts.yaml."""

    version: Literal[1]
    sender: SenderSpec
    valid_for: Lifetime = Field(
        default=timedelta(hours=24), description="How long a warning holds unless a newer one replaces it."
    )
    close_within: Lifetime = Field(
        default=timedelta(hours=24), description="A case not closed so long after its all-clear is overdue."
    )
    console: WebAddress | None = Field(
        default=None,
        description="Where telephones reach the console: with it, messages carry a link to answer by.",
    )
    roles: dict[Slug, Names]
    people: tuple[PersonSpec, ...] = Field(min_length=1)
    routes: tuple[RouteSpec, ...] = Field(min_length=1)
    last_resort: LastResortSpec
    instructions: dict[Hazard, InstructionSpec] = Field(default_factory=dict)

    def instruction(self, hazard: str, level: Level) -> Names | None:
        """The district's own words for what to do; none where the built-in ones hold."""
        own = next((spec for name, spec in self.instructions.items() if name == hazard), None)
        words: Names | None = getattr(own, level.word) if own is not None else None
        return words


Contacts = ContactsFile
"""The contacts as alerting uses them: what people wrote, once it has no findings."""
