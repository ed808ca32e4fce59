"""Taking broken batches apart: nothing that comes from outside ends the collector."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from collector.salvage import salvage
from tests.collector.test_block import READINGS, batch_of
from transport.batch import Reading, encode_batch

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)
ROWS = st.lists(st.lists(ANYTHING, max_size=3) | ANYTHING, max_size=3)
GROUPS = st.tuples(
    st.text(max_size=3) | ANYTHING,
    st.lists(st.text(max_size=3) | ANYTHING, max_size=3),
    st.lists(st.integers(0, 2**41) | ANYTHING, max_size=3),
    ROWS,
    st.lists(st.tuples(ANYTHING, ANYTHING, ANYTHING), max_size=2) | ANYTHING,
)


@given(READINGS)
def test_a_proper_batch_is_saved_whole(readings: list[Reading]) -> None:
    batch = batch_of(readings)
    saved = salvage(encode_batch(batch))

    assert saved is not None
    assert (saved.epoch, saved.seq, saved.refused) == ("first", 1, [])
    assert [sample for block in saved.blocks for sample in block.samples()] == list(batch.samples())


@given(st.binary(max_size=50) | ANYTHING.map(msgspec.json.encode))
def test_what_is_no_batch_at_all_is_left_alone(payload: bytes) -> None:
    assert salvage(payload) is None


@given(st.lists(GROUPS | ANYTHING, max_size=3))
def test_whatever_stands_in_a_batch_is_saved_or_refused(groups: list[Any]) -> None:
    message = {"gateway": "g", "epoch": "first", "seq": 1, "origin_ms": 2**40, "groups": groups}
    saved = salvage(msgspec.json.encode(message))

    assert saved is not None
    for block in saved.blocks:
        for sample in block.samples():
            assert sample.value is not None or sample.quality.is_bad
            assert isinstance(sample.point, str)
