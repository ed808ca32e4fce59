"""Places: to a schema polygons and circles are plain text, so all that can be wrong is checked here."""

import re
from collections.abc import Iterator, Sequence
from math import isfinite

import shapely

from alerting.capcheck.reading import Element
from district.findings import Finding, Text

LatLon = tuple[float, float]

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_FEWEST = 4  # pairs of a closed ring
_FEWEST_DECIMALS = 3  # two would be a kilometre
_HIGHEST_LAT, _HIGHEST_LON = 90.0, 180.0

_PAIRS = Text("write latitude,longitude with a blank between pairs", "请写 纬度,经度，各点之间用空格分开")


def check_areas(info: Element) -> Iterator[Finding]:
    """What cannot be right about an info block's areas."""
    for area in info.all("area"):
        for polygon in area.all("polygon"):
            if polygon.text.strip():  # an empty one is advised against, for it does no harm
                yield from _check_polygon(polygon)
        for circle in area.all("circle"):
            yield from _check_circle(circle)
        yield from _check_heights(area)


def advise_areas(info: Element) -> Iterator[Finding]:
    """What makes areas less useful than they could be."""
    for area in info.all("area"):
        for polygon in area.all("polygon"):
            if not polygon.text.strip():
                yield polygon.finding(
                    "empty-polygon",
                    Text("the polygon is empty", "多边形为空"),
                    Text("leave it out: it says nothing", "请删去，空多边形没有意义"),
                )
            elif _is_coarse(polygon.text.split()):
                yield polygon.value_finding(
                    "coarse-polygon",
                    Text("no corner has more than two decimals", "所有顶点都不超过两位小数"),
                    Text(
                        "give five or six: two decimals are a kilometre",
                        "请保留五到六位：两位小数误差约一公里",
                    ),
                )


def _check_polygon(polygon: Element) -> Iterator[Finding]:
    corners = _read_corners(polygon.text.split())
    if corners is None:
        yield polygon.value_finding(
            "polygon-syntax", Text("this is no list of pairs", "不是坐标对的列表"), _PAIRS
        )
        return
    if len(corners) < _FEWEST:
        yield polygon.value_finding(
            "polygon-too-short",
            Text(f"{len(corners)} pairs make no polygon", f"{len(corners)} 个坐标对不成多边形"),
            Text("give at least four, the last as the first", "至少四个，首尾相同"),
        )
        return
    wrong = _out_of_range(polygon, corners)
    if wrong is not None:
        yield wrong
    elif corners[0] != corners[-1]:
        yield polygon.value_finding(
            "polygon-open",
            Text("the polygon is not closed", "多边形没有闭合"),
            Text("repeat the first pair at the end", "请在末尾重复第一个坐标对"),
        )
    elif not shapely.Polygon(corners).is_valid or not shapely.Polygon(corners).area:
        why = shapely.is_valid_reason(shapely.Polygon(corners))
        yield polygon.value_finding(
            "polygon-invalid",
            Text(f"the border crosses itself or holds no ground ({why})", f"边界自相交或没有面积（{why}）"),
            Text("go round the area once, in one direction", "请沿一个方向绕区域一周"),
        )


def _check_circle(circle: Element) -> Iterator[Finding]:
    words = circle.text.split()
    centre = _read_corners(words[:1])
    if len(words) != 2 or not centre or not _NUMBER.fullmatch(words[1]):  # noqa: PLR2004  (centre and radius)
        yield circle.value_finding(
            "circle-syntax",
            Text("this is no centre and radius", "不是圆心和半径"),
            Text("write latitude,longitude, a blank, and kilometres", "请写 纬度,经度，空格，再写公里数"),
        )
        return
    wrong = _out_of_range(circle, centre)
    if wrong is not None:
        yield wrong
    elif float(words[1]) <= 0:
        yield circle.value_finding(
            "circle-empty",
            Text("a circle without a radius holds nobody", "半径为零的圆不含任何人"),
            Text("give the radius in kilometres, more than 0", "请填写大于零的半径，单位为公里"),
        )


def _check_heights(area: Element) -> Iterator[Finding]:
    ceiling = area.one("ceiling")
    if ceiling is None:
        return
    altitude = area.one("altitude")
    if altitude is None:
        yield ceiling.finding(
            "ceiling-alone",
            Text("<ceiling> stands without <altitude>", "有 <ceiling> 而没有 <altitude>"),
            Text("add <altitude>, the lower end of the range", "请补上 <altitude>，即下限高度"),
        )
        return
    low, high = altitude.text.strip(), ceiling.text.strip()
    if _NUMBER.fullmatch(low) and _NUMBER.fullmatch(high) and float(high) < float(low):
        yield ceiling.value_finding(
            "ceiling-below-altitude",
            Text(f"the ceiling {high} lies below the altitude {low}", f"上限 {high} 低于下限 {low}"),
            Text("exchange them", "请对调"),
        )


def _read_corners(pairs: Sequence[str]) -> list[LatLon] | None:
    corners = []
    for pair in pairs:
        lat, _, lon = pair.partition(",")
        if not _NUMBER.fullmatch(lat) or not _NUMBER.fullmatch(lon):
            return None
        corners.append((float(lat), float(lon)))
    return corners


def _out_of_range(element: Element, corners: Sequence[LatLon]) -> Finding | None:
    """Longitude and latitude exchanged are told as such: GeoJSON has them the other way round."""
    if all(_is_on_earth(*corner) for corner in corners):
        return None
    if all(_is_on_earth(lon, lat) for lat, lon in corners):
        return element.value_finding(
            "lon-lat-swapped",
            Text("longitude stands before latitude", "经度写在了纬度之前"),
            Text(
                "CAP wants latitude first, GeoJSON last: exchange them", "CAP 纬度在前，GeoJSON 相反：请对调"
            ),
        )
    return element.value_finding(
        "not-on-earth",
        Text("a pair lies outside the Earth's latitudes and longitudes", "有坐标超出经纬度范围"),
        Text("latitudes run from -90 to 90, longitudes from -180 to 180", "纬度 -90 至 90，经度 -180 至 180"),
    )


def _is_on_earth(lat: float, lon: float) -> bool:
    return isfinite(lat) and abs(lat) <= _HIGHEST_LAT and abs(lon) <= _HIGHEST_LON


def _is_coarse(pairs: Sequence[str]) -> bool:
    numbers = [number for pair in pairs for number in pair.split(",")]
    return all(len(number.partition(".")[2]) < _FEWEST_DECIMALS for number in numbers)
