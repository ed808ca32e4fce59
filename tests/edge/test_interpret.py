"""Which meaning of a block of registers is taken for the plausible one."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.interpret import interpretations
from edge.modbus.sniff import Heard, Sniffer
from tests.edge.test_modbus_framing import rtu


def words(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def swapped(data: bytes) -> bytes:
    return data[2:] + data[:2]


@pytest.mark.parametrize("shown", [1.5, 25.7, 71.35, 0.123, 1013.25, -12.5])
@pytest.mark.parametrize("order", ["ABCD", "CDAB"])
def test_a_measured_single_is_recognised_in_either_order(shown: float, order: str) -> None:
    data = struct.pack(">f", shown)

    best = interpretations(words(data if order == "ABCD" else swapped(data)))[0]

    assert (best.type, best.order, best.value) == ("f32", order, shown)


@pytest.mark.parametrize("raw", [5, 321, 1234])
def test_a_small_whole_number_is_one(raw: int) -> None:
    best = interpretations([raw])[0]

    assert (best.type, best.order, best.value) == ("u16", "ABCD", raw)


def test_letters_are_a_text() -> None:
    best = interpretations(words(b"QDY30A\0\0"))[0]

    assert (best.type, best.value) == ("string", "QDY30A")


@given(st.integers(1, 60000), st.integers(0, 3))
def test_what_the_instrument_shows_decides(raw: int, decimals: int) -> None:
    readings = interpretations([raw], near=raw / 10**decimals)

    assert readings[0].value == raw or abs(readings[0].value - raw / 10**decimals) < 0.01 * raw


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=8))
def test_no_block_of_registers_is_beyond_reading(block: list[int]) -> None:
    assert interpretations(block)


REQUEST = rtu(3, b"\x03\x00\x10\x00\x02")
ANSWER = rtu(3, b"\x03\x04\x00\x01\x00\x02")
REFUSAL = rtu(3, b"\x83\x02")
WRITE = rtu(3, b"\x06\x00\x01\x00\x03")


def kinds(frames: list[Heard]) -> list[str]:
    return [frame.kind for frame in frames]


@given(st.data())
def test_a_conversation_is_told_apart_however_its_bytes_come(data: st.DataObject) -> None:
    sniffer = Sniffer()
    left = REQUEST + ANSWER + REQUEST + REFUSAL + WRITE + WRITE
    frames: list[Heard] = []
    while left:
        cut = data.draw(st.integers(1, len(left)))
        frames += sniffer.feed(left[:cut])
        left = left[cut:]

    assert kinds(frames) == ["request", "answer", "request", "exception", "request", "answer"]
    assert (frames[1].address, frames[1].count, frames[1].data) == (16, 2, b"\0\1\0\2")


def test_noise_is_named_and_passed_over() -> None:
    sniffer = Sniffer()

    frames = sniffer.feed(b"\xff\x00" + REQUEST + b"\x55")

    assert kinds(frames) == ["noise", "request"]
    assert kinds(sniffer.silence()) == ["noise"]


@given(st.binary(max_size=600))
def test_no_byte_is_lost_whatever_is_heard(heard: bytes) -> None:
    sniffer = Sniffer()

    frames = sniffer.feed(heard) + sniffer.silence()

    assert b"".join(frame.raw for frame in frames) == heard
