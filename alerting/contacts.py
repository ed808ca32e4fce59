"""contacts.yaml as people write it: who there is, whom a warning goes to, and by what."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from alerting.channels.email import Encryption
from district.fields import Duration, Names, Slug, Spec
from district.findings import Language, SpecError, Text
from rules.spec import Hazard, LevelName
from rules.transition import Level

DUTY = "duty"
"""The role that answers for an area: warnings widen to it, and what concerns nobody else goes to it."""

ChannelName = Literal["console", "webhook", "email"]

_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@.<>,;:\"()\[\]\\]+")
_TELEPHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_ROLE = re.compile(r"role:(?P<role>[a-z0-9]+(-[a-z0-9]+)*)")
_SHORTEST_LIFETIME = timedelta(minutes=1)
_SENDER = re.compile(r"[^\s,<&]+")


def _matching(pattern: re.Pattern[str], what: Text, remedy: Text) -> BeforeValidator:
    """Accept a text of the pattern's form; anything else is refused with ``what`` and ``remedy``."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise SpecError(Text(what.en.format(value), what.zh.format(value)), remedy)
        return value

    return BeforeValidator(check)


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SpecError(
            Text(f"{value!r} is no web address", f"{value!r} 不是网址"),
            Text(
                "write it as in https://example.org/warnings", "请按 https://example.org/warnings 的样式填写"
            ),
        )
    return value


def _lifetime(value: timedelta) -> timedelta:
    if value < _SHORTEST_LIFETIME:
        raise SpecError(
            Text("a warning must hold for a minute at least", "预警有效期至少一分钟"),
            Text("write a longer time, such as 24h", "请填写更长的时间，例如 24h"),
        )
    return value


Lifetime = Annotated[Duration, AfterValidator(_lifetime)]
Email = Annotated[
    str,
    _matching(
        _EMAIL,
        Text("{!r} is no e-mail address", "{!r} 不是电子邮件地址"),
        Text("write it as in name@example.org", "请按 name@example.org 的样式填写"),
    ),
]
Telephone = Annotated[
    str,
    _matching(
        _TELEPHONE,
        Text("{!r} is no telephone number", "{!r} 不是电话号码"),
        Text(
            'write it in quotes with its country code, as in "+8657112345678"',
            '请加引号并带国家代码，例如 "+8657112345678"',
        ),
    ),
]
RoleReference = Annotated[
    str,
    _matching(
        _ROLE,
        Text("{!r} names no role", "{!r} 没有指明角色"),
        Text("write role: and the role's id, as in role:duty", "请写 role: 加角色标识，例如 role:duty"),
    ),
]
SenderId = Annotated[
    str,
    _matching(
        _SENDER,
        Text("{!r} cannot be a CAP sender", "{!r} 不能作为 CAP 发布者标识"),
        Text("leave out blanks, commas, < and &", "请勿使用空格、逗号、< 和 &"),
    ),
]
WebAddress = Annotated[str, AfterValidator(_web_address)]
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


class ChannelsSpec(Spec):
    """What reaches a person."""

    console: bool = False
    email: Email | None = None
    webhook: WebAddress | None = None

    def address(self, channel: str) -> str | None:
        """Where ``channel`` finds the person; none if it does not."""
        if channel == "console":
            return "" if self.console else None
        return self.email if channel == "email" else self.webhook


class PersonSpec(Spec):
    """Somebody, or an office, that warnings are sent to."""

    id: Slug
    name: Names
    roles: tuple[HolderSpec, ...] = Field(min_length=1)
    language: Language = "zh"
    channels: ChannelsSpec


class RouteSpec(Spec):
    """Whom warnings of some levels and hazards go to; every route that matches counts."""

    levels: tuple[LevelName, ...] = Field(min_length=1)
    hazards: tuple[Hazard, ...] | None = Field(default=None, description="All of them unless some are named.")
    to: tuple[RoleReference, ...] = Field(min_length=1)
    via: tuple[ChannelName, ...] = Field(min_length=1, description="In order of preference.")

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


class SmtpSpec(Spec):
    """The server that takes our mail."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    sender: Email = Field(alias="from")
    encryption: Encryption = "auto"
    username: str | None = None
    password_env: str | None = Field(default=None, description="The variable that holds the password.")


class WebhookSpec(Spec):
    """How receivers know that a message is ours."""

    secret_env: str = Field(min_length=1, description="The variable that holds the signing secret.")


class InstructionSpec(Spec):
    """What to do at each level, where the built-in words do not fit."""

    blue: Names | None = None
    yellow: Names | None = None
    orange: Names | None = None
    red: Names | None = None


class ContactsFile(Spec):
    """contacts.yaml."""

    version: Literal[1]
    sender: SenderSpec
    valid_for: Lifetime = Field(
        default=timedelta(hours=24), description="How long a warning holds unless a newer one replaces it."
    )
    roles: dict[Slug, Names]
    people: tuple[PersonSpec, ...] = Field(min_length=1)
    routes: tuple[RouteSpec, ...] = Field(min_length=1)
    last_resort: LastResortSpec
    smtp: SmtpSpec | None = None
    webhook: WebhookSpec | None = None
    instructions: dict[Hazard, InstructionSpec] = Field(default_factory=dict)

    def instruction(self, hazard: str, level: Level) -> Names | None:
        """The district's own words for what to do; none where the built-in ones hold."""
        own = next((spec for name, spec in self.instructions.items() if name == hazard), None)
        words: Names | None = getattr(own, level.word) if own is not None else None
        return words


Contacts = ContactsFile
"""The contacts as alerting uses them: what people wrote, once it has no findings."""
