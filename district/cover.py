"""Which registers to ask for together, and when, so that a device costs its bus the least time: pure.

All that is due at one instant is covered by runs of neighbouring cells, cut where another request is cheaper
than the addresses between. Cells of different intervals share a request whenever they are due together.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from itertools import combinations, product
from math import lcm

from district.bustime import Cost
from district.findings import DistrictError
from district.register import BIT_TABLES, Table

_FEW, _MANY = 10, 24  # cells: of few every run is tried, of many none but all together


class TooLongError(DistrictError):
    """A value alone is longer than its device's longest answer; no plan can read it."""

    def __init__(self, cell: "Cell", most: int) -> None:
        super().__init__(f"{cell.table} {cell.address} takes {cell.words} registers, an answer {most}")
        self.cell = cell


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Addresses of one table that are read whole, and how often."""

    table: Table
    address: int
    words: int  # registers, or bits of a bit table
    every: timedelta

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.words


@dataclass(frozen=True, slots=True)
class Request:
    """One question, and the cells that its answer holds."""

    table: Table
    address: int
    count: int  # registers, or bits of a bit table
    cells: tuple[Cell, ...]

    def has_holes(self, known: Collection[Cell]) -> bool:
        """Whether it asks for addresses at which nothing is known to lie."""
        there = {
            place for cell in known if cell.table == self.table for place in range(cell.address, cell.end)
        }
        return not there.issuperset(range(self.address, self.address + self.count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a device takes in one request."""

    max_words: int = 125
    max_bits: int = 2000
    holes: bool = True  # whether it may be asked for addresses at which nothing is known to lie
    forbidden: frozenset[tuple[Table, int]] = frozenset()  # addresses that no request may hold

    def most(self, table: Table) -> int:
        """The most addresses of a table in one request."""
        return self.max_bits if table in BIT_TABLES else self.max_words


class Ground:
    """The tables of one device as far as requests may cross them.

    Args:
        known: Every cell of the device, due or not.
        bounds: What the device takes.
    """

    def __init__(self, known: Collection[Cell], bounds: Bounds) -> None:
        self._bounds = bounds
        self._barriers: dict[Table, list[int]] = {}
        for table in {cell.table for cell in known}:
            barriers = {address for name, address in bounds.forbidden if name == table}
            if not bounds.holes:
                barriers |= _gaps(sorted(cell for cell in known if cell.table == table))
            self._barriers[table] = sorted(barriers)

    def cover(self, due: Collection[Cell], cost: Cost) -> list[Request]:
        """The requests that cover every cell that is due, at the least cost together.

        Sorted by address, the best cover cuts each table's cells into runs: a request that skipped a cell
        would pay for its addresses all the same.

        Raises:
            TooLongError: A cell alone is longer than the device's longest answer.
        """
        requests: list[Request] = []
        for table in sorted({cell.table for cell in due}):
            row = sorted(
                (cell for cell in due if cell.table == table), key=lambda cell: (cell.address, cell.end)
            )
            requests += self._cut(row, cost)
        return requests

    def _cut(self, row: Sequence[Cell], cost: Cost) -> list[Request]:
        """The cheapest cut of one table's cells, by dynamic programming from the left."""
        best: list[
            tuple[float, int]
        ] = []  # for the first 1, 2, ... cells: seconds, and where its last run begins
        for stop in range(1, len(row) + 1):
            candidates = [
                ((best[start - 1][0] if start else 0.0) + cost(row[0].table, count), start)
                for start, count in self._runs_before(row, stop)
            ]
            if not candidates:
                raise TooLongError(row[stop - 1], self._bounds.most(row[0].table))
            best.append(min(candidates))
        requests: list[Request] = []
        stop = len(row)
        while stop:
            start = best[stop - 1][1]
            cells = tuple(row[start:stop])
            address = cells[0].address
            count = max(cell.end for cell in cells) - address
            requests.append(Request(row[0].table, address, count, cells))
            stop = start
        return requests[::-1]

    def _runs_before(self, row: Sequence[Cell], stop: int) -> Iterator[tuple[int, int]]:
        """Every run of cells that ends before ``stop`` and fits one request: its start and its length."""
        most = self._bounds.most(row[0].table)
        end = 0
        for start in range(stop - 1, -1, -1):
            end = max(end, row[start].end)
            address = row[start].address
            if end - address > most or self._is_barred(row[0].table, address, end):
                return
            yield start, end - address

    def _is_barred(self, table: Table, address: int, end: int) -> bool:
        barriers = self._barriers[table]
        place = bisect_right(barriers, address - 1)
        return place < len(barriers) and barriers[place] < end


