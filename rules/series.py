"""What points said over a long time, as arrays: one row an instant, ascending."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.record import Mark, Record, mark_of
from transport.batch import Sample
from transport.measurement import Quality

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

QUALITIES: tuple[Quality, ...] = tuple(Quality)
QUALITY_CODES = {quality: code for code, quality in enumerate(QUALITIES)}
_MARKS = np.array([mark_of(quality, ahead_ms=0) for quality in QUALITIES], dtype=np.int8)


@dataclass(frozen=True, kw_only=True)
class Series:
    """The readings of one point, each instant once."""

    at_ms: Ints
    values: Floats  # zero where there is none
    qualities: NDArray[np.int8]  # positions in `QUALITIES`

    @cached_property
    def marks(self) -> NDArray[np.int8]:
        """What each reading is worth."""
        return _MARKS[self.qualities]

    @cached_property
    def samples(self) -> NDArray[np.intp]:
        """The rows that are samples."""
        return np.flatnonzero(self.marks <= Mark.CARRIED)

    @cached_property
    def sampled_ms(self) -> Ints:
        """The instants of the samples."""
        return self.at_ms[self.samples]

    @cached_property
    def faults(self) -> list[int]:
        """The rows that are bad."""
        found: list[int] = np.flatnonzero(self.marks == Mark.BAD).tolist()
        return found

    @cached_property
    def record(self) -> Record:
        """The whole of it, as the exact computation reads it."""
        return self.cut(0, len(self.at_ms))

    def cut(self, first: int, last: int) -> Record:
        """Some rows, ``last`` excluded."""
        marks = [_BY_CODE[code] for code in self.marks[first:last].tolist()]
        return Record(
            at_ms=self.at_ms[first:last].tolist(), values=self.values[first:last].tolist(), marks=marks
        )

    def before(self, at_ms: int, *, included: bool = False) -> int:
        """How many rows lie before an instant."""
        return int(np.searchsorted(self.at_ms, at_ms, side="right" if included else "left"))


_BY_CODE = tuple(Mark)


def series_of(samples: Iterable[Sample]) -> dict[str, Series]:
    """The series of readings, oldest first, by subject; of two readings of one instant the first counts."""
    columns: dict[tuple[str, str], tuple[list[int], list[float], list[int]]] = {}
    for device, point, at_ms, value, quality in samples:
        found = columns.get((device, point))
        if found is None:
            found = columns[device, point] = ([], [], [])
        found[0].append(at_ms)
        found[1].append(0.0 if value is None else value)
        found[2].append(QUALITY_CODES[quality])
    return {f"{device}:{point}": make_series(*found) for (device, point), found in columns.items()}


def make_series(
    at_ms: Sequence[int] | Ints, values: Sequence[float] | Floats, qualities: Sequence[int] | NDArray[Any]
) -> Series:
    """A series of columns in any order; of two readings of one instant the first counts."""
    instants = np.asarray(at_ms, dtype=np.int64)
    figures, codes = np.asarray(values, dtype=np.float64), np.asarray(qualities, dtype=np.int8)
    if len(instants) > 1 and not bool((np.diff(instants) > 0).all()):
        instants, first = np.unique(instants, return_index=True)  # the first of equal ones
        figures, codes = figures[first], codes[first]
    return Series(at_ms=instants, values=figures, qualities=codes)


class Records(Mapping[str, Record]):
    """The records of series, each made when it is asked for."""

    def __init__(self, series: Mapping[str, Series]) -> None:
        self._series = series

    def __getitem__(self, subject: str) -> Record:
        found = self._series.get(subject)
        return found.record if found is not None else Record()

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)
