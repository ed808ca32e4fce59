"""The planner: every cell in time, no limit crossed, no cheaper plan."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from itertools import product
from math import lcm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.bus import ModbusRtuBus
from district.bustime import Cost, request_s
from district.cover import Bounds, Cell, TooLongError, plan_rota
from district.register import Table

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
COSTLY_REQUESTS = 0.05
NEAR_THE_BEST = 1.05
MAPS = 200

LINE = ModbusRtuBus.model_validate({"kind": "modbus-rtu", "port": "/dev/ttyS0", "line": "9600-8N1"})


def line_cost(_table: Table, count: int) -> float:
    return COSTLY_REQUESTS + 0.002 * count


def rtu_cost(table: Table, count: int) -> float:
    return request_s(LINE, table, count)


def cell(address: int, words: int = 1, *, table: Table = "holding", every: timedelta = MINUTE) -> Cell:
    return Cell(table, address, words, every)


CELLS = st.lists(
    st.builds(
        cell,
        st.integers(0, 200),
        st.integers(1, 4),
        table=st.sampled_from(["holding", "input"]),
        every=st.sampled_from([SECOND, 5 * SECOND, 7 * SECOND, MINUTE]),
    ),
    min_size=1,
    max_size=12,
    unique=True,
)
BOUNDS = st.builds(
    Bounds,
    max_words=st.integers(4, 125),
    holes=st.booleans(),
    forbidden=st.frozensets(st.tuples(st.just("holding"), st.integers(204, 210)), max_size=3),
)


@given(CELLS, BOUNDS)
def test_every_cell_is_read_as_often_as_it_must_be_and_no_limit_is_crossed(
    cells: list[Cell], bounds: Bounds
) -> None:
    rota = plan_rota(cells, bounds, line_cost)

    assert rota.intervals.keys() == set(cells)
    assert all(every <= one.every for one, every in rota.intervals.items())
    for due in (frozenset({step}) for step in rota.steps):
        asked = [one for request in rota.requests(due) for one in request.cells]
        assert sorted(asked) == sorted(one for one, every in rota.intervals.items() if every in due)
        for request in rota.requests(due):
            assert 1 <= request.count <= bounds.max_words
            assert bounds.holes or not request.has_holes(cells)
            for one in request.cells:
                assert one.table == request.table
                assert request.address <= one.address
                assert one.end <= request.address + request.count


def partitions(items: list[Cell]) -> Iterator[list[list[Cell]]]:
    """Every way to share cells out among requests."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for shared in partitions(rest):
        yield [[first], *shared]
        for place in range(len(shared)):
            yield [*shared[:place], [first, *shared[place]], *shared[place + 1 :]]


def cheapest_instant(known: list[Cell], bounds: Bounds, cost: Cost) -> Callable[[frozenset[Cell]], float]:
    """The cost of the best of all ways to ask for what is due, tried one by one."""
    there = {place for each in known for place in range(each.address, each.end)}

    def seconds(request: list[Cell]) -> float:
        low, high = min(each.address for each in request), max(each.end for each in request)
        fits = high - low <= bounds.max_words and (bounds.holes or there.issuperset(range(low, high)))
        return cost("holding", high - low) if fits else float("inf")

    @cache
    def best(due: frozenset[Cell]) -> float:
        return min(sum(map(seconds, shared)) for shared in partitions(sorted(due)))

    return best


def best_load(cells: list[Cell], bounds: Bounds, cost: Cost) -> float:
    """The least load of all: every cell at every interval that is often enough, every instant at its best."""
    best = cheapest_instant(cells, bounds, cost)
    steps = sorted({each.every // SECOND for each in cells})
    round_s = lcm(*steps)
    loads = []
    for chosen in product(*([s for s in steps if s <= each.every // SECOND] for each in cells)):
        dues = (
            frozenset(each for each, step in zip(cells, chosen, strict=True) if instant % step == 0)
            for instant in range(round_s)
        )
        loads.append(sum(best(due) for due in dues if due) / round_s)
    return min(loads)


def random_map(seed: int) -> tuple[list[Cell], Bounds]:
    dice = random.Random(seed)
    steps = dice.sample([1, 2, 3, 4, 5, 6, 10], dice.randint(1, 3))
    cells = {
        cell(dice.randint(0, 60), dice.choice([1, 2, 2, 4]), every=dice.choice(steps) * SECOND)
        for _ in range(dice.randint(2, 6))
    }
    return sorted(cells), Bounds(max_words=dice.choice([8, 16, 125]), holes=dice.random() < 0.7)


def test_the_plan_is_as_good_as_the_best_of_all_on_random_small_maps() -> None:
    worst = 0.0
    for seed in range(MAPS):
        cells, bounds = random_map(seed)
        worst = max(worst, plan_rota(cells, bounds, rtu_cost).load / best_load(cells, bounds, rtu_cost))

    assert worst <= NEAR_THE_BEST, f"the plan of some map takes {worst:.3f} of the best"


def test_a_large_map_takes_a_fifth_of_asking_for_each_point() -> None:
    dice = random.Random(1)
    cells, address = [], 0
    for _ in range(100):
        words = dice.choice([1, 2, 2])
        cells.append(cell(address, words))
        address += words + dice.choice([0, 0, 0, 1, 3])
    one_by_one_s = sum(rtu_cost(each.table, each.words) for each in cells)

    planned_s = plan_rota(cells, Bounds(), rtu_cost).seconds(frozenset({MINUTE}))

    assert one_by_one_s / planned_s >= 5


def test_a_hole_is_read_where_that_is_cheaper_than_another_request() -> None:
    due = frozenset({MINUTE})

    assert len(plan_rota([cell(0), cell(10)], Bounds(), line_cost).requests(due)) == 1
    assert len(plan_rota([cell(0), cell(100)], Bounds(), line_cost).requests(due)) == 2


def test_registers_that_are_not_due_are_no_holes() -> None:
    slow = cell(1, every=10 * MINUTE)
    rota = plan_rota([cell(0), slow, cell(2)], Bounds(holes=False), line_cost)

    assert len(rota.requests(frozenset({MINUTE}))) == 1


def test_no_request_crosses_a_forbidden_address() -> None:
    cells = [cell(0), cell(1), cell(2)]
    rota = plan_rota(
        [cells[0], cells[2]], Bounds(forbidden=frozenset({("holding", 1)})), line_cost, known=cells
    )

    assert [(each.address, each.count) for each in rota.requests(frozenset({MINUTE}))] == [(0, 1), (2, 1)]


def test_what_is_due_together_is_asked_together_and_apart_otherwise() -> None:
    fast, slow = cell(0), cell(1, every=2 * MINUTE)
    rota = plan_rota([fast, slow], Bounds(), line_cost)

    assert [each.cells for each in rota.requests(frozenset({MINUTE}))] == [(fast,)]
    assert [each.cells for each in rota.requests(frozenset({MINUTE, 2 * MINUTE}))] == [(fast, slow)]


def test_a_cell_joins_a_shorter_interval_where_that_saves_its_own_requests() -> None:
    fast, slow = cell(0, every=10 * SECOND), cell(1, every=15 * SECOND)

    assert set(plan_rota([fast, slow], Bounds(), line_cost).intervals.values()) == {10 * SECOND}


def test_a_value_longer_than_any_answer_is_refused() -> None:
    with pytest.raises(TooLongError, match="4 registers"):
        plan_rota([cell(0, 4)], Bounds(max_words=2), line_cost)
