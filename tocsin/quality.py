"""The data-quality report and the cleaning before it, for people and for programs."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from html import escape
from io import StringIO

import msgspec
from rich.console import Console
from rich.table import Table

from collector.clean import clean, nature_of
from collector.errors import CollectorError
from collector.quality import SiteDay, day_bounds_ms, quality_of
from collector.store import Store
from collector.stores import open_store
from district.inventory import District
from district.load import load_district
from tocsin.errors import TocsinError
from tocsin.page import page
from tocsin.wiring import Surroundings
from transport.measurement import from_ms

_AROUND_MS = 3600_000  # what lies beside a day helps to judge its first and last rows


def days_until(at: Surroundings, last: datetime | None, count: int) -> list[date]:
    """The days asked for, in the district's zone, the newest last; by default they end today."""
    zone = load_district(at.district).timezone
    newest = last.date() if last else from_ms(at.clock.now_ms()).astimezone(zone).date()
    return [newest - timedelta(days=number) for number in reversed(range(count))]


async def clean_days(at: Surroundings, days: Sequence[date]) -> int:
    """Find corrections for some days and keep them beside the raw values; how many there are.

    Raises:
        TocsinError: The store cannot be read or written.
    """
    district = load_district(at.district)
    try:
        async with open_store(district.store, district=district, state_dir=at.state_of("collector")) as store:
            return sum([await _clean_day(store, district, day) for day in days])
    except CollectorError as exc:
        raise TocsinError(str(exc)) from exc


async def _clean_day(store: Store, district: District, day: date) -> int:
    start_ms, end_ms = day_bounds_ms(day, district)
    count = 0
    for device, point in district.device_points():
        rows = await store.history(device.id, point.id, start_ms - _AROUND_MS, end_ms + _AROUND_MS)
        found = [one for one in clean(rows, nature_of(device, point)) if start_ms <= one.at_ms < end_ms]
        if found:
            await store.correct(device.id, point.id, found)
            count += len(found)
    return count


async def quality_days(at: Surroundings, days: Sequence[date]) -> list[SiteDay]:
    """The report of some days.

    Raises:
        TocsinError: The store cannot be read.
    """
    district = load_district(at.district)
    try:
        async with open_store(district.store, district=district, state_dir=at.state_of("collector")) as store:
            found = [await quality_of(store, district, day, now_ms=at.clock.now_ms()) for day in days]
    except CollectorError as exc:
        raise TocsinError(str(exc)) from exc
    return [site for day in found for site in day]


def quality_json(days: Sequence[SiteDay]) -> str:
    """The report for programs."""
    return msgspec.json.encode(
        [
            {
                "day": one.day,
                "site": one.site,
                "completeness": round(one.completeness, 4),
                "good_share": round(one.good_share, 4),
                "corrections": dict(one.corrections),
                "points": [
                    {**msgspec.to_builtins(point), "completeness": round(point.completeness, 4)}
                    for point in one.points
                ],
            }
            for one in days
        ]
    ).decode()


def quality_table(days: Sequence[SiteDay]) -> str:
    """The report for a terminal."""
    table = Table("day", "site", "complete", "good", "corrections")
    for row in _cells(days):
        table.add_row(*row)
    text = StringIO()
    Console(file=text, width=110).print(table)
    return text.getvalue().rstrip()


def quality_html(days: Sequence[SiteDay]) -> str:
    """The report as one page that needs nothing else."""
    head = "<tr><th>day<th>site<th>complete<th>good<th>corrections"
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}' for cell in row)}\n" for row in _cells(days))
    return page("Data quality", f"<table>{head}\n{rows}</table>")


def _cells(days: Sequence[SiteDay]) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            one.day.isoformat(),
            one.site,
            f"{one.completeness:.1%}",
            f"{one.good_share:.1%}",
            ", ".join(f"{method} {count}" for method, count in sorted(one.corrections.items())),
        )
        for one in days
    ]
