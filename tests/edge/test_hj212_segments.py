"""HJ 212 segments: published ones, an encoder written from the standard, fuzz."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.inventory import CodeSource
from edge.errors import Hj212Error
from edge.hj212.frames import Frame, Splitter, decode_frame
from edge.hj212.segments import Factor, Report, Segment, answer_to, decode_report, decode_segment
from edge.hj212.stations import judge_factor
from tests.edge.test_hj212_frames import published
from transport.measurement import Quality

CHINA = ZoneInfo("Asia/Shanghai")
ELLIPSIS = "…".encode()  # "and so on", printed in the standard; no station sends it


def report_of(text: str) -> Report:
    return decode_report(segment_of(text), CHINA)


def segment_of(content: str) -> Segment:
    return decode_segment(
        f"QN=20180427125809000;ST=22;CN=2011;PW=123456;MN=A1;Flag=5;CP=&&{content}&&".encode()
    )


def published_reports(folder: Path) -> list[Report]:
    segments = [decode_segment(decode_frame(raw).segment) for raw in published(folder, "hj212_valid.txt")]
    return [decode_report(segment, CHINA) for segment in segments if segment.cn == "2011"]


def test_the_construction_station_says_what_its_source_says(shared_data: Path) -> None:
    (report,) = [report for report in published_reports(shared_data) if report.mn == "ZX00001"]

    assert report.at == datetime(2019, 10, 18, 2, 49, tzinfo=UTC)
    values = {code: factor.value for code, factor in report.factors.items()}
    assert values["a34002"] == 30
    assert values["a34004"] == 25
    assert values["a34001"] == 132
    assert values["LA"] == 66.8
    assert {factor.flag for factor in report.factors.values()} == {"N"}


def test_a_station_that_sends_nanograms_is_scaled_by_its_profile(shared_data: Path) -> None:
    (report,) = [report for report in published_reports(shared_data) if report.mn == "LXHB0CS0306310"]
    source = CodeSource(code="a34004", scale=0.001, offset=0.0)

    judged = judge_factor(report.factors["a34004"], source, ("N",), clock_is_ahead=False)

    assert judged == (75.6, Quality.GOOD)


def test_a_misspelt_kind_and_an_empty_last_factor_are_understood(shared_data: Path) -> None:
    reports = [report for report in published_reports(shared_data) if report.mn == "010000A8900016F000169DC0"]

    assert [report.factors["LA"].value for report in reports] == [50.1, 50.1]


def test_every_published_report_has_factors(shared_data: Path) -> None:
    reports = published_reports(shared_data)

    assert len(reports) == 7
    assert all(report.factors for report in reports)


def test_the_standards_own_dialogues_are_read(shared_data: Path) -> None:
    lines = published(shared_data, "hj212_2017_annexC_segments.txt")
    segments = [decode_segment(line.replace(b";" + ELLIPSIS, b"").replace(ELLIPSIS, b"")) for line in lines]

    assert len(segments) == 47
    assert {segment.mn for segment in segments} == {"010000A8900016F000169DC0"}
    assert [segment.cn for segment in segments].count("9014") == 4
    split = [(segment.packets, segment.packet) for segment in segments if segment.packets > 1]
    assert split == [(2, 1), (2, 1), (2, 2)]
    noise = [segment for segment in segments if segment.st == "23" and segment.cn == "2011"]
    assert decode_report(noise[0], CHINA).factors == {"LA": Factor(50.1, "N")}


def test_an_answer_is_the_one_printed_in_the_standard(shared_data: Path) -> None:
    lines = published(shared_data, "hj212_2017_annexC_segments.txt")
    upload = next(line for line in lines if b"CN=2031" in line and b"DataTime" in line and b"ST=32" in line)
    printed = next(line for line in lines if b"CN=9014" in line and b"QN=20160802000000001" in line)

    assert answer_to(decode_segment(upload)) == printed


@pytest.mark.parametrize(("cn", "answered_by"), [("2051", b"CN=9014"), ("1013", b"CN=9013")])
def test_data_and_notices_have_their_own_answers(cn: str, answered_by: bytes) -> None:
    answer = answer_to(decode_segment(f"ST=22;CN={cn};MN=A1;Flag=5;CP=&&&&".encode()))

    assert answer is not None
    assert answered_by in answer


@pytest.mark.parametrize(
    "segment", [b"ST=22;CN=2011;MN=A1;Flag=4;CP=&&&&", b"ST=91;CN=9012;MN=A1;Flag=5;CP=&&&&"]
)
def test_what_wants_no_answer_gets_none(segment: bytes) -> None:
    assert answer_to(decode_segment(segment)) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"QN=20160801085857223;ST=32;CN=2011;MN=1;Flag=5", "no content"),
        (b"QN=20160801085857223;ST=32;CN=2011;MN=1;Flag=5;CP=&&", "no content"),
        (b"ST=32;CN=2011;Flag=5;CP=&&&&", "no MN"),
        (b"ST=32;MN=1;Flag=5;CP=&&&&", "no CN"),
        (b"ST=32;CN=20a1;MN=1;Flag=5;CP=&&&&", "CN is '20a1'"),
        (b"QN=2016;ST=32;CN=2011;MN=1;Flag=5;CP=&&&&", "QN is '2016'"),
        (b"ST=32;CN=2011;MN=1;Flag=x;CP=&&&&", "Flag is 'x'"),
        (b"ST=32;CN=2011;MN=1;Flag=300;CP=&&&&", "more than a byte"),
        (b"ST=32;CN=2011;MN=1;Flag=7;PNUM=2;PNO=3;CP=&&&&", "packet 3 of 2"),
        (b"ST;CN=2011;MN=1;Flag=5;CP=&&&&", "'ST' is no field"),
        (b"ST=32;CN=2011;MN=1;Flag=5;CP=&&&&tail", "goes on"),
        (b"ST=32;CN=2011;MN=\xff;Flag=5;CP=&&&&", "not UTF-8 at byte 17"),
    ],
)
def test_what_is_no_segment_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Hj212Error, match=reason):
        decode_segment(data)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a34004-Rtd=1", "no DataTime"),
        ("DataTime=2018;a34004-Rtd=1", "DataTime is '2018'"),
        ("DataTime=2024112320423050;a01001-Rtd=19.3", "DataTime is"),
        ("DataTime=20180230125809", "DataTime is"),
        ("DataTime=20180427125809;a34004", "'a34004' is no field"),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(content: str, reason: str) -> None:
    with pytest.raises(Hj212Error, match=reason):
        report_of(content)


def test_a_factor_without_a_number_has_no_value() -> None:
    report = report_of(
        "DataTime=20180427125809;a-Rtd=,a-Flag=D;b-Rtd=-,b-Flag=B;c-Rtd=nan;d-Rtd=1_0;e-Rtd=1e999"
    )

    assert {code: factor.value for code, factor in report.factors.items()} == dict.fromkeys("abcde")


def test_a_factor_said_twice_with_different_values_has_none() -> None:
    report = report_of("DataTime=20180427125809;a-Rtd=1.1;a-Rtd=2.2;b-Rtd=3;b-Rtd=3")

    assert report.factors == {"a": Factor(None, "N"), "b": Factor(3.0, "N")}


@pytest.mark.parametrize("flag", "FMSDCTB")
def test_only_the_normal_flag_is_believed(flag: str) -> None:
    source = CodeSource(code="a34004", scale=1.0, offset=0.0)

    assert judge_factor(Factor(7.0, flag), source, ("N",), clock_is_ahead=False) == (7.0, Quality.FLAG)


def test_values_of_a_station_whose_clock_is_ahead_are_doubtful() -> None:
    source = CodeSource(code="a34004", scale=1.0, offset=0.0)

    assert judge_factor(Factor(7.0, "N"), source, ("N",), clock_is_ahead=True) == (7.0, Quality.DOUBTFUL_TIME)


CODES = st.from_regex(r"[a-z][0-9]{5}", fullmatch=True)
NUMBERS = st.decimals(min_value=-99999, max_value=99999, places=3).map(str)
FACTORS = st.dictionaries(CODES, st.tuples(NUMBERS, st.sampled_from("NFMSDCTB")), min_size=1, max_size=15)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001  (the station's own time)


def from_the_standard(mn: str, moment: datetime, factors: dict[str, tuple[str, str]], flag: int) -> bytes:
    """A real-time upload, written from the standard's tables."""
    items = ";".join(f"{code}-Rtd={value},{code}-Flag={letter}" for code, (value, letter) in factors.items())
    segment = (
        f"QN={moment:%Y%m%d%H%M%S}000;ST=22;CN=2011;PW=123456;MN={mn};Flag={flag};"
        f"CP=&&DataTime={moment:%Y%m%d%H%M%S};{items}&&"
    ).encode()
    register = 0xFFFF
    for byte in segment:
        register = (register >> 8) ^ byte
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return f"##{len(segment):04d}".encode() + segment + f"{register:04X}\r\n".encode()


