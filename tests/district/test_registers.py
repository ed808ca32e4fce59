"""Registers as profiles say them: what is understood, and what is refused with its reason."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from district.inventory import Device, Point, RegisterSource
from district.load import load_district
from district.register import RegisterPointSpec, raw_range
from tests.edge.field import district_of

PROFILE = """
gateways:
  gw:
    area: town
    buses:
      line: {kind: modbus-rtu, port: /nowhere, line: 9600-8N1}
      old: {kind: modbus-ascii, port: /elsewhere, line: 9600-7E1}
      far: {kind: modbus-rtu-tcp, host: 192.0.2.9, port: 4001, line: 9600-8N1}
profiles:
  transmitter:
    max_words: 16
    holes: false
    turnaround: 40ms
    pause: 5ms
    points:
      level:
        manual: 40005
        type: i16
        unit: m
        no_value: [0x7FFF]
        scale_by:
          - {addr: 2, says: {16: 1, 17: 0.01, 18: 0.001}}
          - {manual: 40004, says: decimals}
      fault: {table: holding, addr: 9, type: bool, bit: 3, unit: "1"}
      mode: {table: holding, addr: 9, type: u16, bits: [4, 6], unit: "1", enum: {0: off, 5: on}}
      high: {table: input, addr: 0, type: u8, byte: high, unit: "1"}
      tips: {table: input, addr: 1, type: u16, scale: 0.2, unit: mm, as: counter}
      total: {table: input, addr: 2, type: bcd32, unit: m3, as: counter, rollover: 1000000, every: 1h}
      energy: {table: input, addr: 4, type: f64, order: EFGHABCD, unit: kWh}
      serial: {table: holding, addr: 20, type: string, length: 8, unit: "1"}
devices:
  - {id: gauge, site: dam, gateway: gw, bus: line, unit: 1, use: transmitter, every: 10s}
sites:
  dam: {kind: weather, area: cell, name: {zh: 坝, en: Dam}}
"""


def compiled(folder: Path) -> Device:
    return district_of(folder, PROFILE).devices["gauge"]


def source_of(device: Device, point: str) -> RegisterSource:
    source = device.points[point].source
    assert isinstance(source, RegisterSource)
    return source


def test_everything_a_profile_may_say_reaches_the_inventory(tmp_path: Path) -> None:
    device = compiled(tmp_path)
    level = source_of(device, "level")

    assert (level.table, level.addr, level.no_value) == ("holding", 4, frozenset({0x7FFF}))
    assert [(scale.table, scale.addr, scale.says) for scale in level.scale_by] == [
        ("holding", 2, {16: 1.0, 17: 0.01, 18: 0.001}),
        ("holding", 3, "decimals"),
    ]
    assert source_of(device, "fault").bits == (3, 3)
    assert source_of(device, "mode").bits == (4, 6)
    assert source_of(device, "mode").enum == {0: "off", 5: "on"}
    assert source_of(device, "high").byte == "high"
    assert source_of(device, "energy").order == "EFGHABCD"
    assert device.points["tips"].rollover == pytest.approx(65536 * 0.2)
    assert device.points["total"].rollover == 1_000_000
    assert device.points["total"].interval == timedelta(hours=1)
    assert (device.limits.max_words, device.limits.holes) == (16, False)
    assert (device.limits.turnaround, device.limits.pause) == (
        timedelta(milliseconds=40),
        timedelta(milliseconds=5),
    )


def test_a_text_is_known_and_never_measured(tmp_path: Path) -> None:
    device = compiled(tmp_path)

    assert "serial" not in device.points
    assert (device.texts["serial"].addr, device.texts["serial"].words) == (20, 8)


def test_every_kind_of_modbus_bus_is_understood(tmp_path: Path) -> None:
    district_of(tmp_path, PROFILE)
    buses = load_district(tmp_path, areas=False).gateways["gw"].buses

    assert [bus.kind for bus in buses.values()] == ["modbus-rtu", "modbus-ascii", "modbus-rtu-tcp"]


BASE: dict[str, Any] = {"table": "holding", "addr": 0, "type": "u16", "unit": "m"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "bool"}, "cannot hold bool"),
        ({"table": "coil"}, "cannot hold u16"),
        ({"bit": 3}, "bit has no meaning for u16"),
        ({"type": "i16", "bits": [0, 1]}, "bits has no meaning for i16"),
        ({"bits": [4, 16]}, "no bits 4 to 16"),
        ({"byte": "low"}, "byte has no meaning for u16"),
        ({"type": "string"}, "needs its length"),
        ({"type": "string", "length": 4, "valid": [0, 1]}, "no quantity"),
        ({"type": "f32", "order": "HGFEDCBA"}, "names eight bytes"),
        ({"order": "CDAB"}, "is one register"),
        ({"rollover": 1000}, "only a counter"),
        ({"type": "f32", "as": "counter", "rollover": 1000}, "no whole number"),
        ({"no_value": [70000.5]}, "never says"),
        ({"type": "u64", "addr": 65533}, "past register 65535"),
        ({"addr": None}, "exactly one of addr and manual"),
        ({"table": None}, "needs a table"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    written = {key: value for key, value in (BASE | changes).items() if value is not None}

    with pytest.raises(ValidationError, match=reason):
        RegisterPointSpec.model_validate(written)


def test_a_type_knows_its_range() -> None:
    assert raw_range("u8") == (0, 255)
    assert raw_range("i48") == (-(2**47), 2**47 - 1)
    assert raw_range("bcd32") == (0, 99_999_999)
    assert raw_range("f32") is None


def counter(rollover: float | None) -> Point:
    source = RegisterSource(table="holding", addr=0, type="u16", order="ABCD", words=1, scale=1.0, offset=0.0)
    return Point(
        id="tips",
        unit="1",
        source=source,
        valid=None,
        max_step=None,
        deadband=None,
        heartbeat=None,
        counter=True,
        rollover=rollover,
    )


@given(st.integers(0, 65535), st.integers(0, 6000))
def test_a_counter_that_rolls_over_has_risen_by_what_it_counted(before: int, rise: int) -> None:
    after = (before + rise) % 65536

    if after >= before or (before >= 59000 and after <= 6500):
        assert counter(65536).increase(before, after) == rise


@given(st.integers(1, 50_000), st.integers(0, 50))
def test_a_counter_that_begins_anew_has_risen_by_what_it_shows(before: int, after: int) -> None:
    if after < before:
        assert counter(65536).increase(before, after) == after
        assert counter(None).increase(before, after) == after
