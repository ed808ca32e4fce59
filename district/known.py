"""Every id that the files name, even in blocks that hold a mistake: what a reference may mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from district.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The ids as written; None where the file could not be read, so that nothing can be said about them."""

    gateways: frozenset[str] | None
    sites: frozenset[str] | None
    site_kinds: frozenset[str] | None
    devices: frozenset[str] | None
    points: frozenset[str] | None
    areas: frozenset[str] | None


def known_ids(devices: Document | None, areas: Document | None) -> Known:
    """What the two files name."""
    area_ids = None
    if areas is not None:
        area_ids = _words(row["id"] for _, row in area_rows(areas) if "id" in row)
    if devices is None:
        return Known(gateways=None, sites=None, site_kinds=None, devices=None, points=None, areas=area_ids)
    sites = devices.block("sites")
    return Known(
        gateways=_words(devices.block("gateways")),
        sites=_words(sites),
        site_kinds=_words(site.get("kind") for site in sites.values() if isinstance(site, Mapping)),
        devices=_words(row.get("id") for _, row in devices.rows("devices")),
        points=_words(_points(devices)),
        areas=area_ids,
    )


def area_rows(areas: Document) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    """The properties of each feature of areas.geojson, with the feature's index."""
    for index, feature in areas.rows("features"):
        properties = feature.get("properties")
        if isinstance(properties, Mapping):
            yield index, properties


def _points(devices: Document) -> Iterator[Any]:
    for name in devices.block("profiles"):
        yield from devices.block("profiles", name, "points")
        for code in devices.block("profiles", name, "codes"):
            yield devices.at("profiles", name, "codes", code, "point")


def _words(values: Any) -> frozenset[str]:
    return frozenset(value for value in values if isinstance(value, str))
