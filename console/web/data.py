"""Sharing data (共建共享共用): series, newest values, history, quality and catalogue, read-only, by area."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from io import StringIO
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from collector.catalogue import Entry, catalogue, two_sources
from collector.errors import CollectorError
from collector.quality import quality_of
from collector.store import Bucket, Row
from console.errors import AwayError, ConsoleError, NoSuchThingError
from console.gate import Visitor
from console.office import Office
from console.roles import Deed, Reach
from console.web.entrance import PROBLEMS, Needs, must_cover, office_of, stories_of
from district.findings import Text
from district.inventory import Device, Point
from transport.measurement import from_ms

router = APIRouter(prefix="/api/v1", tags=["data"], responses=PROBLEMS)

Sees = Annotated[Visitor, Depends(Needs(Deed.SEE))]
Ms = Annotated[int, Query(ge=0, le=253_402_300_800_000)]
_MOST_ROWS = 20_000
_MOST_BUCKETS = 5000
_HOUR_MS = 3_600_000


class SeriesOut(BaseModel):
    """One quantity that is measured: what, where, by what, since when, how often and how well."""

    area: str
    site: str
    kind: str
    asset: str
    device: str
    point: str
    unit: str
    instrument: str
    gateway: str
    every_s: float
    by_exception: bool
    since_ms: int | None
    newest_ms: int | None
    newest_quality: str | None


class SeriesPage(BaseModel):
    """A page of series; ``next`` is where the next one begins."""

    series: list[SeriesOut]
    next: int | None


class TwoSourcesOut(BaseModel):
    """Two instruments that say the same quantity of one site."""

    site: str
    point: str
    unit: str
    first: str
    second: str


class CatalogueOut(BaseModel):
    """The resource catalogue."""

    series: list[SeriesOut]
    two_sources: list[TwoSourcesOut]


class LatestOut(BaseModel):
    """The newest value of one series, above the device's datum."""

    site: str
    device: str
    point: str
    unit: str
    at_ms: int
    value: float | None
    quality: str


class LatestPage(BaseModel):
    """Newest values."""

    now_ms: int
    latest: list[LatestOut]


class HistoryOut(BaseModel):
    """Rows (at_ms, value, quality) or, with a step, buckets (start_ms, samples, mean, low, high)."""

    device: str
    point: str
    unit: str
    zero: float
    rows: list[tuple[int, float | None, str]] | None = None
    buckets: list[tuple[int, int, float, float, float]] | None = None
    next: int | None = None


class PointDayOut(BaseModel):
    """One point's day."""

    device: str
    point: str
    due: int
    heard: int
    good: int
    uncertain: int
    bad: int
    completeness: float


class SiteDayOut(BaseModel):
    """One site's day."""

    site: str
    completeness: float
    good_share: float
    corrections: dict[str, int]
    points: list[PointDayOut]


class QualityOut(BaseModel):
    """The data-quality report of one day."""

    day: date
    sites: list[SiteDayOut]


