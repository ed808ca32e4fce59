"""The planner: every point once, no limit crossed, no cheaper plan."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.profile import RegisterType, Table
from edge.errors import EdgeSpecError
from edge.plan import Block, Limits, RegisterPoint, plan_blocks
from tests.edge.points import placed, register

TYPES: list[RegisterType] = ["u16", "i16", "u32", "f32", "u64"]
COSTLY_REQUESTS = 0.05


def line_cost(_table: Table, count: int) -> float:
    return COSTLY_REQUESTS + 0.002 * count


@st.composite
def maps(draw: st.DrawFn) -> list[RegisterPoint]:
    tables = st.sampled_from(["holding", "input"])
    spots = draw(
        st.lists(st.tuples(tables, st.integers(0, 200), st.sampled_from(TYPES)), min_size=1, max_size=12)
    )
    bits = draw(st.lists(st.integers(0, 3000), max_size=4))
    return [
        placed(f"p{i}", register(addr, type_, table=table)) for i, (table, addr, type_) in enumerate(spots)
    ] + [placed(f"b{i}", register(addr, "bool")) for i, addr in enumerate(bits)]


LIMITS = st.builds(Limits, max_words=st.integers(4, 125), max_bits=st.integers(1, 2000), holes=st.booleans())


@given(maps(), LIMITS)
def test_a_plan_covers_every_point_once_and_crosses_no_limit(
    points: list[RegisterPoint], limits: Limits
) -> None:
    blocks = plan_blocks(points, limits, line_cost)

    planned = [each.point.id for block in blocks for each in block.points]
    assert sorted(planned) == sorted(each.point.id for each in points)
    for block in blocks:
        assert 1 <= block.count <= (limits.max_bits if block.table == "coil" else limits.max_words)
        assert limits.holes or not block.has_holes
        for each in block.points:
            assert each.source.table == block.table
            assert block.address <= each.source.addr
            assert each.end <= block.address + block.count


def cheapest(row: list[RegisterPoint], limits: Limits) -> float:
    """The cost of the best of all ways to cut a sorted row, tried one by one."""
    best = float("inf")
    for cuts in range(2 ** (len(row) - 1)):
        stops = [i + 1 for i in range(len(row) - 1) if cuts >> i & 1]
        runs = [row[a:b] for a, b in pairwise([0, *stops, len(row)])]
        cost = 0.0
        for run in runs:
            address, end = run[0].source.addr, max(each.end for each in run)
            block = Block(table="holding", address=address, count=end - address, points=tuple(run))
            fits = block.count <= limits.max_words and (limits.holes or not block.has_holes)
            cost += line_cost("holding", block.count) if fits else float("inf")
        best = min(best, cost)
    return best


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(TYPES)), min_size=1, max_size=8),
    st.builds(Limits, max_words=st.integers(4, 40), holes=st.booleans()),
)
def test_no_other_cut_costs_less(spots: list[tuple[int, RegisterType]], limits: Limits) -> None:
    row = [placed(f"p{i}", register(addr, type_)) for i, (addr, type_) in enumerate(sorted(spots))]
    row.sort(key=lambda each: (each.source.addr, each.end))

    blocks = plan_blocks(row, limits, line_cost)

    assert sum(line_cost(block.table, block.count) for block in blocks) <= cheapest(row, limits) + 1e-9


def test_a_hole_is_read_where_that_is_cheaper_than_another_request() -> None:
    near = [placed("a", register(0)), placed("b", register(10))]
    far = [placed("a", register(0)), placed("b", register(100))]

    assert len(plan_blocks(near, Limits(), line_cost)) == 1
    assert len(plan_blocks(far, Limits(), line_cost)) == 2


def test_a_value_longer_than_any_answer_is_refused() -> None:
    with pytest.raises(EdgeSpecError, match="total"):
        plan_blocks([placed("total", register(0, "u64"))], Limits(max_words=2), line_cost)
