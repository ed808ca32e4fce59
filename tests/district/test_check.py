"""What check_district says of files with mistakes, beyond one at a time."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from district.document import read_document
from district.findings import Finding, InvalidFileError
from district.load import check_district, load_district
from district.mistakes import has
from tests.district.districts import AREAS, DEMO, DEVICES, changed_demo


def codes(findings: list[Finding]) -> list[str]:
    return sorted(finding.code for finding in findings)


def test_the_demo_district_holds_together() -> None:
    assert check_district(DEMO).findings == []


def test_independent_mistakes_are_reported_at_once_even_in_one_block(tmp_path: Path) -> None:
    folder = changed_demo(
        tmp_path,
        ("timezone: Asia/Shanghai", "timezone: Asia/Shanghia"),
        ("    bus: river-485\n    unit: 1\n", "    bus: river-458\n    unit: 300\n"),
        ("valid: [0, 12]", "valid: [12, 0]"),
        ("    area: zhongxin-1\n", "    area: zhongxin-9\n"),
        ("    kind: pipeline\n", "    kind: pipline\n"),
    )

    checked = check_district(folder)

    assert codes(checked.findings) == [
        "impossible-value",
        "inverted-range",
        "unknown-area",
        "unknown-bus",
        "wrong-value",
        "wrong-value",
    ]
    assert checked.district is None


def test_a_mistake_in_one_file_hides_none_in_the_other(tmp_path: Path) -> None:
    folder = changed_demo(tmp_path, ("  broker: auto", "  brokr: auto"))
    areas = (folder / AREAS).read_text(encoding="utf-8")
    (folder / AREAS).write_text(
        areas.replace('"parent": "chengbei"', '"parent": "chengbie"'), encoding="utf-8"
    )

    findings = check_district(folder).findings

    assert [(finding.place.file, finding.code, finding.suggestion) for finding in findings] == [
        (DEVICES, "unknown-key", "broker"),
        (AREAS, "unknown-area", "chengbei"),
    ]


def test_a_block_that_holds_a_mistake_still_gives_its_id(tmp_path: Path) -> None:
    folder = changed_demo(
        tmp_path, ("      crane-lan: {kind: modbus-tcp,", "      crane-lan: {kind: modbus-tpc,")
    )

    checked = check_district(folder)

    assert codes(checked.findings) == ["wrong-value"]
    assert "air-03" in (checked.known.sites or ())


def test_an_unreadable_file_makes_nothing_of_the_other_unknown(tmp_path: Path) -> None:
    folder = changed_demo(tmp_path)
    (folder / AREAS).unlink()

    checked = check_district(folder)

    assert codes(checked.findings) == ["unreadable"]
    assert checked.known.areas is None


def test_a_gateway_needs_no_areas(tmp_path: Path) -> None:
    folder = changed_demo(tmp_path)
    (folder / AREAS).unlink()

    district = load_district(folder, areas=False)

    assert district.root_area == "linjiang"
    assert district.areas == {}


def test_a_broken_district_does_not_load_and_says_all(tmp_path: Path) -> None:
    folder = changed_demo(tmp_path, ("version: 1", "version: 2"), ("    unit: 9\n", "    unit: 0\n"))

    with pytest.raises(InvalidFileError, match=r"devices\.yaml:3:10") as caught:
        load_district(folder)

    assert [finding.key for finding in caught.value.findings] == ["version", "devices.7.unit"]


@pytest.mark.parametrize(
    ("old", "new", "code", "key"),
    [
        ('    mn: "A110000_0003"', "    unit: 1", "unknown-key", "devices.5.expect"),
        ("    use: tower-crane", "    use: dust-hj212", "wrong-protocol", "devices.7.use"),
        ("upstream: [res-01]", "upstream: [river-01]", "upstream-ring", "sites.river-01.upstream.0"),
        ("a34002: {point: pm10, unit: ug/m3, valid: [0, 2000]}", "a34002: {point: pm25, unit: ug/m3}",
         "duplicate-id", "profiles.air-hj212.codes.a34002.point"),
        ("deadband: 0.005", "deadband: -0.005", "wrong-value", "profiles.radar-level.points.level.deadband"),
        ("        heartbeat: 10m\n", "", "impossible-value", "profiles.radar-level.points.level.deadband"),
        ("table: input, addr: 22,", "table: input, addr: 65535,", "impossible-value",
         "profiles.pipe-rtu.points.answers.addr"),
        ("table: input, addr: 22,", "table: input, addr: 65536,", "wrong-value",
         "profiles.pipe-rtu.points.answers.addr"),
        ("{table: input, addr: 22,", "{addr: 22,", "impossible-value",
         "profiles.pipe-rtu.points.answers.addr"),
        ("{table: input, addr: 22,", "{table: holding, manual: 30023,", "impossible-value",
         "profiles.pipe-rtu.points.answers.table"),
        ("{table: input, addr: 22,", "{table: coil, addr: 22,", "impossible-value",
         "profiles.pipe-rtu.points.answers.type"),
        ("max_words: 60", "max_words: 1", "too-wide", "gateways.gw-chengdong.buses.plc-lan.max_words"),
        ("usb-FTDI_FT232R_A1002-if00-port0", "usb-FTDI_FT232R_A1001-if00-port0", "duplicate-port",
         "gateways.gw-qingshan.buses.river-485.port"),
        ("    area: yunling-1", "    area: yunling-village", "wrong-rank", "sites.rain-02.area"),
        ("  id: linjiang\n", "  id: linjian\n", "unknown-area", "district.id"),
        ("  broker: auto", "  broker: mqtts://hub:8883", "impossible-value", "district.broker"),
        ("  broker: auto", "  broker: ftp://hub", "impossible-value", "district.broker"),
        ("    every: 2m\n    datum", "    every: 0s\n    datum", "impossible-value", "devices.0.every"),
        ("    every: 2m\n    datum", "    every: 120\n    datum", "impossible-value", "devices.0.every"),
        ("valid: [0, 4]", "valid: [0]", "missing-value", "profiles.pipe-rtu.points.pressure.valid.1"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_code_and_key(tmp_path: Path, old: str, new: str, code: str, key: str) -> None:
    findings = check_district(changed_demo(tmp_path, (old, new))).findings

    assert (code, key) in [(finding.code, finding.key) for finding in findings]


def test_two_stations_on_one_bus_need_two_numbers(tmp_path: Path) -> None:
    second = (
        "  - {id: con-06-dust, site: con-05, gateway: gw-city, bus: site-net, mn: Y330100_0005, "
        "use: dust-hj212, expect: 5m}\n\nsites:\n"
    )

    (finding,) = check_district(changed_demo(tmp_path, ("\nsites:\n", second))).findings

    assert (finding.code, finding.key) == ("duplicate-mn", "devices.8.mn")


def test_a_disabled_device_claims_no_unit_and_no_time(tmp_path: Path) -> None:
    spare = (
        "  - {id: spare, site: res-01, gateway: gw-qingshan, bus: dam-485, unit: 3, "
        "use: radar-level, every: 10ms, disabled: true}\n\nsites:\n"
    )

    checked = check_district(changed_demo(tmp_path, ("\nsites:\n", spare)))

    assert checked.findings == []
    assert checked.district is not None
    assert "spare" in checked.district.disabled
    assert "spare" not in checked.district.devices


def test_an_overloaded_bus_says_its_load(tmp_path: Path) -> None:
    folder = changed_demo(
        tmp_path, ("    use: river-level\n    every: 5m", "    use: river-level\n    every: 40ms")
    )

    (finding,) = check_district(folder).findings

    assert finding.code == "bus-overload"
    assert finding.key == "devices.2.every"
    assert "%" in finding.what.en
    assert "%" in finding.what.zh


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("broker: auto", "broker: mqtts://tocsin:hunter2@hub:8883"),
        ("broker: auto", "broker: hunter2"),
        ("store: {kind: sqlite}", "store: {kind: influx, url: 'http://a:hunter2@b', org: o, bucket: b}"),
        (
            "store: {kind: sqlite}",
            "store: {kind: influx, url: 'http://b', org: o, bucket: b, token: hunter2}",
        ),
        (
            "store: {kind: sqlite}",
            "store: {kind: influx, url: 'http://b', org: o, bucket: b, token_env: 'hunter2=='}",
        ),
        ('mn: "A110000_0003"', 'mn: "A110000_0003"\n    password_env: "hunter2!"'),
    ],
)
def test_no_message_shows_a_secret(tmp_path: Path, old: str, new: str) -> None:
    folder = changed_demo(tmp_path, (old, new))

    findings = check_district(folder).findings

    assert findings
    for finding in findings:
        assert "hunter2" not in "".join([*finding.what, *finding.remedy, finding.suggestion or ""])
    with pytest.raises(InvalidFileError) as caught:
        load_district(folder)
    assert "hunter2" not in str(caught.value)


def locations(node: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, child in items:
        yield (*here, step)
        yield from locations(child, (*here, step))


def put(node: Any, location: tuple[str | int, ...], value: object) -> None:
    """Write ``value`` at ``location``, unless an earlier change has taken that place away."""
    for step in location[:-1]:
        node = node[step] if has(node, step) else None
    if has(node, location[-1]):
        node[location[-1]] = value


WHOLE = {name: read_document(DEMO / name).data for name in (DEVICES, AREAS)}
PLACES = [(name, location) for name, data in WHOLE.items() for location in locations(data)]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-1, 70000)
    | st.floats(allow_nan=False)
    | st.text("abz-_9.: ", max_size=6)
    | st.sampled_from(["res-01", "linjiang", "dam-485", "cell", "mn", "unit"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "unit", "kind"]), inner)
    ),
    max_leaves=4,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.sampled_from(PLACES), min_size=1, max_size=3), value=VALUES)
def test_whatever_stands_in_a_file_the_check_ends_with_findings_inside_it(
    tmp_path: Path, places: list[tuple[str, tuple[str | int, ...]]], value: object
) -> None:
    whole = json.loads(json.dumps(WHOLE))
    for name, location in places:
        put(whole[name], location, deepcopy(value))
    for name, data in whole.items():
        (tmp_path / name).write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")

    checked = check_district(tmp_path)

    assert (checked.district is None) == bool(checked.findings)
    for finding in checked.findings:
        lines = (tmp_path / finding.place.file).read_text(encoding="utf-8").splitlines()
        assert finding.place.line <= len(lines)
        assert finding.place.column <= len(lines[finding.place.line - 1]) + 1
        assert all([finding.what.en, finding.what.zh, finding.remedy.en, finding.remedy.zh])


def test_a_siren_hangs_on_a_modbus_bus_and_is_sounded_by_its_name(tmp_path: Path) -> None:
    siren = (
        "    sirens: {roof: {bus: air-232, unit: 1, coil: 0}}\n    alone: [{levels: [red], sound: [rof]}]\n"
    )
    folder = changed_demo(tmp_path, ("  gw-city:\n", "  gw-city:\n" + siren))

    findings = check_district(folder).findings

    assert [(each.code, each.key) for each in findings] == [
        ("unknown-bus", "gateways.gw-city.sirens.roof.bus"),
        ("unknown-siren", "gateways.gw-city.alone.0.sound.0"),
    ]
    assert findings[1].suggestion == "roof"


def test_a_deadband_may_be_a_share_of_what_the_instrument_can_show(tmp_path: Path) -> None:
    banded = ("valid: [0, 12], max_step: 1}", "valid: [0, 12], max_step: 1, deadband: 0.05%, heartbeat: 2m}")
    folder = changed_demo(tmp_path, banded)

    assert load_district(folder).devices["river-01-level"].points["level"].deadband == pytest.approx(0.006)


def test_a_share_of_nothing_is_no_deadband(tmp_path: Path) -> None:
    banded = ("valid: [0, 12], max_step: 1}", "max_step: 1, deadband: 1%, heartbeat: 2m}")
    folder = changed_demo(tmp_path, banded)

    (finding,) = check_district(folder).findings

    assert (finding.code, finding.key) == ("impossible-value", "profiles.river-level.points.level.deadband")
    assert "valid: [lowest, highest]" in finding.remedy.en
