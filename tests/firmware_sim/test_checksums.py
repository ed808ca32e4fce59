import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.checksums import hj212_crc, modbus_crc
from tests.firmware_sim.masters import reference_crc

ANNEX_A = (
    b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"
)


def test_hj212_crc_of_the_annex_a_example() -> None:
    assert hj212_crc(ANNEX_A) == 0x1C80


def test_the_two_checks_differ() -> None:
    assert modbus_crc(b"123456789") == 0x4B37
    assert hj212_crc(b"123456789") == 0x2F80


@given(st.binary(max_size=300))
def test_the_modbus_table_agrees_with_the_bits(data: bytes) -> None:
    assert modbus_crc(data).to_bytes(2, "little") == reference_crc(data, modbus=True)


def test_published_hj212_frames_have_our_crc(shared_data: Path) -> None:
    lines = (shared_data / "frames" / "hj212_valid.txt").read_text(encoding="utf-8").splitlines()
    frames = [line.encode() for line in lines if line.startswith("##")]

    assert len(frames) == 8
    for frame in frames:
        assert b"%04X" % hj212_crc(frame[6:-4]) == frame[-4:].upper()


@pytest.mark.parametrize("column", ["request_hex", "response_hex"])
def test_published_modbus_frames_have_our_crc(shared_data: Path, column: str) -> None:
    with (shared_data / "frames" / "modbus_rtu_pairs.tsv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["kind"] == "rtu_good"]
    frames = [bytes.fromhex(row[column]) for row in rows if row[column]]

    assert len(frames) > 40
    assert all(modbus_crc(frame[:-2]).to_bytes(2, "little") == frame[-2:] for frame in frames)
