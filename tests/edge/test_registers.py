"""Register blocks to numbers."""

import struct
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.profile import ByteOrder, RegisterType
from edge.registers import apply_scale, decode_register
from tests.edge.points import register

ORDERS: list[ByteOrder] = ["ABCD", "CDAB", "BADC", "DCBA"]
WHOLE: dict[RegisterType, tuple[int, int]] = {
    "u16": (0, 2**16 - 1),
    "i16": (-(2**15), 2**15 - 1),
    "u32": (0, 2**32 - 1),
    "i32": (-(2**31), 2**31 - 1),
    "u64": (0, 2**64 - 1),
    "i64": (-(2**63), 2**63 - 1),
}


def on_the_wire(big_endian: bytes, order: ByteOrder) -> bytes:
    """The bytes of one value as an instrument of that make sends them, from the letters' own meaning."""
    if len(big_endian) == 2:
        return big_endian if order in {"ABCD", "CDAB"} else big_endian[::-1]
    words = [big_endian[i : i + 2] for i in range(0, len(big_endian), 2)]
    return {
        "ABCD": big_endian,
        "CDAB": b"".join(reversed(words)),
        "BADC": b"".join(word[::-1] for word in words),
        "DCBA": big_endian[::-1],
    }[order]


@given(st.data(), st.sampled_from(list(WHOLE)), st.sampled_from(ORDERS), st.integers(0, 5))
def test_whole_numbers_come_back_in_every_order(
    data: st.DataObject, type_: RegisterType, order: ByteOrder, before: int
) -> None:
    low, high = WHOLE[type_]
    value = data.draw(st.integers(low, high))
    source = register(type_=type_, order=order)
    raw = value.to_bytes(2 * source.words, "big", signed=low < 0)
    block = b"\xaa\xbb" * before + on_the_wire(raw, order) + b"\xcc\xdd"

    assert decode_register(source, block, before) == float(value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(ORDERS))
def test_a_single_comes_back_as_a_decimal_that_is_nearest_to_it(value: float, order: ByteOrder) -> None:
    raw = struct.pack(">f", value)

    decoded = decode_register(register(type_="f32", order=order), on_the_wire(raw, order), 0)

    assert decoded is not None
    assert struct.unpack(">f", struct.pack(">f", decoded)) == (value,)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(ORDERS))
def test_a_double_comes_back_exactly(value: float, order: ByteOrder) -> None:
    raw = on_the_wire(struct.pack(">d", value), order)

    assert decode_register(register(type_="f64", order=order), raw, 0) == value


@given(st.decimals(min_value=-999, max_value=999, places=3))
def test_a_single_is_the_number_on_the_display(shown: object) -> None:
    value = float(str(shown))

    assert decode_register(register(type_="f32"), struct.pack(">f", value), 0) == value


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize(("type_", "code"), [("f32", ">f"), ("f64", ">d")])
def test_what_is_no_number_is_no_value(value: float, type_: RegisterType, code: str) -> None:
    assert decode_register(register(type_=type_), struct.pack(code, value), 0) is None


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.data())
def test_bits_are_counted_from_the_lowest_of_the_first_byte(bits: list[bool], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(bits) - 1))
    packed = bytearray((len(bits) + 7) // 8)
    for i, bit in enumerate(bits):
        packed[i // 8] |= bit << (i % 8)

    assert decode_register(register(type_="bool"), bytes(packed), place) == float(bits[place])


def test_a_scale_of_a_tenth_gives_the_decimal_that_people_expect() -> None:
    assert apply_scale(3, 0.1, 0.0) == 0.3
    assert apply_scale(1881, 0.001, 0.0) == 1.881
    assert apply_scale(7, 0.2, 0.0) == 1.4


@given(st.integers(0, 65535), st.integers(0, 4))
def test_decimal_scales_are_exact(raw: int, places: int) -> None:
    assert apply_scale(raw, float(f"1e-{places}"), 0.0) == float(f"{raw}e-{places}")


def test_scale_and_offset_apply_in_this_order() -> None:
    assert decode_register(register(type_="i16", scale=2.5, offset=-10.0), struct.pack(">h", -4), 0) == -20.0
