"""The compiled rules: every rule for every subject it watches, with limits resolved; frozen and complete."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from zoneinfo import ZoneInfo

import msgspec

from district.fields import Names
from rules.combining import Combination
from rules.ladder import Ladder
from rules.seasons import AnySeason
from rules.transition import Level
from transport.measurement import from_ms

LATE_GRACE_MS = 60_000  # beyond a device's own interval a reading may come so much late and be in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What people said of one rule, whatever it watches."""

    id: str
    name: Names
    hazard: str
    levels: tuple[Level, ...]  # those it can reach somewhere, ascending
    at_edge: bool = False  # gateways judge it too


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One rule for one point of one device."""

    rule: str
    hazard: str
    device: str
    point: str
    site: str
    unit: str  # of the value judged
    seasons: frozenset[str]  # that matter to its limits
    ladders: Mapping[str, Ladder]  # by `season_key` of those that hold; every combination there can be
    stale_after_ms: int  # a longer gap between readings is a gap
    allowance_ms: int  # a reading that comes later than this is late
    reach_ms: int = 0  # so far back its measures look
    period_ms: int = (
        0  # so far apart what they give may be; with `stale_after_ms` on top, it resets the timers
    )
    references: tuple[str, ...] = ()  # other subjects its measures look at
    every_reading: bool = False  # bad ones are judged too
    by_clock: bool = False  # what is judged belongs to the hour or day before the reading
    zero: float = 0.0  # added to a reading before it is shown

    @property
    def subject(self) -> str:
        """The subject's name in a transition."""
        return f"{self.device}:{self.point}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceWatch:
    """One silence rule for one device."""

    rule: str
    hazard: str
    device: str
    site: str
    watched: tuple[str, ...]  # points that ladders judge: the device is silent when one of them is
    zero: float  # added to its reading before it is shown
    level: Level
    silent_after_ms: int  # the device's allowance included
    stale_after_ms: int
    clear_for_ms: int
    related_sites: frozenset[str]  # where an active alarm makes this silence blind
    units: tuple[str, ...] = ()  # of the points watched


@dataclass(frozen=True, kw_only=True)
class Rulebook:
    """Everything people said in rules.yaml, applied to the district."""

    rules: Mapping[str, Rule]
    watches: tuple[Watch, ...]
    silences: tuple[SilenceWatch, ...]
    seasons: Mapping[str, AnySeason]
    timezone: ZoneInfo
    combinations: tuple[Combination, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """A name of this meaning: two rulebooks that judge alike share it."""
        return sha256(encode_rulebook(self)).hexdigest()[:16]

    def seasons_at(self, at_ms: int) -> frozenset[str]:
        """The seasons that hold at an instant, by the district's clock."""
        local = from_ms(at_ms).astimezone(self.timezone)
        return frozenset(name for name, season in self.seasons.items() if season.holds(local))


def season_key(seasons: Iterable[str]) -> str:
    """The name of a set of seasons."""
    return "+".join(sorted(seasons))


class _Judging(msgspec.Struct):
    """What of a rulebook decides about levels."""

    watches: tuple[Watch, ...]
    silences: tuple[SilenceWatch, ...]
    seasons: Mapping[str, AnySeason]
    timezone: str
    combinations: tuple[Combination, ...] = ()


def encode_rulebook(rulebook: Rulebook) -> bytes:
    """What of a rulebook decides about levels: a journal is judged again by the rules of its time."""
    judging = _Judging(
        rulebook.watches,
        rulebook.silences,
        rulebook.seasons,
        str(rulebook.timezone),
        rulebook.combinations,
    )
    return msgspec.json.encode(judging, order="sorted")


def decode_rulebook(payload: bytes) -> Rulebook:
    """A rulebook as it was encoded, without what is only for people.

    Raises:
        msgspec.MsgspecError: The payload is none.
    """
    judging = msgspec.json.decode(payload, type=_Judging)
    return Rulebook(
        rules={},
        watches=judging.watches,
        silences=judging.silences,
        seasons=judging.seasons,
        timezone=ZoneInfo(judging.timezone),
        combinations=judging.combinations,
    )
