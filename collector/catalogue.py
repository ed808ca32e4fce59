"""The catalogue: what is measured where, in which unit, by what, since when, how often, and how well."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from district.inventory import District
from transport.batch import Sample
from transport.measurement import Quality

_COUNTS_ITSELF = "1"  # the unit of what an instrument says of itself, such as its answers so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One quantity that is measured."""

    area: str
    site: str
    kind: str
    asset: str
    device: str
    point: str
    unit: str
    instrument: str  # its profile
    gateway: str
    every_s: float
    by_exception: bool
    since_ms: int | None  # None: nothing is stored yet
    newest_ms: int | None
    newest_quality: Quality | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSources:
    """Two instruments that say the same quantity of one site, though each quantity shall have one source."""

    site: str
    point: str
    unit: str
    first: str
    second: str


def catalogue(district: District, earliest: Iterable[Sample], latest: Iterable[Sample]) -> list[Entry]:
    """An entry for every point of every device in use, by area, site, device and point."""
    oldest = {(sample.device, sample.point): sample for sample in earliest}
    newest = {(sample.device, sample.point): sample for sample in latest}
    entries: list[Entry] = []
    for device, point in district.device_points():
        site, key = district.sites[device.site], (device.id, point.id)
        since, last = oldest.get(key), newest.get(key)
        entries.append(
            Entry(
                area=site.area,
                site=site.id,
                kind=site.kind,
                asset=site.asset,
                device=device.id,
                point=point.id,
                unit=point.unit,
                instrument=device.profile,
                gateway=device.gateway,
                every_s=device.interval.total_seconds(),
                by_exception=point.by_exception,
                since_ms=since.at_ms if since else None,
                newest_ms=last.at_ms if last else None,
                newest_quality=last.quality if last else None,
            )
        )
    return sorted(entries, key=lambda entry: (entry.area, entry.site, entry.device, entry.point))


def two_sources(entries: Sequence[Entry]) -> list[TwoSources]:
    """Every pair of instruments that measure one quantity of one site.

    Two gauges on purpose are two sites that share an asset; what an instrument counts of itself is its own.
    """
    quantities: dict[tuple[str, str, str], list[str]] = {}
    for entry in entries:
        if entry.unit != _COUNTS_ITSELF:
            quantities.setdefault((entry.site, entry.point, entry.unit), []).append(entry.device)
    return [
        TwoSources(site=site, point=point, unit=unit, first=first, second=second)
        for (site, point, unit), devices in quantities.items()
        for first, second in combinations(devices, 2)
    ]
