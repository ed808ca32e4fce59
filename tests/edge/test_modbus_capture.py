"""Every transaction of a published capture decodes to what another analyser read from it."""

import csv
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.exchanges import decode_tcp

_MODBUS = 502
_ZEEK_TABLES = {
    "READ_COILS": "coil",
    "READ_DISCRETE_INPUTS": "discrete",
    "READ_HOLDING_REGISTERS": "holding",
    "READ_INPUT_REGISTERS": "input",
}


def segments(capture: bytes) -> Iterator[tuple[int, bytes]]:
    """The destination port and the data of each TCP segment of a classic capture on Ethernet."""
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", capture)
    assert (magic, link) == (0xA1B2C3D4, 1)
    at = 24
    while at < len(capture):
        (length,) = struct.unpack_from("<I", capture, at + 8)
        packet = capture[at + 16 : at + 16 + length]
        at += 16 + length
        ip = packet[14:]
        whole = ip[: int.from_bytes(ip[2:4], "big")]
        tcp = whole[(ip[0] & 15) * 4 :]
        data = tcp[(tcp[12] >> 4) * 4 :]
        if data:
            yield int.from_bytes(tcp[2:4], "big"), data


@pytest.fixture
def transactions(shared_data: Path) -> list[tuple[bytes, bytes]]:
    found = list(segments((shared_data / "modbus" / "modbus_example.pcap").read_bytes()))
    requests = [data for port, data in found if port == _MODBUS]
    answers = [data for port, data in found if port != _MODBUS]
    return list(zip(requests, answers, strict=True))


def test_every_transaction_decodes(transactions: list[tuple[bytes, bytes]]) -> None:
    decoded = [decode_tcp(request, answer) for request, answer in transactions]

    assert len(decoded) == 24
    assert {request[7] for request, _ in transactions} == {
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        15,
        16,
        17,
        20,
        21,
        22,
        23,
        24,
        43,
    }
    refused = [said.flag for telegram in decoded for said in telegram.said if said.flag]
    assert refused == ["exception 2: illegal data address"]


def test_values_are_those_that_zeek_read(transactions: list[tuple[bytes, bytes]], shared_data: Path) -> None:
    log = (shared_data / "modbus" / "modbus_example.zeek_modbus_detailed.log").read_text(encoding="utf-8")
    names = next(line for line in log.splitlines() if line.startswith("#fields")).split("\t")[1:]
    rows = csv.DictReader(
        (line for line in log.splitlines() if not line.startswith("#")), fieldnames=names, delimiter="\t"
    )
    compared = 0
    for row in rows:
        if row["func"] not in _ZEEK_TABLES or row["exception_code"] != "-":
            continue
        request, answer = next(
            pair
            for pair in transactions
            if (int.from_bytes(pair[0][:2], "big"), pair[0][6]) == (int(row["tid"]), int(row["unit"]))
        )
        telegram = decode_tcp(request, answer)
        expected = (
            [
                (f"{_ZEEK_TABLES[row['func']]}/{int(row['address']) + place}", float(value))
                for place, value in enumerate(row["response_values"].split(","))
            ]
            if row["response_values"] != "-"
            else []
        )
        if not expected:  # Zeek writes request_values for some functions
            expected = [
                (f"{_ZEEK_TABLES[row['func']]}/{int(row['address']) + place}", float(value))
                for place, value in enumerate(row["request_values"].split(","))
            ]
        assert [(said.code, said.value) for said in telegram.said] == expected
        compared += 1
    assert compared == 8