def _gaps(row: Sequence[Cell]) -> set[int]:
    """The first address of each gap between the cells of one table."""
    found, end = set(), row[0].address
    for cell in row:
        if cell.address > end:
            found.add(end)
        end = max(end, cell.end)
    return found


@dataclass(frozen=True, kw_only=True)
class Rota:
    """How one device is asked: which cells at which interval, and the requests of each instant.

    All intervals of a device start together, so that what is due together is asked together.
    """

    ground: Ground
    cost: Cost
    intervals: Mapping[Cell, timedelta]  # how often each cell is read: as often as it must be, or oftener
    _requests: dict[frozenset[timedelta], tuple[Request, ...]] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[timedelta, ...]:
        """The intervals in use, shortest first."""
        return tuple(sorted(set(self.intervals.values())))

    def requests(self, due: frozenset[timedelta]) -> tuple[Request, ...]:
        """What to ask at an instant at which these intervals are due."""
        if due not in self._requests:
            cells = [cell for cell, every in self.intervals.items() if every in due]
            self._requests[due] = tuple(self.ground.cover(cells, self.cost))
        return self._requests[due]

    def seconds(self, due: frozenset[timedelta]) -> float:
        """The bus seconds of an instant at which these intervals are due."""
        return sum(self.cost(request.table, request.count) for request in self.requests(due))

    @property
    def load(self) -> float:
        """The part of its bus's time that the device takes."""
        return sum(share * self.seconds(due) for due, share in instants_a_second(self.steps).items())


def plan_rota(
    cells: Collection[Cell], bounds: Bounds, cost: Cost, known: Collection[Cell] | None = None
) -> Rota:
    """The rota of least load for these cells of a device.

    Where each interval divides the next, nothing is gained by reading oftener. Elsewhere (10 s and 15 s) a
    cell may join a shorter interval, which saves the requests of its own.

    Raises:
        TooLongError: A cell alone is longer than the device's longest answer.
    """
    ground = Ground(cells if known is None else known, bounds)
    rota = Rota(ground=ground, cost=cache(cost), intervals={cell: cell.every for cell in sorted(cells)})
    load = rota.load
    while True:
        better = min(
            ((other.load, place, other) for place, other in enumerate(_neighbours(rota))),
            default=None,
            key=lambda candidate: candidate[:2],
        )
        if better is None or better[0] >= load:
            return rota
        load, _, rota = better


def _neighbours(rota: Rota) -> Iterator[Rota]:
    """Rotas in which some neighbouring cells of one interval are read at another that is often enough."""
    steps = sorted({cell.every for cell in rota.intervals})
    if not any(slow % fast for fast, slow in combinations(steps, 2)):
        return
    for now in rota.steps:
        cells = [cell for cell, every in rota.intervals.items() if every == now]
        for group, other in product(_groups(cells), steps):
            if other != now and all(other <= cell.every for cell in group):
                intervals = dict(rota.intervals) | dict.fromkeys(group, other)
                yield Rota(ground=rota.ground, cost=rota.cost, intervals=intervals)


def _groups(cells: Sequence[Cell]) -> Iterator[Sequence[Cell]]:
    """Runs of cells worth moving together: of few every run, of more each alone and all, of many all."""
    count = len(cells)
    longest = count if count <= _FEW else 1 if count <= _MANY else 0
    for size in range(1, longest + 1):
        for start in range(count - size + 1):
            yield cells[start : start + size]
    if longest < count:
        yield cells


@cache
def instants_a_second(steps: tuple[timedelta, ...]) -> Mapping[frozenset[timedelta], float]:
    """How often exactly these intervals are due together, for each set of them that ever is."""
    every_ms = {step: max(1, round(step.total_seconds() * 1000)) for step in steps}
    sets = [frozenset(chosen) for size in range(1, len(steps) + 1) for chosen in combinations(steps, size)]
    together = {each: 1000 / lcm(*(every_ms[step] for step in each)) for each in sets}
    shares = {
        each: sum((-1) ** len(other - each) * rate for other, rate in together.items() if each <= other)
        for each in sets
    }
    return {each: share for each, share in shares.items() if share > _NEVER}


_NEVER = 1e-12  # what rounding leaves of instants that do not occur
