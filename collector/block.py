"""The block: answers of one device as columns, the unit in which the collector carries and stores readings.

One Python object a sample would cost more than the store does; a block costs one object an answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from transport.batch import Batch, Sample
from transport.errors import WireError
from transport.measurement import Quality

MOST_NAME = 200  # characters; a name of ours is a slug of some ten
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 253_402_300_800_000  # 2000 to 9999: a clock at 1970 was never set


def is_plausible_time(at_ms: int) -> bool:
    """Whether a reading may have been taken then."""
    return _EARLIEST_MS <= at_ms < _LATEST_MS


class Block(NamedTuple):
    """Answers of one device that carry the same points: one row an answer, one column a point."""

    device: str
    points: Sequence[str]
    at_ms: Sequence[int]  # of each row
    values: Sequence[Sequence[float | None]]  # [row][column]; None only where a mark says bad
    marks: Sequence[tuple[int, int, Quality]] = ()  # (row, column, quality) of what is not good

    @property
    def size(self) -> int:
        """How many samples it holds."""
        return len(self.at_ms) * len(self.points)

    def samples(self) -> Iterator[Sample]:
        """Every sample as an object, row by row: for borders, tests and people."""
        marks = {(row, column): quality for row, column, quality in self.marks}
        for row, (at_ms, values) in enumerate(zip(self.at_ms, self.values, strict=True)):
            for column, (point, value) in enumerate(zip(self.points, values, strict=True)):
                yield Sample(self.device, point, at_ms, value, marks.get((row, column), Quality.GOOD))

    def halves(self) -> tuple["Block", "Block"]:
        """Two blocks with the same samples, split between answers or, within one answer, between points.

        The block holds at least two samples.
        """
        rows, columns = len(self.at_ms) // 2, len(self.points) // 2
        if rows:
            return self._part(slice(rows), slice(None)), self._part(slice(rows, None), slice(None))
        return self._part(slice(None), slice(columns)), self._part(slice(None), slice(columns, None))

    def _part(self, rows: slice, columns: slice) -> "Block":
        first_row, first_column = rows.start or 0, columns.start or 0
        at_ms, points = self.at_ms[rows], self.points[columns]
        marks = [
            (row - first_row, column - first_column, quality)
            for row, column, quality in self.marks
            if 0 <= row - first_row < len(at_ms) and 0 <= column - first_column < len(points)
        ]
        return Block(self.device, points, at_ms, [values[columns] for values in self.values[rows]], marks)


def size_of(blocks: Iterable[Block]) -> int:
    """How many samples the blocks hold."""
    return sum(len(block.at_ms) * len(block.points) for block in blocks)


def blocks_of(batch: Batch) -> list[Block]:
    """What a batch carries, without a copy of its values; no block is empty.

    Raises:
        WireError: A mark lies outside its group, or a name or time can be none.
    """
    origin_ms, name = batch.origin_ms, f"{batch.gateway}/{batch.epoch}/{batch.seq}"
    blocks = []
    for group in batch.groups:
        rows, columns = len(group.offsets_ms), len(group.points)
        if any(not (0 <= row < rows and 0 <= column < columns) for row, column, _ in group.marks):
            raise WireError(f"batch {name}: a mark outside the answers of {group.device}")
        if rows and columns:
            at_ms = [origin_ms + offset_ms for offset_ms in group.offsets_ms]
            if not (is_plausible_time(min(at_ms)) and is_plausible_time(max(at_ms))):
                raise WireError(f"batch {name}: times of {group.device} that are none")
            if not all(0 < len(word) <= MOST_NAME for word in (group.device, *group.points)):
                raise WireError(f"batch {name}: names that are none")
            blocks.append(Block(group.device, group.points, at_ms, group.values, group.marks))
    return blocks


def blocks_from(samples: Iterable[Sample]) -> list[Block]:
    """Samples in their order: neighbours of one device and instant become one answer."""
    blocks = []
    for (device, at_ms), group in groupby(samples, key=lambda sample: (sample.device, sample.at_ms)):
        answer = list(group)
        marks = [(0, n, sample.quality) for n, sample in enumerate(answer) if not sample.quality.is_good]
        values = [[sample.value for sample in answer]]
        blocks.append(Block(device, [sample.point for sample in answer], [at_ms], values, marks))
    return blocks
