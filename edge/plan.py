"""The planner: which registers to ask for together, so that a device costs its bus little time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from district.inventory import Point, RegisterSource
from district.profile import BIT_TABLES, Table
from edge.errors import EdgeSpecError

MOST_BITS = 2000  # of one request, by the standard


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPoint:
    """A point and where it lies."""

    point: Point
    source: RegisterSource

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.source.addr + self.source.words


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One request's worth of a table, and the points that its answer says."""

    table: Table
    address: int
    count: int  # registers, or bits of a bit table
    points: tuple[RegisterPoint, ...]

    @property
    def has_holes(self) -> bool:
        """Whether it asks for addresses that no point lies at."""
        covered = {address for each in self.points for address in range(each.source.addr, each.end)}
        return len(covered) < self.count


Cost = Callable[[Table, int], float]
"""The bus seconds of one request for so many registers (or bits) of a table, until the next may begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a device takes in one request."""

    max_words: int = 125
    max_bits: int = MOST_BITS
    holes: bool = True  # whether it may be asked for addresses between its points


def plan_blocks(points: Sequence[RegisterPoint], limits: Limits, cost: Cost) -> list[Block]:
    """The blocks that cover every point once at the least cost of bus time.

    Sorted by address, the best cover cuts the row of points into runs: a block that skipped a point would
    pay for its registers all the same.

    Raises:
        EdgeSpecError: A point alone is longer than the device's longest answer.
    """
    blocks: list[Block] = []
    for table in dict.fromkeys(each.source.table for each in points):
        row = sorted(
            (each for each in points if each.source.table == table),
            key=lambda each: (each.source.addr, each.end),
        )
        blocks += _cut(row, limits, cost)
    return blocks


def _cut(row: Sequence[RegisterPoint], limits: Limits, cost: Cost) -> list[Block]:
    """The cheapest cut of one table's points into runs, by dynamic programming from the left."""
    best: list[
        tuple[float, Block]
    ] = []  # for the first 1, 2, ... points: seconds, and the run that ends there
    for stop in range(1, len(row) + 1):
        candidates = [
            ((best[start - 1][0] if start else 0.0) + cost(block.table, block.count), block)
            for start, block in _runs_before(row, stop, limits)
        ]
        if not candidates:
            point = row[stop - 1]
            raise EdgeSpecError(
                f"{point.point.id}: a {point.source.type} does not fit into max_words {limits.max_words}"
            )
        best.append(min(candidates, key=lambda candidate: candidate[0]))
    blocks: list[Block] = []
    stop = len(row)
    while stop:
        blocks.append(best[stop - 1][1])
        stop -= len(best[stop - 1][1].points)
    return blocks[::-1]


def _runs_before(row: Sequence[RegisterPoint], stop: int, limits: Limits) -> Iterator[tuple[int, Block]]:
    """Every run of points that ends before ``stop`` and that the device answers in one request."""
    table = row[0].source.table
    most = limits.max_bits if table in BIT_TABLES else limits.max_words
    end = 0
    for start in range(stop - 1, -1, -1):
        end = max(end, row[start].end)
        address = row[start].source.addr
        if end - address > most:
            return
        block = Block(table=table, address=address, count=end - address, points=tuple(row[start:stop]))
        if limits.holes or not block.has_holes:
            yield start, block
