"""Blocks: the same samples however they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.block import Block, blocks_from, blocks_of, size_of
from transport.batch import Batch, Group, Reading, Sample, build_batch
from transport.errors import WireError
from transport.measurement import Quality

CELLS = st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(Quality)) | st.tuples(
    st.none(), st.sampled_from([quality for quality in Quality if quality.is_bad])
)
READINGS = st.lists(
    st.builds(
        Reading,
        st.sampled_from(["gauge", "crane"]),
        st.integers(2**40, 2**41),
        st.dictionaries(st.sampled_from(["level", "wind", "rain"]), CELLS, min_size=1),
    ),
    max_size=20,
)


def batch_of(readings: list[Reading]) -> Batch:
    return build_batch(readings, gateway="gw-1", epoch="first", seq=1)


def samples(blocks: list[Block]) -> list[Sample]:
    return [sample for block in blocks for sample in block.samples()]


@given(READINGS)
def test_blocks_hold_what_the_batch_holds(readings: list[Reading]) -> None:
    batch = batch_of(readings)

    assert samples(blocks_of(batch)) == list(batch.samples())
    assert samples(blocks_from(batch.samples())) == list(batch.samples())
    assert size_of(blocks_of(batch)) == len(list(batch.samples()))


@given(READINGS)
def test_halving_ends_at_every_single_sample(readings: list[Reading]) -> None:
    batch = batch_of(readings)
    whole, alone = blocks_of(batch), []
    while whole:
        block = whole.pop(0)
        if block.size > 1:
            whole = [*block.halves(), *whole]
        else:
            alone.append(block)

    assert sorted(map(repr, samples(alone))) == sorted(map(repr, batch.samples()))


@pytest.mark.parametrize("mark", [(1, 0), (0, 1), (-1, 0), (0, -1)])
def test_a_mark_outside_the_answers_is_no_batch(mark: tuple[int, int]) -> None:
    group = Group("gauge", ["level"], [0], [[0.5]], [(*mark, Quality.SPIKE)])
    batch = Batch(gateway="gw-1", epoch="first", seq=1, origin_ms=0, groups=[group])

    with pytest.raises(WireError, match="gauge"):
        blocks_of(batch)


def test_a_group_without_answers_is_no_block() -> None:
    groups = [Group("gauge", ["level"], [], []), Group("gauge", [], [0], [[]])]

    assert blocks_of(Batch(gateway="gw-1", epoch="first", seq=1, origin_ms=0, groups=groups)) == []
