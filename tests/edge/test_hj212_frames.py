"""HJ 212 frames: published ones, invented ones, broken ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import Hj212Error
from edge.hj212.frames import Frame, Splitter, crc16, decode_frame, encode_frame

ANNEX_A = (
    b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"
)


def published(folder: Path, name: str) -> list[bytes]:
    """The frames of one of the published files."""
    lines = (folder / "frames" / name).read_bytes().splitlines()
    return [line for line in lines if line and not line.startswith((b"; ", b"# "))]


def by_the_standard(data: bytes) -> int:
    """The CRC as the standard's annex words it, bit by bit."""
    register = 0xFFFF
    for byte in data:
        register = (register >> 8) ^ byte
        for _ in range(8):
            fell_out = register & 1
            register >>= 1
            if fell_out:
                register ^= 0xA001
    return register


def frames_of(items: list[Frame | Hj212Error]) -> list[bytes]:
    return [item.segment for item in items if isinstance(item, Frame)]


def test_the_crc_is_the_standards_own() -> None:
    assert crc16(b"123456789") == 0x2F80
    assert encode_frame(ANNEX_A) == b"##0101" + ANNEX_A + b"1C80\r\n"


@given(st.binary(max_size=200))
def test_the_crc_agrees_with_the_standards_words(data: bytes) -> None:
    assert crc16(data) == by_the_standard(data)


def test_published_frames_are_accepted(shared_data: Path) -> None:
    frames = published(shared_data, "hj212_valid.txt")

    assert len(frames) == 8
    for raw in frames:
        assert decode_frame(raw).segment == raw[6:-4]
        assert frames_of(Splitter().feed(raw + b"\r\n")) == [raw[6:-4]]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (0, "CRC is 1100, should be 2D00"),
        (1, "CRC is F9C1, should be 7340"),
        (2, "declares a segment of 215 bytes, has 202"),
        (3, "CRC is 4045, should be 4540 (its bytes are swapped)"),
    ],
)
def test_published_wrong_frames_are_refused_with_the_reason(
    shared_data: Path, place: int, reason: str
) -> None:
    raw = published(shared_data, "hj212_wild_invalid.txt")[place]

    with pytest.raises(Hj212Error) as refused:
        decode_frame(raw)
    (item,) = Splitter().feed(raw + b"\r\n")

    assert str(refused.value) == str(item) == reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"#0004CP=&0000\r\n", "does not begin with ##"),
        (b"##00x4CP=&0000\r\n", "no four digits"),
        (b"##9999CP=&0000\r\n", "the standard allows 1024"),
        (b"##00", "no four digits"),
        (b"##0004", "declares a segment of 4 bytes"),
        (b"", "does not begin with ##"),
    ],
)
def test_what_is_no_frame_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(Hj212Error, match=reason):
        decode_frame(raw)


SEGMENTS = st.lists(
    st.text(st.characters(codec="ascii", min_codepoint=32), max_size=80).map(str.encode),
    min_size=1,
    max_size=5,
)


@given(SEGMENTS, st.integers(1, 40))
def test_frames_are_found_however_the_stream_is_cut(segments: list[bytes], portion: int) -> None:
    stream = b"".join(encode_frame(segment) for segment in segments)
    splitter = Splitter()

    found = [
        item
        for start in range(0, len(stream), portion)
        for item in splitter.feed(stream[start : start + portion])
    ]

    assert frames_of(found) == segments
    assert len(found) == len(segments)


@given(st.binary(max_size=300), SEGMENTS)
def test_frames_are_found_after_any_garbage(garbage: bytes, segments: list[bytes]) -> None:
    splitter = Splitter()
    splitter.feed(garbage)

    found = splitter.feed(b"\r\n" + b"".join(encode_frame(segment) for segment in segments))

    assert frames_of(found)[-len(segments) :] == segments


@given(st.data(), SEGMENTS)
def test_a_damaged_frame_never_costs_its_successor(data: st.DataObject, segments: list[bytes]) -> None:
    damaged = bytearray(encode_frame(ANNEX_A))
    place = data.draw(st.integers(0, len(damaged) - 3))
    damaged[place] ^= data.draw(st.integers(1, 255))
    splitter = Splitter()

    found = splitter.feed(bytes(damaged) + b"".join(encode_frame(segment) for segment in segments))

    assert frames_of(found)[-len(segments) :] == segments
    assert any(isinstance(item, Hj212Error) for item in found)


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([b"##", b"0010", b"\r\n", b"#", b"9999"]), max_size=30)
)
def test_no_bytes_make_the_splitter_fail_or_hoard(portions: list[bytes]) -> None:
    splitter = Splitter()

    for portion in portions:
        for item in splitter.feed(portion):
            assert isinstance(item, Frame | Hj212Error)
    last = splitter.feed(b"\r\n" + encode_frame(ANNEX_A))

    assert frames_of(last)[-1] == ANNEX_A


def test_a_stretch_of_noise_is_told_of_once() -> None:
    splitter = Splitter()

    items = splitter.feed(b"noise") + splitter.feed(b" and more of it") + splitter.feed(encode_frame(ANNEX_A))

    assert [type(item) for item in items] == [Hj212Error, Frame]


def test_a_segment_beyond_the_standards_length_is_not_sent() -> None:
    with pytest.raises(Hj212Error, match="1024"):
        encode_frame(b"x" * 1025)
