"""The file areas.geojson as people draw it: the district's grid of responsibility."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from district.fields import Lat, Lon, Names, Slug, Spec
from district.findings import SpecError, Text

Rank = Literal["district", "town", "village", "cell"]
RANKS: tuple[Rank, ...] = ("district", "town", "village", "cell")

_SHORTEST_RING = 4


def _ring(ring: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    if ring[0] != ring[-1]:
        first = list(ring[0])
        raise SpecError(
            Text("the ring is not closed", "环没有闭合"),
            Text(f"end it with its first position, {first}", f"请以第一个点 {first} 结尾"),
            code="open-ring",
            at=len(ring) - 1,
        )
    return ring


Ring = Annotated[tuple[tuple[Lon, Lat], ...], Field(min_length=_SHORTEST_RING), AfterValidator(_ring)]


class _GeoJson(Spec):
    model_config = ConfigDict(extra="ignore")  # RFC 7946 §6.1: drawing programs add members of their own


class Polygon(_GeoJson):
    """One outer ring and its holes."""

    type: Literal["Polygon"]
    coordinates: tuple[Ring, ...] = Field(min_length=1)


class AreaProperties(_GeoJson):
    """What we need to know about an area besides its shape."""

    id: Slug
    rank: Rank
    parent: Slug | None = Field(description="The area of the next higher rank; null for the district.")
    name: Names


class AreaFeature(_GeoJson):
    """One area."""

    type: Literal["Feature"]
    properties: AreaProperties
    geometry: Polygon


class AreasFile(_GeoJson):
    """areas.geojson."""

    type: Literal["FeatureCollection"]
    features: tuple[AreaFeature, ...] = Field(min_length=1)
