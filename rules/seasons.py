"""When limits hold: days of every year, hours of every day, or dates; all by the district's clock."""

import calendar
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import product
from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, GetCoreSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from district.findings import SpecError, Text

_DAY = r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_HOUR = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DAYS = re.compile(rf"{_DAY}\.\.{_DAY}")
_HOURS = re.compile(rf"{_HOUR}\.\.{_HOUR}")
_DATES = re.compile(rf"({_DATE})?\.\.({_DATE})?")
_LEAP_YEAR = 2000  # a season may begin or end on 29 February


class _Period(msgspec.Struct, frozen=True, tag=True):
    """Base of what a season may be; made from text alone."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)


class Season(_Period, frozen=True):
    """Some days of every year, first and last included, each as (month, day)."""

    first: tuple[int, int]
    last: tuple[int, int]

    def holds(self, local: datetime) -> bool:
        """Whether an instant, by the district's clock, lies in the season; it may run over the new year."""
        today = (local.month, local.day)
        if self.first <= self.last:
            return self.first <= today <= self.last
        return today >= self.first or today <= self.last

    def __str__(self) -> str:
        return f"{self.first[0]:02}-{self.first[1]:02}..{self.last[0]:02}-{self.last[1]:02}"


class Hours(_Period, frozen=True):
    """Some hours of every day, from the first minute until before the last; they may run over midnight."""

    begin: tuple[int, int]
    end: tuple[int, int]

    def holds(self, local: datetime) -> bool:
        """Whether an instant, by the district's clock, lies in these hours."""
        now = (local.hour, local.minute)
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end

    def __str__(self) -> str:
        return f"{self.begin[0]:02}:{self.begin[1]:02}..{self.end[0]:02}:{self.end[1]:02}"


class Dates(_Period, frozen=True):
    """Some dates, first and last included; None is open. The validity of a table."""

    first: date | None
    last: date | None

    def holds(self, local: datetime) -> bool:
        """Whether an instant, by the district's clock, lies in these dates."""
        today = local.date()
        return (self.first is None or self.first <= today) and (self.last is None or today <= self.last)

    def __str__(self) -> str:
        return f"{self.first or ''}..{self.last or ''}"


AnySeason = Season | Hours | Dates


def combinations(seasons: Mapping[str, AnySeason], relevant: Collection[str]) -> set[frozenset[str]]:
    """Every set of ``relevant`` seasons that may hold together at some instant."""
    chosen = {name: seasons[name] for name in relevant}
    kinds = (
        {name: each for name, each in chosen.items() if isinstance(each, kind)}
        for kind in (Season, Hours, Dates)
    )
    parts = [
        {frozenset(name for name in part if part[name].holds(local)) for local in _instants(part)}
        for part in kinds
    ]
    return {frozenset().union(*part) for part in product(*parts)}


def _instants(seasons: Mapping[str, AnySeason]) -> Iterator[datetime]:
    """Instants that tell the sets of these seasons apart."""
    new_year = datetime(_LEAP_YEAR, 1, 1)  # noqa: DTZ001  (by the district's clock)
    if any(isinstance(each, Season) for each in seasons.values()):
        yield from (new_year + timedelta(days=day) for day in range(366))
        return
    yield new_year
    for each in seasons.values():
        if isinstance(each, Hours):
            yield from (datetime.combine(new_year, time(*edge)) for edge in (each.begin, each.end))
        elif isinstance(each, Dates):
            edges = (each.first, each.last, each.last and each.last + timedelta(days=1))
            yield from (datetime.combine(edge, time()) for edge in edges if edge is not None)


def _season(value: Any) -> Any:
    if isinstance(value, AnySeason):
        return value
    text = value if isinstance(value, str) else ""
    if match := _HOURS.fullmatch(text):
        hours = Hours((int(match[1]), int(match[2])), (int(match[3]), int(match[4])))
        if hours.begin != hours.end:
            return hours
    elif match := _DAYS.fullmatch(text):
        return _days((int(match[1]), int(match[2])), (int(match[3]), int(match[4])))
    elif (match := _DATES.fullmatch(text)) and (match[1] or match[2]):
        return _dates(match[1], match[2])
    raise SpecError(
        Text(f"{value!r} is no season", f"{value!r} 不是时段"),
        Text(
            "write its first and last day, month first: 04-15..10-15; hours: 22:00..06:00; "
            "or dates: 2026-03-01..2030-12-31",
            "请写起止日期，月在前：04-15..10-15；钟点：22:00..06:00；或日期：2026-03-01..2030-12-31",
        ),
        code="bad-season",
    )


def _days(first: tuple[int, int], last: tuple[int, int]) -> Season:
    for month, day in (first, last):
        longest = calendar.monthrange(_LEAP_YEAR, month)[1]
        if day > longest:
            raise SpecError(
                Text(f"month {month} has no day {day}", f"{month} 月没有 {day} 日"),
                Text(f"its last day is {longest}", f"该月最后一天是 {longest} 日"),
                code="bad-season",
            )
    return Season(first, last)


def _dates(first: str | None, last: str | None) -> Dates:
    try:
        dates = Dates(
            date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None
        )
    except ValueError as exc:
        raise SpecError(
            Text(f"no such date: {exc}", f"没有这个日期：{first or ''}..{last or ''}"),
            Text("write year, month and day: 2026-03-01", "请写年月日：2026-03-01"),
            code="bad-season",
        ) from exc
    if dates.first is not None and dates.last is not None and dates.last < dates.first:
        raise SpecError(
            Text(f"{last} lies before {first}", f"{last} 早于 {first}"),
            Text("write the earlier date first", "请把较早的日期写在前面"),
            code="bad-season",
        )
    return dates


SeasonText = Annotated[
    AnySeason,
    BeforeValidator(_season),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({_DAYS.pattern}|{_HOURS.pattern}|{_DATES.pattern})$",
            "examples": ["04-15..10-15", "22:00..06:00", "2026-03-01..2030-12-31"],
        }
    ),
]
