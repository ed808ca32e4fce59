"""Modbus requests and answers as bytes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.register import Table
from edge.modbus.framing import (
    Data,
    Framing,
    GarbledError,
    ReadRequest,
    Refusal,
    RtuFraming,
    TcpFraming,
)

TABLES: dict[int, Table] = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
FRAMINGS: list[Framing] = [RtuFraming(), TcpFraming()]
LOCAL_ECHO = "140301210001d739"


def crc(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first, bit by bit."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register.to_bytes(2, "little")


def rtu(unit: int, pdu: bytes) -> bytes:
    return bytes((unit,)) + pdu + crc(bytes((unit,)) + pdu)


def tcp(number: int, unit: int, pdu: bytes) -> bytes:
    return number.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,)) + pdu


def request(table: Table = "holding", *, unit: int = 1, address: int = 0, count: int = 1) -> ReadRequest:
    return ReadRequest(device_id="gauge", unit=unit, table=table, address=address, count=count)


def recorded_reads(folder: Path) -> list[tuple[str, ReadRequest, bytes, bytes]]:
    """The recorded pairs that read: kind, request, its bytes, the answer's bytes."""
    reads = []
    for line in (folder / "frames" / "modbus_rtu_pairs.tsv").read_text().splitlines()[1:]:
        kind, asked, answered, *_ = line.split("\t")
        raw = bytes.fromhex(asked) if kind.startswith("rtu") else b""
        if len(raw) == 8 and raw[1] in TABLES:
            address, count = int.from_bytes(raw[2:4], "big"), int.from_bytes(raw[4:6], "big")
            asks = request(TABLES[raw[1]], unit=raw[0], address=address, count=count)
            reads.append((kind, asks, raw, bytes.fromhex(answered)))
    return reads


def test_requests_are_the_recorded_ones(shared_data: Path) -> None:
    reads = recorded_reads(shared_data)

    assert len(reads) > 30
    for _, asks, raw, _ in reads:
        assert RtuFraming().encode(asks, 0) == raw


def test_recorded_answers_are_taken_and_wrong_ones_are_not(shared_data: Path) -> None:
    for kind, asks, raw, answer in recorded_reads(shared_data):
        found = RtuFraming().find(answer, asks, 0)
        if kind == "rtu_good" or raw.hex() == LOCAL_ECHO:
            assert isinstance(found, Data)
            assert len(found.data) == asks.data_bytes
        else:
            assert found is None


def test_an_answer_is_found_behind_noise_and_other_units() -> None:
    asks = request(unit=7, count=2)
    wanted = rtu(7, b"\x03\x04\x12\x34\x56\x78")
    noise = b"\x07\x03\x04\x00" + rtu(8, b"\x03\x04\x00\x00\x00\x00") + rtu(7, b"\x03\x02\x00\x00")

    assert RtuFraming().find(noise + wanted, asks, 0) == Data(b"\x12\x34\x56\x78")


def test_an_exception_is_a_refusal() -> None:
    asks = request(unit=7)

    assert RtuFraming().find(rtu(7, b"\x83\x02"), asks, 0) == Refusal(2)
    assert TcpFraming().find(tcp(5, 7, b"\x83\x02"), asks, 5) == Refusal(2)


def test_an_answer_with_another_number_is_passed_over() -> None:
    asks = request(unit=7)
    heard = tcp(4, 7, b"\x03\x02\x00\x01") + tcp(5, 7, b"\x03\x02\x00\x02")

    assert TcpFraming().find(heard, asks, 5) == Data(b"\x00\x02")


@pytest.mark.parametrize(
    "heard",
    [
        b"\x00\x05\x00\x01\x00\x05\x01\x03\x02\x00\x01",
        b"\x00\x05\x00\x00\xff\xff\x01\x03\x02",
        tcp(5, 1, b"\x04\x02\0\0"),
    ],
)
def test_what_cannot_be_cut_into_frames_says_so(heard: bytes) -> None:
    with pytest.raises(GarbledError):
        TcpFraming().find(heard, request(), 5)


REQUESTS = st.builds(
    request,
    st.sampled_from(list(TABLES.values())),
    unit=st.integers(1, 247),
    address=st.integers(0, 65000),
    count=st.integers(1, 125),
)


@given(REQUESTS, st.data(), st.integers(1, 65535))
def test_a_good_answer_is_found_however_it_comes(asks: ReadRequest, data: st.DataObject, number: int) -> None:
    payload = data.draw(st.binary(min_size=asks.data_bytes, max_size=asks.data_bytes))
    pdu = bytes((asks.function, asks.data_bytes)) + payload
    for framing, frame in zip(FRAMINGS, (rtu(asks.unit, pdu), tcp(number, asks.unit, pdu)), strict=True):
        cut = data.draw(st.integers(0, len(frame) - 1))
        assert framing.find(frame[:cut], asks, number) is None
        assert framing.find(frame, asks, number) == Data(payload)
        assert framing.answer_bytes(asks) == len(frame)


@given(REQUESTS, st.binary(max_size=300), st.sampled_from(FRAMINGS))
def test_no_bytes_make_a_framing_fail_otherwise(asks: ReadRequest, heard: bytes, framing: Framing) -> None:
    try:
        found = framing.find(heard, asks, 1)
    except GarbledError:
        return
    assert found is None or isinstance(found, Data | Refusal)
