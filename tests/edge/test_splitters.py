"""Frames are found in a stream wherever its bytes break, behind noise and behind frames that were cut off."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import plantower
from edge.errors import FrameError
from edge.sl427 import frames as sl427
from edge.sl651 import frames as sl651
from tests.edge import encoders as by_the_book

NOON = datetime(2018, 6, 3, 12, 0)  # noqa: DTZ001  (as stations say it)
SL651 = by_the_book.sl651_up("0010100001", 0x32, by_the_book.sl651_body(1, NOON, "0010100001", NOON, b""))
SL427 = by_the_book.sl427_up("0102030405", 2, bytes(8), NOON)
PMS = by_the_book.plantower_frame([7] * 13)

Feed = Callable[[bytes], Sequence[object]]


def whole_sl651() -> Feed:
    splitter = sl651.Splitter()
    return lambda data: [item for item in splitter.feed(data) if not isinstance(item, FrameError)]


def whole_sl427() -> Feed:
    splitter = sl427.Splitter()
    return lambda data: [item for item in splitter.feed(data) if not isinstance(item, FrameError)]


def whole_plantower() -> Feed:
    splitter = plantower.Splitter()
    return lambda data: [frame for frame in splitter.feed(data) if frame == PMS]


STREAMS = [
    pytest.param(whole_sl651, SL651, id="sl651"),
    pytest.param(whole_sl427, SL427, id="sl427"),
    pytest.param(whole_plantower, PMS, id="plantower"),
]


def fed(feed: Feed, data: bytes, cuts: Sequence[int]) -> list[object]:
    """What comes out when ``data`` arrives in pieces."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [item for start, end in pairwise(places) for item in feed(data[start:end])]


@pytest.mark.parametrize(("make", "frame"), STREAMS)
@given(cuts=st.lists(st.integers(0, 10_000), max_size=8), count=st.integers(1, 4))
def test_frames_are_found_wherever_the_stream_breaks(
    make: Callable[[], Feed], frame: bytes, cuts: list[int], count: int
) -> None:
    assert len(fed(make(), frame * count, cuts)) == count


@pytest.mark.parametrize(("make", "frame"), STREAMS)
@given(
    cuts=st.lists(st.integers(0, 10_000), max_size=8), kept=st.integers(0, 30), noise=st.binary(max_size=12)
)
def test_a_frame_that_was_cut_off_does_not_swallow_the_next_ones(
    make: Callable[[], Feed], frame: bytes, cuts: list[int], kept: int, noise: bytes
) -> None:
    data = frame[: min(kept, len(frame) - 1)] + noise + frame * 12

    assert len(fed(make(), data, cuts)) >= 11  # noise may happen to look like the head of a long frame


@pytest.mark.parametrize(("make", "frame"), STREAMS)
@given(pieces=st.lists(st.binary(max_size=80), max_size=12))
def test_no_bytes_stop_a_splitter(make: Callable[[], Feed], frame: bytes, pieces: list[bytes]) -> None:
    feed = make()
    for piece in pieces:
        feed(piece)

    assert any(feed(frame) for _ in range(400))
