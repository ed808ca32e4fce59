"""What simulated speakers say, against frames that others published, and what they understand."""

import pytest

from firmware_sim.checksums import sdi12_crc, sl427_crc
from firmware_sim.dialects import Words, confirmed, nmea, plantower, sdi12_data, sl427, sl651, vaisala

NOON_UTC_MS = 1_528_000_000_000  # 2018-06-03T04:26:40Z


def words(address: str, **values: float) -> Words:
    return Words(
        address=address,
        values={code.replace("_", "."): (value, 2) for code, value in values.items()},
        event_ms=NOON_UTC_MS,
        utc_offset_s=8 * 3600.0,
        number=7,
    )


@pytest.mark.parametrize(
    ("answer", "crc"), [(b"0+3.14", b"OqZ"), (b"0+3.14+2.718+1.414", b"Ipz"), (b"0+7.77+8.88+9.99", b"IvW")]
)
def test_the_sdi12_crc_is_the_one_that_the_standard_prints(answer: bytes, crc: bytes) -> None:
    assert sdi12_crc(answer) == crc


def test_an_sdi12_answer_carries_signs_and_its_crc() -> None:
    assert sdi12_data(words("0", a=3.14), crc=True) == b"0+3.14OqZ\r\n"
    assert sdi12_data(words("0", a=-3.14, b=2), crc=False) == b"0-3.14+2.00\r\n"


def test_the_sl427_crc_is_that_of_a_published_frame() -> None:
    assert sl427_crc(bytes.fromhex("b40102030405c05545040020700030151412052600")) == 0xAD


def test_an_sl427_report_has_its_digits_lowest_first_and_its_local_time() -> None:
    frame = sl427(words("0102030405", level1=-1.25))

    assert frame[:3] == bytes((0x68, len(frame) - 5, 0x68))
    assert frame[10:14] == bytes.fromhex("501200f0")
    assert frame[18:25] == bytes.fromhex("40261203061800")


def test_an_sl651_report_has_its_element_definitions_and_its_local_time() -> None:
    frame = sl651(words("0010100001", **{"39": -0.34}))

    assert frame[:2] == b"\x7e\x7e"
    assert frame[14:22] == bytes.fromhex("0008180603122640")
    assert bytes.fromhex("392aff00000034") in frame


def test_nmea_wind_is_mwv_and_everything_else_xdr() -> None:
    assert (
        nmea(words("II", **{"MWV_angle-r": 344.0, "MWV_speed-r": 5.9})) == b"$IIMWV,344.0,R,005.9,M,A*31\r\n"
    )
    assert b"$IIXDR,G,7.00,,N*" in nmea(words("II", XDR_N=7))


def test_vaisala_fields_have_the_letters_of_their_units() -> None:
    assert vaisala(words("0", Ta=9, Pa=1006.9, Rc=0)) == b"0R0,Ta=9.00C,Pa=1006.90H,Rc=0.00M\r\n"


def test_a_plantower_frame_ends_with_its_sum() -> None:
    frame = plantower(words("0", pm25=13))

    assert frame[:4] == b"BM\0\x1c"
    assert len(frame) == 32
    assert int.from_bytes(frame[-2:], "big") == sum(frame[:-2])


@pytest.mark.parametrize(
    ("protocol", "answer", "address"),
    [
        ("sl651", "7E7E001010000101A000328008020001200724172349046A1F", "0010100001"),
        ("sl427", "", "0102030405"),
    ],
)
def test_noise_confirms_nothing(protocol: str, answer: str, address: str) -> None:
    assert not confirmed(protocol, b"\x7e\x7e\x68\x68" * 20 + bytes.fromhex(answer), address)