@router.get("/series")
async def series(
    request: Request,
    visitor: Sees,
    site: str | None = None,
    start: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> SeriesPage:
    """The series within reach, in pages."""
    entries = [one for one in await _catalogue(request, visitor.reach) if site in (None, one.site)]
    page = entries[start : start + limit]
    more = start + limit < len(entries)
    return SeriesPage(series=[_series(one) for one in page], next=start + limit if more else None)


@router.get("/catalogue")
async def read_catalogue(request: Request, visitor: Sees) -> CatalogueOut:
    """The resource catalogue (资源目录), and quantities that have two sources."""
    entries = await _catalogue(request, visitor.reach)
    return CatalogueOut(
        series=[_series(one) for one in entries],
        two_sources=[
            TwoSourcesOut(site=one.site, point=one.point, unit=one.unit, first=one.first, second=one.second)
            for one in two_sources(entries)
        ],
    )


@router.get("/latest")
async def latest(
    request: Request, visitor: Sees, site: str | None = None, area: str | None = None
) -> LatestPage:
    """The newest value of every series within reach."""
    office = office_of(request)
    inner = Reach(office.district, [area]) if area is not None else None
    found = []
    for device, point in office.district.device_points():
        sample = office.newest.values(device.id).get(point.id)
        wanted = site in (None, device.site) and (inner is None or inner.covers_site(device.site))
        if sample is not None and wanted and visitor.reach.covers_site(device.site):
            found.append(
                LatestOut(
                    site=device.site,
                    device=device.id,
                    point=point.id,
                    unit=point.unit,
                    at_ms=sample.at_ms,
                    value=_above(sample.value, _zero(device, point)),
                    quality=sample.quality.value,
                )
            )
    return LatestPage(now_ms=office.clock.now_ms(), latest=found)


@router.get("/series/{device}/{point}/limits")
async def limits(device: str, point: str, request: Request, visitor: Sees) -> dict[str, Any]:
    """The limits that hold for a series now."""
    find_series(office_of(request), visitor.reach, device, point)
    people = stories_of(request)
    return {**people.plot(device, point), "limits": people.limits_of(device, point)}


@router.get(
    "/series/{device}/{point}/history",
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def history(  # noqa: PLR0917  (the framework gives them by name)
    device: str,
    point: str,
    request: Request,
    visitor: Sees,
    from_ms: Ms | None = None,
    to_ms: Ms | None = None,
    step_s: Annotated[int | None, Query(ge=1, le=366 * 86_400)] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_ROWS)] = 5000,
    form: Literal["json", "csv"] = "json",
) -> HistoryOut:
    """What one point measured, above its datum; the last day unless a span is given, by ``step_s`` in sums.

    A page has ``limit`` rows; ``next`` is the ``from_ms`` of the one that follows. CSV is one page too.
    """
    office = office_of(request)
    known, spec = find_series(office, visitor.reach, device, point)
    end_ms = office.clock.now_ms() + 1 if to_ms is None else to_ms
    start_ms = max(0, end_ms - 24 * _HOUR_MS) if from_ms is None else from_ms
    if start_ms >= end_ms:
        raise ConsoleError(Text("from_ms must come before to_ms", "from_ms 必须早于 to_ms"))
    zero = _zero(known, spec)
    try:
        if step_s is not None:
            if (end_ms - start_ms) / (step_s * 1000) > _MOST_BUCKETS:
                raise ConsoleError(
                    Text(
                        f"more than {_MOST_BUCKETS} steps: give a longer one",
                        f"步数超过 {_MOST_BUCKETS}，请增大步长",
                    )
                )
            buckets = await office.store.aggregate(device, point, start_ms, end_ms, step_s * 1000)
            answer = HistoryOut(
                device=device, point=point, unit=spec.unit, zero=zero, buckets=_buckets(buckets, zero)
            )
        else:
            rows = await office.store.history(device, point, start_ms, end_ms)
            more = rows[limit].at_ms if len(rows) > limit else None
            answer = HistoryOut(
                device=device,
                point=point,
                unit=spec.unit,
                zero=zero,
                rows=_rows(rows[:limit], zero),
                next=more,
            )
    except CollectorError as exc:
        raise _away(exc) from exc
    return _csv(answer) if form == "csv" else answer  # type: ignore[return-value]  # the schema names both


