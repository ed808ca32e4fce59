import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.errors import ModbusRefusalError
from firmware_sim.modbus import Read, RequestScanner, Write, parse_request, read_answer
from tests.firmware_sim.masters import rtu

REQUESTS = st.builds(
    lambda unit, function, addr, count: rtu(f"{unit:02x}{function:02x}{addr:04x}{count:04x}"),
    st.integers(1, 247),
    st.integers(1, 6),
    st.integers(0, 65535),
    st.integers(0, 65535),
)
REFUSED = {
    "an unknown function": ("070000", 1),
    "no register at all": ("0300000000", 3),
    "126 registers": ("030000007e", 3),
    "2001 coils": ("01000007d1", 3),
    "a block beyond 65535": ("03ffff0002", 2),
    "a coil neither on nor off": ("0500001234", 3),
    "a byte count that contradicts the count": ("10000000020200010002", 3),
    "a request cut short": ("030000", 3),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_request_is_refused_with_its_code(case: str) -> None:
    text, code = REFUSED[case]

    with pytest.raises(ModbusRefusalError) as refusal:
        parse_request(bytes.fromhex(text))

    assert refusal.value.code == code


def test_requests_say_what_they_want() -> None:
    assert parse_request(bytes.fromhex("0400100002")) == Read(function=4, table="input", addr=16, count=2)
    many = parse_request(bytes.fromhex("1000010002040a0b0c0d"))
    assert isinstance(many, Write)
    assert (many.table, many.addr, many.words) == ("holding", 1, (0x0A0B, 0x0C0D))
    coils = parse_request(bytes.fromhex("0f0013000a02cd01"))
    assert isinstance(coils, Write)
    assert coils.words == (1, 0, 1, 1, 0, 0, 1, 1, 1, 0)


def test_bits_fill_bytes_from_the_lowest() -> None:
    assert read_answer(1, [1, 0, 1, 1, 0, 0, 1, 1, 1]) == bytes.fromhex("0102cd01")


@given(st.lists(REQUESTS, min_size=1, max_size=4), st.integers(1, 9))
def test_requests_are_found_however_they_are_cut(frames: list[bytes], cut: int) -> None:
    scanner = RequestScanner()
    stream = b"".join(frames)
    found = [
        request
        for start in range(0, len(stream), cut)
        for request in scanner.feed(stream[start : start + cut])
    ]

    assert [bytes((request.unit,)) + request.pdu for request in found] == [frame[:-2] for frame in frames]


@given(REQUESTS, REQUESTS, st.integers(1, 7))
def test_a_request_behind_the_rest_of_a_dead_one_is_found(dead: bytes, frame: bytes, left: int) -> None:
    scanner = RequestScanner()
    scanner.feed(dead[:left])

    found = scanner.feed(frame)

    assert bytes((found[-1].unit,)) + found[-1].pdu == frame[:-2]


def test_a_frame_of_an_unknown_function_is_known_by_the_silence() -> None:
    scanner = RequestScanner()

    assert scanner.feed(rtu("0107")) == []
    assert [request.pdu for request in scanner.silence()] == [b"\x07"]


def test_noise_before_a_silence_is_no_frame() -> None:
    scanner = RequestScanner()
    scanner.feed(b"\x01\x03\x00\x00\x00\x01\xff\xff")

    assert scanner.silence() == []
    assert not scanner.waiting


def test_published_requests_are_found_whole(shared_data: Path) -> None:
    with (shared_data / "frames" / "modbus_rtu_pairs.tsv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["kind"] == "rtu_good"]
    frames = [bytes.fromhex(row["request_hex"]) for row in rows if row["request_hex"]]

    for frame in frames:
        scanner = RequestScanner()
        found = scanner.feed(frame) or scanner.silence()
        assert [bytes((request.unit,)) + request.pdu for request in found] == [frame[:-2]]
