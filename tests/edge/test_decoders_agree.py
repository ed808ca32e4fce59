"""Each decoder reads back what an encoder written from the standard alone has put on the wire."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from edge import exchanges, nmea, plantower, sdi12, vaisala
from edge.crc import crc16
from edge.hj212 import frames as hj212_frames
from edge.hj212 import telegrams as hj212
from edge.sl427 import frames as sl427_frames
from edge.sl427 import telegrams as sl427
from edge.sl651 import bodies as sl651
from tests.edge import encoders as by_the_book

CHINA = ZoneInfo("Asia/Shanghai")
STATIONS = st.integers(0, 10**10 - 1).map(lambda number: f"{number:010d}")
MINUTES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001  (as stations say it)
    lambda at: at.replace(second=0, microsecond=0)
)


def instant(local: datetime) -> datetime:
    return local.replace(tzinfo=CHINA).astimezone(UTC)


@given(data=st.binary(max_size=64))
def test_checks_are_those_that_the_standards_draw(data: bytes) -> None:
    assert crc16(data) == by_the_book.bits_crc(data, polynomial=0xA001, start=0xFFFF)
    assert crc16(data, 0) == by_the_book.bits_crc(data, polynomial=0xA001, start=0)
    assert hj212_frames.crc16(data) == by_the_book.hj212_crc(data)
    assert sl427_frames.crc8(data) == by_the_book.bits_crc8(data)


@given(
    station=STATIONS,
    observed=MINUTES,
    level_mm=st.integers(-9_999_999, 9_999_999),
    tenths=st.integers(0, 999_999),
    function=st.sampled_from((0x30, 0x32, 0x33, 0x37, 0x3A)),
)
def test_sl651_elements(station: str, observed: datetime, level_mm: int, tenths: int, function: int) -> None:
    level = by_the_book.sl651_element("3B", level_mm / 1000, 5, 3)
    rain = by_the_book.sl651_element("26", tenths / 10, 3, 1)
    body = by_the_book.sl651_body(7, observed, station, observed, level + rain)

    telegram = sl651.decode(by_the_book.sl651_up(station, function, body), CHINA)

    assert (telegram.station, telegram.at) == (station, instant(observed))
    assert [(said.code, said.value, said.unit) for said in telegram.said] == [
        ("3B", level_mm / 1000, "m"),
        ("26", tenths / 10, "mm"),
    ]


@given(
    station=STATIONS,
    observed=MINUTES,
    tenths=st.lists(st.one_of(st.none(), st.integers(0, 254)), min_size=12, max_size=12),
    levels_cm=st.lists(st.one_of(st.none(), st.integers(0, 65534)), min_size=12, max_size=12),
)
def test_sl651_hours_in_groups_of_five_minutes(
    station: str, observed: datetime, tenths: list[int | None], levels_cm: list[int | None]
) -> None:
    rains = b"\xf4\x60" + bytes(0xFF if each is None else each for each in tenths)
    levels = b"\xf5\xc0" + b"".join(
        (0xFFFF if each is None else each).to_bytes(2, "big") for each in levels_cm
    )
    body = by_the_book.sl651_body(1, observed, station, observed, rains + levels)

    telegram = sl651.decode(by_the_book.sl651_up(station, 0x34, body), CHINA)

    said = telegram.said
    assert [each.value for each in said[:12]] == [None if each is None else each / 10 for each in tenths]
    assert [each.value for each in said[12:]] == [None if each is None else each / 100 for each in levels_cm]
    assert [each.at for each in said[:12]] == [
        instant(observed) + group * timedelta(minutes=5) for group in range(12)
    ]


@given(
    observed=MINUTES,
    step=st.integers(1, 59),
    mm=st.lists(st.one_of(st.none(), st.integers(0, 10**8 - 2)), min_size=1, max_size=40),
)
def test_sl651_uniform_series(observed: datetime, step: int, mm: list[int | None]) -> None:
    series = b"\x04\x18\x00\x00" + by_the_book.bcd(step, 1) + b"\x39\x23"
    series += b"".join(b"\xff" * 4 if each is None else by_the_book.bcd(each, 4) for each in mm)
    body = by_the_book.sl651_body(1, observed, "0011223344", observed, series)

    telegram = sl651.decode(by_the_book.sl651_up("0011223344", 0x31, body), CHINA)

    assert [(said.value, said.at) for said in telegram.said] == [
        (None if each is None else each / 1000, instant(observed) + place * timedelta(minutes=step))
        for place, each in enumerate(mm)
    ]


@given(
    station=STATIONS,
    at=MINUTES,
    levels_mm=st.lists(st.integers(-9_999_999, 9_999_999), max_size=6),
    alarms=st.integers(0, 0xFFFF),
)
def test_sl427_levels(station: str, at: datetime, levels_mm: list[int], alarms: int) -> None:
    data = b"".join(by_the_book.sl427_digits(mm / 1000, 4, 3, signed=True) for mm in levels_mm)
    frame = by_the_book.sl427_up(station, 2, data + alarms.to_bytes(2, "little") + b"\0\0", at)

    telegram = sl427.decode(frame, CHINA)

    assert (telegram.station, telegram.at) == (station, instant(at))
    expected = [(f"level{place}", mm / 1000) for place, mm in enumerate(levels_mm, start=1)]
    assert [(said.code, said.value) for said in telegram.said] == [
        *expected,
        ("alarms", alarms),
        ("state", 0),
    ]


@given(at=MINUTES, litres=st.integers(0, 10**9 - 1), total=st.integers(0, 799_999_999))
def test_sl427_flow_and_total(at: datetime, litres: int, total: int) -> None:
    data = by_the_book.sl427_digits(litres / 1000, 5, 3) + by_the_book.sl427_digits(total, 5, 0) + bytes(4)

    telegram = sl427.decode(by_the_book.sl427_up("0102030405", 3, data, at), CHINA)

    assert [(said.code, said.value, said.unit) for said in telegram.said[:2]] == [
        ("flow1", litres / 1000, "m3/s"),
        ("total1", total, "m3"),
    ]


VALUES = st.lists(st.from_regex(r"[+-][0-9]{1,5}(\.[0-9]{1,2})?", fullmatch=True), max_size=9)


@given(address=st.from_regex(r"[0-9A-Za-z]", fullmatch=True), values=VALUES, crc=st.booleans())
def test_sdi12_answers(address: str, values: list[str], crc: bool) -> None:  # noqa: FBT001  (hypothesis draws it)
    telegram = sdi12.decode(by_the_book.sdi12_answer(address, values, crc=crc))

    assert telegram.station == address
    assert [said.value for said in telegram.said] == [float(value) for value in values]


@given(angle=st.integers(0, 359), tenths=st.integers(0, 999), valid=st.sampled_from("AV"))
def test_nmea_wind(angle: int, tenths: int, valid: str) -> None:
    sentence = by_the_book.nmea_sentence(f"WIMWV,{angle:03d}.0,T,{tenths / 10:05.1f},M,{valid}")

    telegram = nmea.decode(sentence)

    assert [(said.code, said.value, said.flag) for said in telegram.said] == [
        ("MWV.angle-t", angle, None if valid == "A" else "V"),
        ("MWV.speed-t", tenths / 10, None if valid == "A" else "V"),
    ]


@given(
    tenths=st.integers(-520, 600),
    hundredths=st.integers(0, 99999),
    letter=st.sampled_from("M#"),
    crc=st.booleans(),
)
def test_vaisala_answers(tenths: int, hundredths: int, letter: str, crc: bool) -> None:  # noqa: FBT001
    fields = {"Sm": f"{hundredths / 100}{letter}", "Ta": f"{tenths / 10}C"}

    telegram = vaisala.decode(by_the_book.vaisala_answer("0", fields, crc=crc))

    assert [(said.code, said.value, said.flag) for said in telegram.said] == [
        ("Sm", hundredths / 100, "#" if letter == "#" else None),
        ("Ta", tenths / 10, None),
    ]


@given(words=st.lists(st.integers(1, 0xFFFF), min_size=13, max_size=13))
def test_plantower_frames(words: list[int]) -> None:
    telegram = plantower.decode(by_the_book.plantower_frame(words))

    assert [said.value for said in telegram.said] == words[:12]


@given(
    at=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001
    hundredths=st.dictionaries(
        st.from_regex(r"[a-z][0-9]{5}", fullmatch=True), st.integers(-9999, 99999), max_size=8
    ),
    flag=st.sampled_from("NFMSDCTB"),
)
def test_hj212_reports(at: datetime, hundredths: dict[str, int], flag: str) -> None:
    factors = ";".join(
        f"{code}-Rtd={value / 100:.2f},{code}-Flag={flag}" for code, value in hundredths.items()
    )
    time = f"{at:%Y%m%d%H%M%S}"
    segment = f"QN={time}000;ST=22;CN=2011;PW=123456;MN=A1;Flag=5;CP=&&DataTime={time};{factors}&&"

    telegram = hj212.decode(by_the_book.hj212_frame(segment), CHINA)

    assert telegram.at == instant(at.replace(microsecond=0))
    assert {said.code: (said.value, said.flag) for said in telegram.said} == {
        code: (value / 100, flag) for code, value in hundredths.items()
    }


@given(
    unit=st.integers(1, 247),
    address=st.integers(0, 0xFF00),
    words=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125),
    function=st.sampled_from((3, 4)),
)
def test_modbus_registers(unit: int, address: int, words: list[int], function: int) -> None:
    request = bytes((function,)) + address.to_bytes(2, "big") + len(words).to_bytes(2, "big")
    data = b"".join(word.to_bytes(2, "big") for word in words)
    answer = bytes((function, len(data))) + data
    table = "holding" if function == 3 else "input"
    expected = [(f"{table}/{address + place}", word) for place, word in enumerate(words)]

    for telegram in (
        exchanges.decode_rtu(by_the_book.modbus_rtu(unit, request), by_the_book.modbus_rtu(unit, answer)),
        exchanges.decode_ascii(
            by_the_book.modbus_ascii(unit, request), by_the_book.modbus_ascii(unit, answer)
        ),
        exchanges.decode_tcp(
            by_the_book.modbus_tcp(9, unit, request), by_the_book.modbus_tcp(9, unit, answer)
        ),
    ):
        assert telegram.station == str(unit)
        assert [(said.code, said.value) for said in telegram.said] == expected


@given(
    unit=st.integers(1, 247),
    address=st.integers(0, 0xF000),
    bits=st.lists(st.booleans(), min_size=1, max_size=2000),
    function=st.sampled_from((1, 2, 15)),
)
def test_modbus_bits(unit: int, address: int, bits: list[bool], function: int) -> None:
    place = address.to_bytes(2, "big") + len(bits).to_bytes(2, "big")
    number = sum(bit << index for index, bit in enumerate(bits))
    data = number.to_bytes((len(bits) + 7) // 8, "little")
    counted = bytes((len(data),)) + data
    if function == 15:
        request, answer = bytes((function,)) + place + counted, bytes((function,)) + place
    else:
        request, answer = bytes((function,)) + place, bytes((function,)) + counted
    table = "discrete" if function == 2 else "coil"

    telegram = exchanges.decode_rtu(
        by_the_book.modbus_rtu(unit, request), by_the_book.modbus_rtu(unit, answer)
    )

    assert [(said.code, said.value) for said in telegram.said] == [
        (f"{table}/{address + index}", bit) for index, bit in enumerate(bits)
    ]


@given(
    unit=st.integers(1, 247),
    address=st.integers(0, 0xF000),
    words=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=120),
)
def test_modbus_writes(unit: int, address: int, words: list[int]) -> None:
    data = b"".join(word.to_bytes(2, "big") for word in words)
    place = address.to_bytes(2, "big") + len(words).to_bytes(2, "big")
    several = b"\x10" + place + bytes((len(data),)) + data
    one = b"\x06" + address.to_bytes(2, "big") + data[:2]

    telegrams = [
        exchanges.decode_rtu(by_the_book.modbus_rtu(unit, request), by_the_book.modbus_rtu(unit, answer))
        for request, answer in ((several, b"\x10" + place), (one, one))
    ]

    expected = [(f"holding/{address + index}", word) for index, word in enumerate(words)]
    assert [(said.code, said.value) for said in telegrams[0].said] == expected
    assert [(said.code, said.value) for said in telegrams[1].said] == expected[:1]


@given(
    station=STATIONS, at=MINUTES, hundredths=st.integers(0, 9999), kind=st.sampled_from((1, 5, 8, 9, 12, 15))
)
def test_sl427_other_kinds(station: str, at: datetime, hundredths: int, kind: int) -> None:
    name, size, decimals = {
        1: ("rain1", 3, 1),
        5: ("gate1", 3, 2),
        8: ("energy1", 4, 2),
        9: ("water-temperature1", 2, 1),
        12: ("evaporation1", 3, 1),
        15: ("water-pressure1", 4, 2),
    }[kind]
    value = hundredths / 10**decimals
    frame = by_the_book.sl427_up(
        station, kind, by_the_book.sl427_digits(value, size, decimals) + bytes(4), at
    )

    said = sl427.decode(frame, CHINA).said

    assert (said[0].code, said[0].value) == (name, value)
