"""Timelines: readings in, expected transitions out; how rules are tested without an instrument."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from district.devices import SiteKind, SqliteStore
from district.fields import Finite, Names, PositiveDuration, Slug, Spec, TimeZone
from district.inventory import Area, CodeSource, Device, District, Gateway, Point, Site
from rules.backtest import backtest
from rules.compile import compile_rules
from rules.history import parse_instant
from rules.packing import merge_packs
from rules.rulebook import Rulebook
from rules.spec import RefineSpec, RulesFile
from rules.transition import Transition
from transport.batch import Sample
from transport.measurement import Quality, from_ms

_AREA = "here"


class StationSpec(Spec):
    """A device that stands alone, with a site of its name."""

    kind: SiteKind
    every: PositiveDuration
    points: dict[Slug, str] = Field(min_length=1, description="Points with their units.")
    counters: list[Slug] = Field(default=[], description="Those that only count up.")


class SeriesSpec(Spec):
    """Readings at a steady interval; an empty one is missing."""

    begin: str = Field(description="Taken at; without a zone by the district's clock.")
    every: PositiveDuration
    values: list[Finite | None]


class ExpectedSpec(Spec):
    """A transition that must come."""

    at: str
    rule: Slug
    subject: str
    to: Literal["normal", "blue", "yellow", "orange", "red"]


class TimelineSpec(Spec):
    """One story."""

    name: str
    readings: dict[str, SeriesSpec] = Field(description="By device:point.")
    expect: list[ExpectedSpec] = Field(description="Every transition, oldest first.")


class TimelinesFile(Spec):
    """A file of timelines; with stations it needs no district."""

    version: Literal[1]
    timezone: TimeZone | None = None
    packs: list[str] = Field(default=[], description="The rules under test; by default the district's own.")
    refine: dict[Slug, RefineSpec] = Field(default={}, description="As in rules.yaml.")
    stations: dict[Slug, StationSpec] = Field(default={}, description="The devices that the readings are of.")
    timelines: Annotated[list[TimelineSpec], Field(min_length=1)]


def readings(spec: TimelineSpec, zone: ZoneInfo) -> list[Sample]:
    """The readings of a timeline, oldest first.

    Raises:
        ValueError: A series begins at no instant.
    """
    found = [each for subject, series in spec.readings.items() for each in _series(subject, series, zone)]
    return sorted(found, key=lambda each: each.at_ms)


def _series(subject: str, series: SeriesSpec, zone: ZoneInfo) -> Iterator[Sample]:
    device, _, point = subject.partition(":")
    begin_ms, step_ms = parse_instant(series.begin, zone), series.every // timedelta(milliseconds=1)
    for at_ms, value in zip(count(begin_ms, step_ms), series.values, strict=False):
        if value is not None:
            yield Sample(device, point, at_ms, value, Quality.GOOD)


def play(spec: TimelineSpec, rulebook: Rulebook) -> list[str]:
    """What differs from what is expected, line by line; nothing if the rules do as they should."""
    zone = rulebook.timezone
    said = [_line(each, zone) for each in backtest(rulebook, readings(spec, zone))]
    expected = [
        f"{from_ms(parse_instant(each.at, zone)).astimezone(zone):%Y-%m-%dT%H:%M:%S} "
        f"{each.rule} {each.subject} {each.to}"
        for each in spec.expect
    ]
    missing = [f"- {line}" for line in expected if line not in said]
    return missing + [f"+ {line}" for line in said if line not in expected]


def _line(each: Transition, zone: ZoneInfo) -> str:
    at = from_ms(each.at_ms).astimezone(zone)
    return f"{at:%Y-%m-%dT%H:%M:%S} {each.rule} {each.subject} {each.to.word}"


def rules_of(spec: TimelinesFile) -> tuple[Rulebook, District]:
    """The rules of the packs of a file, for its stations.

    Raises:
        FileNotFoundError: There is no such pack.
        ValidationError: The packs and what refines them do not fit together.
    """
    refine = {
        key: each.model_dump(mode="json", by_alias=True, exclude_unset=True)
        for key, each in spec.refine.items()
    }
    data, _ = merge_packs({"version": 1, "packs": spec.packs, "refine": refine})
    district = stand_in(spec)
    return compile_rules(RulesFile.model_validate(data), district), district


def stand_in(spec: TimelinesFile) -> District:
    """A district of the stations of a file, for rules that are tested without one."""
    name = Names(zh=_AREA, en=_AREA)
    stations = spec.stations.items()
    return District(
        id=_AREA,
        name=name,
        timezone=spec.timezone or ZoneInfo("Asia/Shanghai"),
        code="100000",
        broker=None,
        tls=None,
        store=SqliteStore(),
        gateways={_AREA: Gateway(id=_AREA, area=_AREA, buses={}, spool_bytes=0)},
        sites={
            key: Site(id=key, kind=each.kind, area=_AREA, name=name, asset=key, upstream=(), at=None)
            for key, each in stations
        },
        devices={key: _device(key, each, name) for key, each in stations},
        disabled={},
        areas={_AREA: Area(id=_AREA, parent=None, rank="district", name=name, polygon=())},
    )


def _device(key: str, station: StationSpec, name: Names) -> Device:
    points = {
        point: Point(
            id=point,
            unit=unit,
            source=CodeSource(code=point, scale=1.0, offset=0.0),
            valid=None,
            max_step=None,
            deadband=None,
            heartbeat=None,
            counter=point in station.counters,
        )
        for point, unit in station.points.items()
    }
    return Device(
        id=key,
        site=key,
        name=name,
        gateway=_AREA,
        bus=_AREA,
        profile=key,
        unit=None,
        mn=key,
        password_env=None,
        accept_flags=(),
        interval=station.every,
        points=points,
        datum_zero=0.0,
        datum_system=None,
        at=None,
        disabled=False,
    )
