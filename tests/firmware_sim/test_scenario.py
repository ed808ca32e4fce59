"""Each bad file under data/ is good.yaml with one mistake."""

from pathlib import Path

import pytest

from firmware_sim.curves import Curve
from firmware_sim.errors import ScenarioError
from firmware_sim.loading import load_scenario
from firmware_sim.units import parse_duration, parse_endpoint, parse_line, parse_utc_offset

DATA = Path(__file__).parent / "data"
UNIT = "lines.dam-485.units"
STATION = "lines.air-232.stations.0"
MISTAKES = {
    "bare-password": f"35:19: {STATION}.password: a text is wanted: write it in quotes",
    "beyond-the-end": "27:36: lines.plc-lan.units.0.registers.0.addr: reaches beyond address 65535",
    "bool-in-input": f"14:43: {UNIT}.0.registers.0.type: coil and discrete hold bool",
    "counter-has-a-value": f"39:18: {STATION}.answers: this factor has a value",
    "counter-of-a-word": f"15:55: {UNIT}.0.registers.1.value: answers is one u32 of scale 1",
    "factor-counts": f"38:27: {STATION}.factors.a34004.value: a station's counter has no value",
    "missing-baud": "7:5: lines.dam-485: `line` is missing: add it",
    "name-twice": f"17:15: {UNIT}.1.name: 'level' is taken",
    "negative-rain": f"19:69: {UNIT}.1.registers.0.value.tips.rate: the rate of tips falls to -12",
    "no-column": "3:10: series.river: river.csv has no column 'stagge': did you mean 'stage'?",
    "no-duration": f"12:21: {UNIT}.0.turnaround: 15 is no duration",
    "no-endpoint": "22:13: lines.plc-lan.listen: '::1:0' is no endpoint",
    "no-file": "3:16: series.river.csv: ",
    "no-line": "30:11: lines.air-232.line: '9600 8N1' is no line setting",
    "no-yaml": "4:3: expected ',' or ']'",
    "order-of-a-word": f"14:55: {UNIT}.0.registers.0.order: only types of 32 bits have an order",
    "overlap": f"15:34: {UNIT}.0.registers.1.addr: overlaps input/0",
    "steps-back": "4:18: series.storm.steps: steps must rise in time",
    "typo": f"12:9: {UNIT}.0.turnarond: no such key",
    "unit-twice": f"16:15: {UNIT}.1.unit: 3 is taken on this line",
    "unknown-kind": "21:11: lines.plc-lan.kind: no kind 'modbus-udp': did you mean 'modbus-tcp'?",
    "unknown-rate": f"19:78: {UNIT}.1.registers.0.value.tips.rate.series: no series 'strom': did you mean",
    "unknown-series": f"14:78: {UNIT}.0.registers.0.value.series: no series 'rivre': did you mean 'river'?",
    "unknown-source": f"38:27: {STATION}.factors.a34004.value: a value is `answers` or one of series",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said_at_its_line_and_column(name: str) -> None:
    file = DATA / f"{name}.yaml"

    with pytest.raises(ScenarioError) as refusal:
        load_scenario(file)

    assert str(refusal.value).startswith(f"{file}:{MISTAKES[name]}")
    assert "\n" not in str(refusal.value)


def test_every_bad_file_is_tested() -> None:
    assert {file.stem for file in DATA.glob("*.yaml")} == {"good", *MISTAKES}


def test_several_mistakes_are_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (DATA / "good.yaml").read_text(encoding="utf-8")
    file = tmp_path / "bad.yaml"
    file.write_text(text.replace("15ms", "15").replace("per_tip: 0.2", "per_tip: 0"), encoding="utf-8")

    with pytest.raises(ScenarioError) as refusal:
        load_scenario(file)

    assert [line.split(":")[1] for line in str(refusal.value).splitlines()] == ["12", "19"]


def test_a_series_is_scaled_and_skips_empty_cells() -> None:
    river = load_scenario(DATA / "good.yaml").series["river"]

    assert isinstance(river, Curve)
    assert [river.at(1528041900.0 + at) for at in (0, 300, 600)] == pytest.approx([0.3048, 0.4572, 0.6096])


def test_durations_lines_endpoints_and_offsets_are_read() -> None:
    assert [parse_duration(text) for text in ("15ms", "2s", "4h30m", "1.5h", "1d")] == [
        0.015,
        2,
        16200,
        5400,
        86400,
    ]
    assert [parse_line(text).bits_per_char for text in ("9600-8N1", "9600-8E1", "1200-7E1")] == [10, 11, 10]
    assert str(parse_endpoint("[::1]:502")) == "[::1]:502"
    assert parse_endpoint("plc.example:0").host == "plc.example"
    assert parse_utc_offset("-03:30") == -12600


@pytest.mark.parametrize("text", ["", "5", "m5", "5m ", "5x", 5, None])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)
