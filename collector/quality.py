"""The data-quality report: how complete and how good a day of a site was, point by point."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from collector.clean import Nature, nature_of
from collector.store import Correction, Row, Store
from district.inventory import District
from transport.measurement import to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class PointDay:
    """One point's day so far, as counts of rows."""

    device: str
    point: str
    due: int  # intervals, or heartbeats where a point is reported by exception
    heard: int  # of those, with at least one value that is not bad
    good: int
    uncertain: int
    bad: int
    corrections: Mapping[str, int]  # by method

    @property
    def completeness(self) -> float:
        """The share of the due intervals in which something usable was heard; 1 if none was due yet."""
        return self.heard / self.due if self.due else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDay:
    """One site's day: every point counts alike, for a site is as good as its readings."""

    site: str
    day: date
    points: tuple[PointDay, ...]

    @property
    def completeness(self) -> float:
        """The mean of the points'."""
        return sum(point.completeness for point in self.points) / len(self.points)

    @property
    def good_share(self) -> float:
        """The share of good rows; 1 if there are none, for then completeness says it."""
        rows = sum(point.good + point.uncertain + point.bad for point in self.points)
        return sum(point.good for point in self.points) / rows if rows else 1.0

    @property
    def corrections(self) -> Counter[str]:
        """How many of each method."""
        total: Counter[str] = Counter()
        for point in self.points:
            total.update(point.corrections)
        return total


def day_bounds_ms(day: date, district: District) -> tuple[int, int]:
    """A day of the district's zone as instants: its first, and the next day's first."""
    midnights = (datetime.combine(day + timedelta(n), time(), district.timezone) for n in (0, 1))
    first, last = map(to_ms, midnights)
    return first, last


def judge(
    device: str,
    nature: Nature,
    rows: Sequence[Row],
    corrections: Sequence[Correction],
    span_ms: tuple[int, int],
) -> PointDay:
    """Count one point's rows between two instants."""
    start_ms, end_ms = span_ms
    due = max(0, end_ms - start_ms) // nature.interval_ms
    usable = [row for row in rows if not row.quality.is_bad]
    heard = {(row.at_ms - start_ms) // nature.interval_ms for row in usable}
    good = sum(row.quality.is_good for row in usable)
    return PointDay(
        device=device,
        point=nature.point,
        due=due,
        heard=sum(interval < due for interval in heard),
        good=good,
        uncertain=len(usable) - good,
        bad=len(rows) - len(usable),
        corrections=Counter(correction.method.value for correction in corrections),
    )


async def quality_of(store: Store, district: District, day: date, *, now_ms: int) -> list[SiteDay]:
    """Every site's day, as far as it has gone.

    Raises:
        StoreDownError: A later attempt may succeed.
        StoreRefusedError: The store answers no questions.
    """
    start_ms, end_ms = day_bounds_ms(day, district)
    span_ms = (start_ms, min(end_ms, max(now_ms, start_ms)))
    days: list[SiteDay] = []
    for site in district.sites:
        points = [
            judge(
                device.id,
                nature_of(device, point),
                await store.history(device.id, point.id, *span_ms),
                await store.corrections(device.id, point.id, start_ms, end_ms),
                span_ms,
            )
            for device in district.site_devices(site)
            for point in device.points.values()
        ]
        if points:
            days.append(SiteDay(site=site, day=day, points=tuple(points)))
    return days
