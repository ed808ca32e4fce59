"""Acknowledgements: the fewest ranges that say exactly what was committed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.acks import Ack, decode_ack, encode_ack, to_ranges
from transport.errors import WireError

NUMBERS = st.integers(0, 2**63 - 1)


@given(st.lists(st.integers(0, 200)))
def test_ranges_hold_exactly_the_numbers(numbers: list[int]) -> None:
    ranges = to_ranges(numbers)

    assert [n for first, last in ranges for n in range(first, last + 1)] == sorted(set(numbers))


@given(st.lists(st.integers(0, 200)))
def test_ranges_are_as_few_as_can_be(numbers: list[int]) -> None:
    ranges = to_ranges(numbers)

    assert all(later - last > 1 for (_, last), (later, _) in pairwise(ranges))


@given(st.text(), st.text(), st.lists(st.tuples(NUMBERS, NUMBERS)))
def test_an_acknowledgement_comes_out_unchanged(
    consumer: str, epoch: str, ranges: list[tuple[int, int]]
) -> None:
    ack = Ack(consumer=consumer, epoch=epoch, ranges=ranges)

    assert decode_ack(encode_ack(ack)) == ack


@pytest.mark.parametrize("bad", [(-1, 4), (0, 2**63), (0, 2**100)])
def test_numbers_that_no_outbox_can_count_are_refused(bad: tuple[int, int]) -> None:
    with pytest.raises(WireError):
        decode_ack(encode_ack(Ack(consumer="store", epoch="e", ranges=[bad])))


@given(st.binary(max_size=100))
def test_noise_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode_ack(payload)