@router.get("/quality")
async def quality(request: Request, visitor: Sees, day: date | None = None) -> QualityOut:
    """The data-quality report of a day of the district; today unless one is given."""
    office = office_of(request)
    now_ms = office.clock.now_ms()
    asked = day or from_ms_day(office, now_ms)
    try:
        days = await quality_of(office.store, office.district, asked, now_ms=now_ms)
    except CollectorError as exc:
        raise _away(exc) from exc
    except (OverflowError, ValueError) as exc:
        raise ConsoleError(
            Text(f"{asked} is no day that was ever measured", f"{asked} 不是有效日期")
        ) from exc
    return QualityOut(
        day=asked,
        sites=[
            SiteDayOut(
                site=one.site,
                completeness=one.completeness,
                good_share=one.good_share,
                corrections=dict(one.corrections),
                points=[
                    PointDayOut(
                        device=each.device,
                        point=each.point,
                        due=each.due,
                        heard=each.heard,
                        good=each.good,
                        uncertain=each.uncertain,
                        bad=each.bad,
                        completeness=each.completeness,
                    )
                    for each in one.points
                ],
            )
            for one in days
            if visitor.reach.covers_site(one.site)
        ],
    )


def from_ms_day(office: Office, at_ms: int) -> date:
    """The day of an instant by the district's clock."""
    return from_ms(at_ms).astimezone(office.district.timezone).date()


async def _catalogue(request: Request, reach: Reach) -> list[Entry]:
    office = office_of(request)
    try:
        entries = catalogue(office.district, await office.store.earliest(), await office.store.latest())
    except CollectorError as exc:
        raise _away(exc) from exc
    return [one for one in entries if reach.covers_site(one.site)]


def _series(entry: Entry) -> SeriesOut:
    return SeriesOut(
        area=entry.area,
        site=entry.site,
        kind=entry.kind,
        asset=entry.asset,
        device=entry.device,
        point=entry.point,
        unit=entry.unit,
        instrument=entry.instrument,
        gateway=entry.gateway,
        every_s=entry.every_s,
        by_exception=entry.by_exception,
        since_ms=entry.since_ms,
        newest_ms=entry.newest_ms,
        newest_quality=entry.newest_quality.value if entry.newest_quality else None,
    )


def find_series(office: Office, reach: Reach, device: str, point: str) -> tuple[Device, Point]:
    """A point of a device within reach.

    Raises:
        NoSuchThingError: There is none.
    """
    must_cover(reach.covers_device(device), device)
    known = office.district.devices.get(device) or office.district.disabled[device]
    if point not in known.points:
        raise NoSuchThingError(Text(f"{device} has no point {point!r}", f"{device} 没有测点 {point!r}"))
    return known, known.points[point]


def _zero(device: Device, point: Point) -> float:
    return 0.0 if point.counter else device.datum_zero


def _above(value: float | None, zero: float) -> float | None:
    return None if value is None else round(value + zero, 6)


def _rows(rows: Sequence[Row], zero: float) -> list[tuple[int, float | None, str]]:
    return [(row.at_ms, _above(row.value, zero), row.quality.value) for row in rows]


def _buckets(buckets: Sequence[Bucket], zero: float) -> list[tuple[int, int, float, float, float]]:
    return [
        (one.start_ms, one.samples, round(one.mean + zero, 6), one.low + zero, one.high + zero)
        for one in buckets
    ]


def _away(exc: CollectorError) -> AwayError:
    return AwayError(Text(f"the store does not answer: {exc}", "数据库无应答，请稍后再试"))


def _csv(answer: HistoryOut) -> Response:
    """A spreadsheet's rows, instants in UTC; the mark in front lets Excel read Chinese."""
    heading: tuple[str, ...]
    if answer.buckets is not None:
        heading = ("start", "samples", f"mean_{answer.unit}", "low", "high")
        lines: Iterator[tuple[object, ...]] = ((_iso(at_ms), *rest) for at_ms, *rest in answer.buckets)
    else:
        heading = ("taken_at", f"value_{answer.unit}", "quality")
        lines = ((_iso(at_ms), *rest) for at_ms, *rest in answer.rows or ())
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(heading)
    writer.writerows(lines)
    name = f"{answer.device}-{answer.point}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    if answer.next is not None:
        headers["x-next-from-ms"] = str(answer.next)
    return StreamingResponse(iter(["\ufeff", text.getvalue()]), media_type="text/csv", headers=headers)


def _iso(at_ms: int) -> str:
    return from_ms(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
