from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely.geometry import Point as ShapelyPoint
from shapely.geometry import Polygon as ShapelyPolygon

from district.bus import Hj212TcpBus, HostPort, ModbusRtuBus
from district.fields import Names
from district.grid import inside
from district.inventory import CodeSource, District, RegisterSource
from district.load import load_district
from tests.district.districts import DEMO, changed_demo


@pytest.fixture(scope="module")
def demo() -> District:
    return load_district(DEMO)


def test_the_district_knows_its_time_and_its_root(demo: District) -> None:
    assert demo.timezone == ZoneInfo("Asia/Shanghai")
    assert demo.areas[demo.root_area].parent is None


def test_an_area_lies_in_village_town_and_district(demo: District) -> None:
    assert demo.area_chain("xiaxi-1") == ("xiaxi-1", "xiaxi-village", "qingshan-town", "linjiang")


def test_areas_lie_in_their_parents_and_cells_beside_each_other(demo: District) -> None:
    shapes = {name: ShapelyPolygon(area.polygon[0], area.polygon[1:]) for name, area in demo.areas.items()}
    cells = [name for name, area in demo.areas.items() if area.rank == "cell"]

    assert all(shape.is_valid for shape in shapes.values())
    for name, area in demo.areas.items():
        if area.parent is not None:
            assert shapes[area.parent].buffer(1e-9).contains(shapes[name])
    for cell in cells:
        assert all(shapes[cell].intersection(shapes[other]).area < 1e-12 for other in cells if other != cell)


def test_a_printed_register_address_is_one_more_than_the_wires(demo: District) -> None:
    level = demo.devices["river-01-level"].points["level"].source

    assert level == RegisterSource(
        table="holding", addr=0, type="u16", order="ABCD", words=1, scale=0.001, offset=0.0
    )


def test_a_stations_points_are_found_by_their_codes(demo: District) -> None:
    station = demo.devices["con-05-dust"]

    assert station.mn == "Y330100_0005"
    assert station.unit is None
    assert station.accept_flags == ("N",)
    assert station.points["noise"].source == CodeSource(code="LA", scale=1.0, offset=0.0)


def test_buses_keep_what_people_wrote(demo: District) -> None:
    line = demo.gateways["gw-qingshan"].buses["dam-485"]
    net = demo.gateways["gw-city"].buses["site-net"]

    assert isinstance(line, ModbusRtuBus)
    assert str(line.line) == "9600-8N1"
    assert line.line.char_s == pytest.approx(10 / 9600)
    assert isinstance(net, Hj212TcpBus)
    assert net.listen == HostPort(host="192.0.2.1", port=9212)


def test_ipv6_endpoints_lose_their_brackets_and_get_them_back(tmp_path: Path) -> None:
    district = load_district(changed_demo(tmp_path, ('"192.0.2.1:9212"', '"[2001:db8::1]:9212"')))
    net = district.gateways["gw-city"].buses["site-net"]

    assert isinstance(net, Hj212TcpBus)
    assert net.listen.host == "2001:db8::1"
    assert str(net.listen) == "[2001:db8::1]:9212"


def test_a_device_is_stale_after_three_intervals(demo: District) -> None:
    assert demo.devices["river-01-level"].stale_after == timedelta(minutes=15)
    assert demo.devices["res-01-level"].stale_after == timedelta(minutes=6)


def test_a_device_that_reports_only_by_exception_is_stale_after_three_heartbeats(tmp_path: Path) -> None:
    counter = '      answers: {table: input, addr: 2, type: u32, unit: "1", as: counter}\n'
    district = load_district(changed_demo(tmp_path, (counter, "")))

    assert district.devices["res-01-level"].stale_after == timedelta(minutes=30)


def test_a_datum_defaults_to_the_instruments_own_zero(demo: District) -> None:
    assert demo.devices["res-01-level"].datum_zero == 71.35
    assert demo.devices["air-03-station"].datum_zero == 0.0


def test_what_has_no_name_is_called_by_its_id(tmp_path: Path) -> None:
    district = load_district(
        changed_demo(tmp_path, ("    name: {zh: 下溪桥水位, en: Xiaxi bridge level}\n", ""))
    )

    assert district.devices["river-01-level"].name == Names(zh="river-01-level", en="river-01-level")


def test_sites_of_one_asset_are_found_together(tmp_path: Path) -> None:
    folder = changed_demo(tmp_path, ("    kind: weather\n", "    kind: weather\n    asset: res-01\n"))

    sites = load_district(folder).asset_sites("res-01")

    assert [site.id for site in sites] == ["res-01", "rain-02"]


def test_water_comes_from_every_site_above(tmp_path: Path) -> None:
    folder = changed_demo(
        tmp_path, ("    kind: reservoir\n", "    kind: reservoir\n    upstream: [rain-02]\n")
    )

    assert load_district(folder).upstream_sites("river-01") == {"res-01", "rain-02"}


def test_certificates_lie_in_the_district(tmp_path: Path) -> None:
    folder = changed_demo(tmp_path, ("  broker: auto", "  broker: mqtts://hub\n  tls: certs"))

    district = load_district(folder)

    assert district.tls == folder / "certs"
    assert district.broker is not None
    assert (district.broker.host, district.broker.port, district.broker.tls) == ("hub", 8883, True)


COORDINATES = st.integers(-8, 8).map(float)
CORNERS = st.tuples(COORDINATES, COORDINATES)


@given(
    corners=st.lists(CORNERS, min_size=3, max_size=7, unique=True), place=st.tuples(COORDINATES, COORDINATES)
)
def test_inside_agrees_with_a_geometry_library(
    corners: list[tuple[float, float]], place: tuple[float, float]
) -> None:
    polygon = ShapelyPolygon(corners)
    point = ShapelyPoint(place)
    assume(polygon.is_valid and polygon.boundary.distance(point) > 1e-6)

    assert inside(place, [[*corners, corners[0]]]) == polygon.contains(point)
