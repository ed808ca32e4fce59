"""Is the grid of responsibility whole: one district, areas in the next larger, sites in their cells?"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter, ValidationError

from district.areas import RANKS, Polygon
from district.document import Document
from district.fields import LonLat
from district.findings import Finding, Text, closest
from district.known import Known, area_rows
from district.references import given_twice, unknown

_AREA = Text("area", "区域")
_POLYGON = TypeAdapter(Polygon)
_PLACE: TypeAdapter[tuple[float, float]] = TypeAdapter(LonLat)
_RANK_NAMES = {"district": "区", "town": "镇街", "village": "村社区", "cell": "网格"}

Ring = Sequence[tuple[float, float]]


def check_grid(areas: Document, known: Known) -> Iterator[Finding]:
    """Every mistake between the areas themselves."""
    rows = list(area_rows(areas))
    yield from given_twice(
        areas,
        "duplicate-id",
        ((row["id"], ("features", index, "properties", "id")) for index, row in rows if "id" in row),
        Text("another area is called {}", "已有名为 {} 的区域"),
    )
    by_id = {row["id"]: row for _, row in reversed(rows) if isinstance(row.get("id"), str)}
    roots = [index for index, row in rows if row.get("rank") == "district"]
    if not roots and rows:
        yield areas.finding(
            "no-district",
            ("features",),
            Text("no area has the rank district", "没有级别为 district 的区域"),
            Text("draw the district itself too", "请画出本区自身的范围"),
        )
    for index in roots[1:]:
        yield areas.finding(
            "two-districts",
            ("features", index, "properties", "rank"),
            Text("a district is drawn already", "已有一个级别为 district 的区域"),
            Text(f"write one of: {', '.join(RANKS[1:])}", f"可以写：{'、'.join(RANKS[1:])}"),
        )
    for index, row in rows:
        yield from _parent(areas, index, row, by_id, known)


def _parent(
    areas: Document, index: int, row: Mapping[Any, Any], by_id: Mapping[str, Mapping[Any, Any]], known: Known
) -> Iterator[Finding]:
    here = ("features", index, "properties", "parent")
    rank, parent = row.get("rank"), row.get("parent")
    if rank not in RANKS or "parent" not in row:
        return  # the file's own check says so
    if rank == "district":
        if parent is not None:
            yield areas.finding(
                "wrong-parent",
                here,
                Text("nothing lies around the district", "区没有上级区域"),
                Text("write null", "请写 null"),
            )
        return
    wanted = RANKS[RANKS.index(rank) - 1]
    remedy = Text(f"name the {wanted} it lies in", f"请写它所在的{_RANK_NAMES[wanted]}（{wanted}）")
    if parent is None:
        what = Text(f"a {rank} lies in a {wanted}", f"{_RANK_NAMES[rank]}必须属于某个{_RANK_NAMES[wanted]}")
        yield areas.finding("wrong-parent", here, what, remedy)
        return
    yield from unknown(areas, here, _AREA, known.areas)
    around = by_id.get(parent) if isinstance(parent, str) else None
    if around is None or around.get("rank") == wanted or around.get("rank") not in RANKS:
        return
    if _in_ring(parent, by_id):
        what = Text(
            f"{row.get('id')!r} lies in itself by way of {parent!r}",
            f"{row.get('id')!r} 经由 {parent!r} 又回到自身",
        )
        yield areas.finding("area-ring", here, what, remedy)
    else:
        what = Text(
            f"{parent!r} is a {around['rank']}, a {rank} lies in a {wanted}",
            f"{parent!r} 的级别是 {around['rank']}，{rank} 的上级必须是 {wanted}",
        )
        yield areas.finding("wrong-parent", here, what, remedy)


def _in_ring(area: str, by_id: Mapping[str, Mapping[Any, Any]]) -> bool:
    """Whether the parents of ``area`` lead back to it."""
    passed: set[str] = set()
    step: Any = by_id[area].get("parent")
    while isinstance(step, str) and step in by_id and step not in passed:
        passed.add(step)
        step = by_id[step].get("parent")
    return area in passed


def check_places(devices: Document, areas: Document) -> Iterator[Finding]:
    """What devices.yaml says about areas, against what is drawn."""
    by_id = {row["id"]: (index, row) for index, row in area_rows(areas) if isinstance(row.get("id"), str)}
    yield from _root(devices, by_id)
    for name, site in devices.block("sites").items():
        area = site.get("area") if isinstance(site, Mapping) else None
        if not isinstance(area, str) or area not in by_id:
            continue
        index, row = by_id[area]
        if row.get("rank") in RANKS[:-1]:
            yield devices.finding(
                "wrong-rank",
                ("sites", name, "area"),
                Text(
                    f"{area!r} is a {row['rank']}: somebody answers for each cell",
                    f"{area!r} 的级别是 {row['rank']}：责任落实到网格",
                ),
                Text("name the cell that the site lies in", "请写监测点所在的网格（cell）"),
            )
        yield from _outside(devices, name, area, areas.at("features", index, "geometry"))


def _root(devices: Document, by_id: Mapping[str, tuple[int, Mapping[Any, Any]]]) -> Iterator[Finding]:
    own = devices.at("district", "id")
    roots = [name for name, (_, row) in by_id.items() if row.get("rank") == "district"]
    if isinstance(own, str) and roots and own not in roots:
        yield devices.finding(
            "unknown-area",
            ("district", "id"),
            Text(
                f"areas.geojson draws the district {roots[0]!r}, not {own!r}",
                f"areas.geojson 中的区是 {roots[0]!r}，不是 {own!r}",
            ),
            Text("use one id in both files", "两个文件请使用同一标识"),
            suggestion=closest(own, roots) or roots[0],
        )


def _outside(devices: Document, site: str, area: str, geometry: Any) -> Iterator[Finding]:
    try:
        place = _PLACE.validate_python(devices.at("sites", site, "at"))
        polygon = _POLYGON.validate_python(geometry)
    except ValidationError:
        return  # nothing written, or the file's own check says so
    if inside(place, polygon.coordinates):
        return
    swapped = inside((place[1], place[0]), polygon.coordinates)
    yield devices.finding(
        "outside-area",
        ("sites", site, "at"),
        Text(f"{list(place)} does not lie in {area!r}", f"{list(place)} 不在 {area!r} 之内"),
        Text("longitude comes first", "经度在前，纬度在后")
        if swapped
        else Text("correct the place or the area: [longitude, latitude]", "请改正位置或区域：[经度, 纬度]"),
    )


def inside(place: tuple[float, float], rings: Sequence[Ring]) -> bool:
    """Whether ``place`` lies in the polygon of ``rings``: the outer one, then its holes (even-odd rule)."""
    lon, lat = place
    crossings = 0
    for ring in rings:
        for (lon_a, lat_a), (lon_b, lat_b) in pairwise(ring):
            if (lat_a > lat) != (lat_b > lat):
                crossings += lon < lon_a + (lat - lat_a) / (lat_b - lat_a) * (lon_b - lon_a)
    return crossings % 2 == 1
