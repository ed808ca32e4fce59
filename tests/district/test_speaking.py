"""Buses, profiles and devices of other protocols: what holds together, and what is said of what does not."""

from datetime import timedelta
from pathlib import Path

import pytest

from district.inventory import Speech
from district.load import check_district, load_district

FIELD = r"""version: 1
district:
  id: test
  name: {zh: 测试, en: Test}
  timezone: Asia/Shanghai
  code: "330199"
gateways:
  gw:
    area: town
    buses:
      hydro: {kind: sl651-tcp, listen: "0.0.0.0:9651"}
      weirs: {kind: sl427-serial, port: /dev/weirs, line: 9600-8N1, online: false}
      air: {kind: hj212-client, connect: "[2001:db8::1]:9212", edition: 2005, backfill: hour}
      soil: {kind: sdi12, port: /dev/soil, line: 1200-7E1}
      mast: {kind: nmea, port: /dev/mast, line: 4800-8N1}
      scale: {kind: lines, port: /dev/scale, line: 9600-8N1}
      dust: {kind: plantower, connect: "192.0.2.7:4001"}
profiles:
  river: {protocol: sl651, codes: {"39": {point: level, unit: m}}}
  weir: {protocol: sl427, codes: {level1: {point: level, unit: m}}}
  air: {codes: {B01: {point: flow, unit: m3/h}}}
  probe: {protocol: sdi12, measure: M1, crc: true, codes: {"1": {point: moisture, unit: "%"}}}
  mast: {protocol: nmea, codes: {MWV.speed-r: {point: wind, unit: m/s}}}
  scale: {protocol: lines, ask: "W?", pattern: 'W=(?P<w>[0-9.]+)', codes: {w: {point: weight, unit: kg}}}
  meter: {protocol: lines, pattern: '(?P<h>[0-9.]+)', codes: {h: {point: height, unit: m}}}
  pms: {protocol: plantower, codes: {pm25: {point: pm25, unit: ug/m3}}}
devices:
  - {id: river, site: here, gateway: gw, bus: hydro, use: river, station: "00418D2337", expect: 5m}
  - {id: weir, site: here, gateway: gw, bus: weirs, use: weir, station: "0102030405", expect: 5m}
  - {id: air, site: here, gateway: gw, bus: air, use: air, mn: A1, expect: 1m}
  - {id: probe, site: here, gateway: gw, bus: soil, use: probe, address: "3", every: 10m}
  - {id: other, site: here, gateway: gw, bus: soil, use: probe, address: "4", every: 10m}
  - {id: mast, site: here, gateway: gw, bus: mast, use: mast, address: WI, expect: 5s}
  - {id: scale, site: here, gateway: gw, bus: scale, use: scale, alone: true, every: 1m}
  - {id: pms, site: here, gateway: gw, bus: dust, use: pms, alone: true, expect: 1s}
sites:
  here: {kind: weather, area: cell, name: {zh: 此, en: Here}}
"""


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    text = FIELD
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
        text = text.replace(old, new)
    (folder / "devices.yaml").write_text(text, encoding="utf-8")
    return folder


def test_what_is_written_becomes_what_the_edge_works_with(tmp_path: Path) -> None:
    district = load_district(written(tmp_path), areas=False)

    river, probe, scale = (district.devices[name] for name in ("river", "probe", "scale"))
    assert (river.station, river.address, river.interval) == ("00418d2337", None, timedelta(minutes=5))
    assert river.speech == Speech(protocol="sl651")
    assert (probe.address, probe.speech) == (
        "3",
        Speech(protocol="sdi12", asked=True, measure="M1", crc=True),
    )
    assert scale.speech == Speech(protocol="lines", asked=True, pattern="W=(?P<w>[0-9.]+)", ask="W?")
    assert [point.id for point in scale.points.values()] == ["weight"]


