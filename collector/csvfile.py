"""Readings in a CSV file: one a row; its columns are device, point, taken_at, value and perhaps quality."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from collector.block import Block
from collector.errors import ImportRefusedError
from transport.measurement import Quality, to_ms

COLUMNS = ("device", "point", "taken_at", "value")
_QUALITY = "quality"
_PORTION = 20_000  # rows
_SAME_INSTANT = 4096  # stations that report together share a text of their time
_QUALITIES: Mapping[str, Quality] = {"": Quality.GOOD, **{quality.value: quality for quality in Quality}}


class RefusedRow(NamedTuple):
    """A row that is no reading."""

    line: int
    reason: str


class Portion(NamedTuple):
    """Some rows of a file."""

    blocks: list[Block]
    refused: list[RefusedRow]


class _Series:
    """The rows of one series in a portion."""

    def __init__(self, device: str, point: str) -> None:
        self.block = Block(device, [point], [], [], [])
        self.at_ms: list[int] = []
        self.values: list[list[float | None]] = []
        self.marks: list[tuple[int, int, Quality]] = []

    def add(self, at_ms: int, value: float | None, quality: Quality) -> None:
        """Take one row."""
        if quality is not Quality.GOOD:
            self.marks.append((len(self.at_ms), 0, quality))
        self.at_ms.append(at_ms)
        self.values.append([value])

    def finished(self) -> Block:
        """All rows as columns."""
        return self.block._replace(at_ms=self.at_ms, values=self.values, marks=self.marks)


def read_portions(
    lines: Iterable[str], *, timezone: tzinfo, constants: Mapping[str, str] | None = None
) -> Iterator[Portion]:
    """The readings of a file, some thousand rows at a time.

    Args:
        lines: Of the file; the first names the columns, in any order.
        timezone: Of times that name none.
        constants: Columns that the file lacks because they are the same in every row.

    Raises:
        ImportRefusedError: The file lacks a column.
    """
    rows = csv.reader(lines)
    constants = {_QUALITY: "", **(constants or {})}
    places = _places(next(rows, []), constants)
    instant = lru_cache(_SAME_INSTANT)(lambda text: _instant(text, timezone))
    series: dict[tuple[str, str], _Series] = {}
    refused: list[RefusedRow] = []
    count = 0
    for row in rows:
        try:
            device, point, taken_at, value_text, quality_text = [
                constants[place] if isinstance(place, str) else row[place].strip() for place in places
            ]
            value, quality = _cell(value_text, quality_text)
            key = (device, point)
            (series.get(key) or series.setdefault(key, _Series(*key))).add(instant(taken_at), value, quality)
        except (ValueError, IndexError) as exc:
            if row:  # an empty line is no mistake
                reason = "too few columns" if isinstance(exc, IndexError) else str(exc)
                refused.append(RefusedRow(rows.line_num, reason))
        count += 1
        if count == _PORTION:
            yield Portion([one.finished() for one in series.values()], refused)
            series, refused, count = {}, [], 0
    yield Portion([one.finished() for one in series.values()], refused)


def _places(header: Sequence[str], constants: Mapping[str, str]) -> list[int | str]:
    """Of each column of a reading its place in a row, or the constant's name."""
    names = [name.strip().lstrip("\ufeff") for name in header]  # spreadsheets mark UTF-8 so
    lacking = [name for name in COLUMNS if name not in names and name not in constants]
    if lacking:
        raise ImportRefusedError(
            f"the first line lacks {', '.join(lacking)}; it names the columns: {', '.join(COLUMNS)}"
        )
    places: list[int | str] = [name if name in constants else names.index(name) for name in COLUMNS]
    return [*places, names.index(_QUALITY) if _QUALITY in names else _QUALITY]


def _instant(text: str, timezone: tzinfo) -> int:
    instant = datetime.fromisoformat(text)
    return to_ms(instant.replace(tzinfo=timezone) if instant.tzinfo is None else instant)


def _cell(value_text: str, quality_text: str) -> tuple[float | None, Quality]:
    quality = _QUALITIES.get(quality_text)
    if quality is None:
        raise ValueError(f"no such quality: {quality_text!r}")
    if not value_text:
        if not quality.is_bad:
            raise ValueError("no value, and its quality is not bad")
        return None, quality
    value = float(value_text)
    if not isfinite(value):
        raise ValueError(f"value is {value}")
    return value, quality