@given(MOMENTS, FACTORS, st.sampled_from([4, 5]))
def test_what_an_encoder_writes_is_read(
    moment: datetime, factors: dict[str, tuple[str, str]], flag: int
) -> None:
    (frame,) = Splitter().feed(from_the_standard("A110000_0003", moment, factors, flag))

    assert isinstance(frame, Frame)
    segment = decode_segment(frame.segment)
    report = decode_report(segment, CHINA)
    assert segment.wants_answer == (flag == 5)
    assert report.at == moment.replace(tzinfo=CHINA).astimezone(UTC)
    assert report.factors == {code: Factor(float(value), letter) for code, (value, letter) in factors.items()}


@given(st.binary(max_size=200))
def test_no_bytes_make_the_decoder_fail_otherwise(data: bytes) -> None:
    refuse_or_read(data)


@given(st.data(), MOMENTS, FACTORS)
def test_no_damaged_segment_makes_the_decoder_fail_otherwise(
    data: st.DataObject, moment: datetime, factors: dict[str, tuple[str, str]]
) -> None:
    segment = bytearray(from_the_standard("A1", moment, factors, 5)[6:-6])
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(segment) - 1))
        segment[place] = data.draw(st.sampled_from(b";,=&-0129NQ\xff\x00\xc2 "))

    refuse_or_read(bytes(segment))


def refuse_or_read(data: bytes) -> None:
    try:
        decode_report(decode_segment(data), CHINA)
    except Hj212Error as exc:
        assert str(exc)  # noqa: PT017  (any other error fails the test by itself)
