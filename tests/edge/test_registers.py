"""Register blocks to numbers."""

import struct
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.inventory import RegisterSource, ScaleSource
from district.register import WORDS, ByteOrder, RegisterType
from edge.registers import Decoder, apply_scale, read_text, scale_factor
from tests.edge.points import register
from transport.measurement import Quality

ORDERS: list[ByteOrder] = ["ABCD", "CDAB", "BADC", "DCBA"]
WHOLE: dict[RegisterType, tuple[int, int]] = {
    "u16": (0, 2**16 - 1),
    "u48": (0, 2**48 - 1),
    "i48": (-(2**47), 2**47 - 1),
    "i16": (-(2**15), 2**15 - 1),
    "u32": (0, 2**32 - 1),
    "i32": (-(2**31), 2**31 - 1),
    "u64": (0, 2**64 - 1),
    "i64": (-(2**63), 2**63 - 1),
}


def decode_register(source: RegisterSource, data: bytes, start: int) -> float | None:
    """The value of a good sample; none for any other."""
    value, quality = Decoder(source).decode(data, start)
    assert quality.is_good == (value is not None)
    return value


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


LONG_ORDERS: list[ByteOrder] = [
    "ABCDEFGH",
    "CDABGHEF",
    "BADCFEHG",
    "DCBAHGFE",
    "EFGHABCD",
    "GHEFCDAB",
    "FEHGBADC",
    "HGFEDCBA",
]


@given(st.integers(0, 2**64 - 1), st.sampled_from(LONG_ORDERS))
def test_eight_bytes_come_back_in_every_order_of_bytes_words_and_halves(value: int, order: ByteOrder) -> None:
    big_endian = value.to_bytes(8, "big")
    wire = bytes(big_endian["ABCDEFGH".index(letter)] for letter in order)

    assert decode_register(register(type_="u64", order=order), wire, 0) == float(value)


def test_four_letters_say_the_same_of_eight_bytes_as_of_four() -> None:
    for short, long in (("CDAB", "GHEFCDAB"), ("BADC", "BADCFEHG"), ("DCBA", "HGFEDCBA")):
        wire = bytes(range(1, 9))
        assert decode_register(register(type_="u64", order=short), wire, 0) == decode_register(
            register(type_="u64", order=long), wire, 0
        )


@given(st.integers(0, 255), st.integers(0, 255))
def test_each_half_of_a_register_is_a_number_of_its_own(high: int, low: int) -> None:
    wire = bytes((high, low))

    assert decode_register(register(type_="u8", byte="high"), wire, 0) == high
    assert decode_register(register(type_="u8", byte="low"), wire, 0) == low
    assert decode_register(register(type_="i8"), wire, 0) == (low - 256 if low > 127 else low)


@given(st.integers(0, 65535), st.integers(0, 15))
def test_a_bit_of_a_register_counts_from_the_lowest(word: int, place: int) -> None:
    source = register(type_="bool", bits=(place, place))

    assert decode_register(source, word.to_bytes(2, "big"), 0) == word >> place & 1


def test_a_field_of_bits_is_a_number() -> None:
    source = register(type_="u16", bits=(4, 6))

    assert decode_register(source, (0b0101_0110_1010).to_bytes(2, "big"), 0) == 0b110


@given(st.sampled_from(["bcd16", "bcd32", "bcd64"]), st.data())
def test_binary_coded_decimals_are_read_digit_by_digit(type_: RegisterType, data: st.DataObject) -> None:
    digits = 4 * WORDS[type_]
    value = data.draw(st.integers(0, 10**digits - 1))

    decoded = decode_register(register(type_=type_), bytes.fromhex(f"{value:0{digits}d}"), 0)
    assert decoded == float(value)  # beyond 2**53 the nearest double, as every value is one


def test_a_digit_above_nine_is_not_believed() -> None:
    assert Decoder(register(type_="bcd16")).decode(b"\x12\x3a", 0) == (None, Quality.INVALID)


@given(st.decimals(min_value=-99, max_value=99, places=1))
def test_a_half_is_the_number_on_the_display(shown: object) -> None:
    value = float(str(shown))

    assert decode_register(register(type_="f16"), struct.pack(">e", value), 0) == pytest.approx(
        value, abs=0.06
    )
    assert len(repr(decode_register(register(type_="f16"), struct.pack(">e", value), 0))) <= 7


@pytest.mark.parametrize("written", [32767.0, -32768.0, 0x8000])
def test_a_sentinel_is_no_value_whichever_way_it_is_written(written: float) -> None:
    decoder = Decoder(register(type_="i16", no_value=frozenset({written}), scale=0.1))
    raw = int(written) & 0xFFFF

    assert decoder.decode(raw.to_bytes(2, "big"), 0) == (None, Quality.SENTINEL)
    assert decoder.decode(b"\x00\x05", 0) == (0.5, Quality.GOOD)


def test_a_code_that_means_nothing_known_is_not_believed() -> None:
    decoder = Decoder(register(enum={0: "boot", 1: "ready"}))

    assert decoder.decode(b"\x00\x01", 0) == (1.0, Quality.GOOD)
    assert decoder.decode(b"\x00\x07", 0) == (7.0, Quality.INVALID)


def test_a_text_loses_its_padding_and_nothing_else() -> None:
    assert read_text(register(type_="string", words=4), b"xxQDY30A\0\0", 1) == "QDY30A"
    assert read_text(register(type_="string", words=2, order="BADC"), b"BADC", 0) == "ABCD"
    assert read_text(register(type_="string", words=3), "水位".encode(), 0) == "水位"


def scale(says: object, addr: int = 3) -> ScaleSource:
    return ScaleSource(table="holding", addr=addr, type="u16", order="ABCD", words=1, says=says)  # type: ignore[arg-type]


def test_a_scale_that_the_device_says_is_applied_exactly() -> None:
    unit, decimals = scale({16: 1.0, 17: 0.01, 18: 0.001}, addr=2), scale("decimals")
    level = Decoder(register(4, "i16"))

    factor = scale_factor([unit, decimals], [17, 1])

    assert factor is not None
    assert level.decode((1234).to_bytes(2, "big"), 0, factor) == (1.234, Quality.GOOD)
    assert scale_factor([unit, decimals], [1, 1]) is None
    assert scale_factor([unit, decimals], [16, 60000]) is None
    assert scale_factor([unit, decimals], [16, None]) is None
    assert scale_factor([scale("exponent")], [2]) == 100.0
    assert scale_factor([scale("factor")], [7]) == 7.0
