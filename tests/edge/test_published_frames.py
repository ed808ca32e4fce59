"""Frames that others published: the right ones decode to what their sources state, the wrong ones do not."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.edge.encoders import hj212_frame
from tocsin.decode import decode_lines


class Decoded:
    """The decoded frames of one file."""

    def __init__(self, protocol: str, file: Path) -> None:
        self.lines: dict[int, dict[str, Any]] = {
            decoded.line: json.loads(decoded.as_json())
            for decoded in decode_lines(protocol, file.read_bytes())
        }

    @property
    def good(self) -> list[dict[str, Any]]:
        return [line for line in self.lines.values() if line["ok"]]

    @property
    def errors(self) -> list[str]:
        return [line["error"] for line in self.lines.values() if not line["ok"]]

    def of(self, station: str) -> dict[str, Any]:
        return next(line for line in self.good if line["station"] == station)


def values(frame: dict[str, Any]) -> dict[str, float | None]:
    return {reading["code"]: reading["value"] for reading in frame["readings"]}


def in_order(frame: dict[str, Any], code: str) -> list[float | None]:
    return [reading["value"] for reading in frame["readings"] if reading["code"] == code]


@pytest.fixture
def frames(shared_data: Path) -> Path:
    return shared_data / "frames"


def test_hj212_frames_decode(frames: Path) -> None:
    decoded = Decoded("hj212", frames / "hj212_valid.txt")

    assert len(decoded.good) == 8
    assert decoded.errors == []
    dust = decoded.of("ZX00001")
    assert dust["taken_at"] == "2019-10-18T10:49:00+08:00"
    assert values(dust) | {"a34002": 30, "a34004": 25, "a34001": 132, "LA": 66.8} == values(dust)
    assert values(decoded.of("LXHB0CS0306310"))["a34004"] == 75600  # ng/m3: the profile's scale makes it 75.6
    assert {reading["flag"] for frame in decoded.good for reading in frame["readings"]} == {"N"}


def test_hj212_frames_from_the_wild_are_refused_each_for_its_own_reason(frames: Path) -> None:
    decoded = Decoded("hj212", frames / "hj212_wild_invalid.txt")

    assert decoded.good == []
    assert decoded.errors == [
        "CRC is 1100, should be 2D00",
        "CRC is F9C1, should be 7340",
        "declares a segment of 215 bytes, has 202",
        "CRC is 4045, should be 4540 (its bytes are swapped)",
    ]


def test_every_dialogue_of_the_hj212_standard_decodes_once_framed(frames: Path, tmp_path: Path) -> None:
    text = (frames / "hj212_2017_annexC_segments.txt").read_text(encoding="utf-8")
    segments = [line for line in text.splitlines() if line.startswith("QN=")]
    framed = tmp_path / "framed.txt"
    framed.write_bytes(b"".join(hj212_frame(segment) for segment in segments))

    decoded = Decoded("hj212", framed)

    assert len(decoded.good) == len(segments) == 47
    hour = next(frame for frame in decoded.good if "w00000-Cou" in values(frame))
    assert values(hour)["w01018-Max"] == 40.1
    assert hour["taken_at"] == "2016-08-01T08:00:00+08:00"


def test_sl651_frames_decode(frames: Path) -> None:
    decoded = Decoded("sl651", frames / "sl651_valid.txt")

    reservoir = decoded.of("00418d2337")
    assert reservoir["taken_at"] == "2023-06-01T01:00:00+08:00"
    assert values(reservoir) == {"20": 0.0, "3B": 37.865, "22": 0.0, "26": 0.0, "38": 12.85}
    river = next(frame for frame in decoded.good if frame["station"] == "0010100001" and frame["readings"])
    assert values(river) == {"20": 13.0, "22": 4.0, "39": 0.55, "38": 12.68}
    hour = next(frame for frame in decoded.good if (frame["taken_at"] or "").startswith("2017-07-18T10:05"))
    assert in_order(hour, "F4") == [0.5, 0, 0, 0, 2.0, None, None, None, None, None, 0, 0]
    assert in_order(hour, "F5")[3:6] == [0.49, 0.49, None]


def test_sl651_down_links_whose_length_lies_are_refused_and_nothing_else_is(frames: Path) -> None:
    decoded = Decoded("sl651", frames / "sl651_valid.txt")

    assert len(decoded.good) == 41
    assert decoded.errors == [
        "declares a body of 28 bytes, has 40",
        "declares a body of 28 bytes, has 41",
        "declares a body of 28 bytes, has 77",
    ]


def test_sl651_frames_from_the_wild_are_refused_for_their_crc(frames: Path) -> None:
    decoded = Decoded("sl651", frames / "sl651_wild_invalid.txt")

    assert decoded.good == []
    assert decoded.errors == [
        "CRC is 4383, should be 4F76",
        "CRC is 1103, should be D9F6",
        "CRC is 9903, should be 4C18",
        "CRC is 107E, should be 5096",
    ]


def test_the_sl427_frame_decodes(frames: Path) -> None:
    (frame,) = Decoded("sl427", frames / "sl427_szy206.txt").lines.values()

    assert frame["station"] == "0102030405"
    assert frame["taken_at"] == "2026-05-12T14:15:30+08:00"
    assert values(frame) == {"velocity1": 44.555, "alarms": 0x2000, "state": 0x0070}


def test_sdi12_answers_decode_and_a_wrong_crc_is_refused(frames: Path) -> None:
    decoded = Decoded("sdi12", frames / "sdi12.txt")

    assert [list(values(frame).values()) for frame in decoded.good] == [
        [3.14],
        [3.14, 2.718, 1.414],
        [1.11, 2.22, 3.33, 4.44, 5.55, 6.66],
        [7.77, 8.88, 9.99],
        [3.14, 2.718],
        [],
        [12.3, -45.0],
        [],  # an identification
    ]
    assert decoded.errors == ["CRC is OqX, should be OqZ"]


def test_nmea_sentences_decode_and_a_wrong_checksum_is_refused(frames: Path) -> None:
    decoded = Decoded("nmea", frames / "nmea0183_weather.txt")

    assert len(decoded.good) == 10
    assert decoded.errors == ["checksum is 37, should be 3E"]
    assert values(decoded.good[0]) == {
        "MDA.pressure-inhg": 3.02,
        "MDA.pressure-bar": 1.01,
        "MDA.air": 23.4,
        "MDA.humidity": 40.2,
        "MDA.dew-point": 12.1,
        "MDA.wind-true": 19.3,
        "MDA.wind-magnetic": 20.1,
        "MDA.wind-kn": 13.1,
        "MDA.wind-ms": 1.1,
    }
    assert values(decoded.of("YX")) == {"XDR.N": -64.437, "XDR.E": 54.454, "XDR.T-N1052": 17.09}
    wind = next(frame for frame in decoded.good if "MWV.speed-r" in values(frame))
    assert values(wind) == {"MWV.angle-r": 344.0, "MWV.speed-r": 5.9}


def test_vaisala_answers_decode_and_tell_which_values_are_invalid(frames: Path) -> None:
    decoded = Decoded("vaisala", frames / "vaisala_wxt.txt")

    assert decoded.errors == []
    first, doubted, *_, in_bar, last = decoded.good
    assert len(decoded.good) == 6
    assert values(first)["Pa"] == 1006.9
    assert {r["code"] for r in doubted["readings"] if r["flag"] == "#"} == {
        "Dn",
        "Dm",
        "Dx",
        "Sn",
        "Sm",
        "Sx",
    }
    assert [(r["value"], r["unit"]) for r in in_bar["readings"] if r["code"] in {"Pa", "Rc"}] == [
        (1.0058, "bar"),
        (13.02, "mm"),
    ]
    assert [r["code"] for r in last["readings"] if r["flag"] is None] == ["Ta"]


def test_plantower_frames_decode_and_broken_or_foreign_ones_are_refused(frames: Path) -> None:
    decoded = Decoded("plantower", frames / "plantower_and_other_pm_hex.txt")

    masses = [tuple(in_order(f, name)[0] for name in ("pm1", "pm25", "pm10")) for f in decoded.good[:5]]
    assert masses == [(0, 8, 11), (0, 5, 5), (0, 2, 4), (5, 13, 22), (53, 70, 79)]
    assert values(decoded.good[4])["pm25-cf1"] == 106
    assert [frame["readings"] for frame in decoded.good[5:]] == [[], [], []]  # commands
    assert decoded.errors == [
        "declares 28 bytes, has 6",
        "weighs 32 ug/m3 and counts no particle",
        "does not begin with 424D",
        "does not begin with 424D",
    ]


# Its CRC is right, as its source says; the source's own remark is that it comes from another unit.
OF_ANOTHER_UNIT = "021000360001e1f4"


def test_recorded_modbus_pairs_decode_and_faulty_ones_are_refused(frames: Path) -> None:
    _, *rows = (frames / "modbus_rtu_pairs.tsv").read_text(encoding="utf-8").splitlines()
    protocols = {"rtu_good": "modbus-rtu", "rtu_bad": "modbus-rtu", "ascii_good": "modbus-ascii"}
    counted = {"good": 0, "bad": 0}
    for row in rows:
        kind, request, answer, remark = row.split("\t")
        (decoded,) = decode_lines(protocols[kind], f"{request}\t{answer}".encode())
        right = kind != "rtu_bad" and answer != OF_ANOTHER_UNIT
        counted["good" if right else "bad"] += 1
        assert (decoded.error is None) == right, (row, decoded.error)
        if "Response value 1." in remark:
            assert json.loads(decoded.as_json())["readings"][0]["value"] == 1
    assert counted == {"good": 84, "bad": 17}


def test_what_registers_held_is_told_by_table_and_address(frames: Path) -> None:
    ranging = next(
        line.split("\t")
        for line in (frames / "modbus_rtu_pairs.tsv").read_text(encoding="utf-8").splitlines()
        if "DFRobot" in line
    )

    (decoded,) = decode_lines("modbus-rtu", "\t".join(ranging[1:3]).encode())

    assert json.loads(decoded.as_json())["readings"] == [
        {"code": "holding/52", "value": 1803.0, "unit": None, "flag": None}
    ]