@pytest.mark.parametrize(
    ("old", "new", "code", "key"),
    [
        ('station: "00418D2337"', 'station: "00418D233"', "impossible-value", "devices.0.station"),
        ('station: "00418D2337"', "mn: A1", "wrong-protocol", "devices.0.mn"),
        ("bus: weirs, use: weir,", "bus: weirs, use: river,", "wrong-protocol", "devices.1.use"),
        ("bus: mast, use: mast,", "bus: mast, use: probe,", "wrong-protocol", "devices.5.use"),
        ('address: "4"', 'address: "3"', "duplicate-address", "devices.4.address"),
        ('address: "4", every: 10m', "alone: true, every: 10m", "not-alone", "devices.4.alone"),
        ('address: "4", every: 10m', 'address: "4", expect: 10m', "never-speaks", "devices.4.expect"),
        ("expect: 5s", "every: 5s", "never-answers", "devices.5.every"),
        ("use: scale, alone", "use: meter, alone", "never-answers", "devices.6.every"),
        ("use: pms, alone: true", 'use: pms, address: "1"', "no-address", "devices.7.address"),
        ("alone: true, expect: 1s", "alone: true", "impossible-value", "devices.7"),
        (
            "alone: true, every: 1m",
            "alone: true, every: 1m, expect: 1m",
            "impossible-value",
            "devices.6.expect",
        ),
        (
            "protocol: nmea, codes",
            "protocol: nmea, crc: true, codes",
            "impossible-value",
            "profiles.mast.crc",
        ),
        ("protocol: nmea, codes", "protocol: nmae, codes", "wrong-value", "profiles.mast.protocol"),
        ("pattern: 'W=(?P<w>", "pattern: 'W=(?P<v>", "impossible-value", "profiles.scale.codes"),
        (
            "pattern: 'W=(?P<w>[0-9.]+)'",
            "pattern: 'W=(?P<w>[0-9.]+'",
            "impossible-value",
            "profiles.scale.pattern",
        ),
        ('"39": {point', '"3 9": {point', "impossible-value", "profiles.river.codes.3 9"),
        ("kind: sl651-tcp, listen", "kind: sl651-tcp, port", "unknown-key", "gateways.gw.buses.hydro.port"),
        ("edition: 2005", "edition: 2006", "wrong-value", "gateways.gw.buses.air.edition"),
        ("backfill: hour", "backfill: day", "wrong-value", "gateways.gw.buses.air.backfill"),
        ("port: /dev/mast", "port: /dev/scale", "duplicate-port", "gateways.gw.buses.scale.port"),
        (
            'connect: "192',
            'port: /dev/x, line: 9600-8N1, connect: "192',
            "impossible-value",
            "gateways.gw.buses.dust.connect",
        ),
        ('connect: "192.0.2.7:4001"', "port: /dev/dust", "impossible-value", "gateways.gw.buses.dust.port"),
        (
            '{kind: plantower, connect: "192.0.2.7:4001"}',
            "{kind: plantower}",
            "impossible-value",
            "gateways.gw.buses.dust",
        ),
    ],
)
def test_a_mistake_is_found_at_its_place(tmp_path: Path, old: str, new: str, code: str, key: str) -> None:
    findings = check_district(written(tmp_path, (old, new)), areas=False).findings

    assert (code, key) in {(finding.code, finding.key) for finding in findings}
    for finding in findings:
        assert finding.what.zh
        assert finding.remedy.zh


def test_one_that_speaks_may_not_sit_among_those_that_are_asked(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        (
            "  - {id: scale, site: here, gateway: gw, bus: scale, use: scale, alone: true, every: 1m}\n",
            """\
  - {id: scale, site: here, gateway: gw, bus: scale, use: scale, address: a, every: 1m}
  - {id: meter, site: here, gateway: gw, bus: scale, use: meter, address: b, expect: 1m}
""",
        ),
    )

    (finding,) = check_district(folder, areas=False).findings

    assert (finding.code, finding.key) == ("asked-among-speakers", "devices.7.expect")


def test_those_that_speak_on_one_line_share_one_pattern(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        (
            "  - {id: scale, site: here, gateway: gw, bus: scale, use: scale, alone: true, every: 1m}\n",
            """\
  - {id: scale, site: here, gateway: gw, bus: scale, use: scale, address: a, expect: 1m}
  - {id: meter, site: here, gateway: gw, bus: scale, use: meter, address: b, expect: 1m}
""",
        ),
    )

    (finding,) = check_district(folder, areas=False).findings

    assert (finding.code, finding.key) == ("two-patterns", "devices.7.use")
