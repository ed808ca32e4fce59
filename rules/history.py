"""Readings of the past, in long form: one line a reading, ``taken_at,device,point,value[,quality]``."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from math import isfinite
from zoneinfo import ZoneInfo

from rules.errors import HistoryError
from transport.batch import Sample
from transport.measurement import Quality, to_ms

_COLUMNS = ["taken_at", "device", "point", "value"]
_QUALITIES = {each.value: each for each in Quality}


def parse_history(lines: Iterable[str], zone: ZoneInfo) -> list[Sample]:
    """The readings of a CSV file, oldest first.

    An instant without a zone is by the district's clock. An empty value is a bad reading; without a quality,
    a value is good.

    Raises:
        HistoryError: A line is no reading.
    """
    rows = csv.reader(lines)
    header = next(rows, [])
    if header[:4] != _COLUMNS or header[4:] not in ([], ["quality"]):
        raise HistoryError(1, f"the columns are {','.join(_COLUMNS)}[,quality]")
    samples = []
    for row in rows:
        try:
            samples.append(_sample(row, zone))
        except ValueError as exc:
            raise HistoryError(rows.line_num, str(exc)) from exc
    samples.sort(key=lambda each: each.at_ms)
    return samples


def parse_instant(text: str, zone: ZoneInfo) -> int:
    """Epoch milliseconds of an ISO 8601 instant; without a zone it is by the district's clock.

    Raises:
        ValueError: The text is no instant.
    """
    instant = datetime.fromisoformat(text)
    return to_ms(instant if instant.tzinfo is not None else instant.replace(tzinfo=zone))


def format_history(samples: Iterable[Sample], zone: ZoneInfo) -> Iterator[list[str]]:
    """The rows of a CSV file, its header first, with every value as exact as it is."""
    yield [*_COLUMNS, "quality"]
    for each in samples:
        at = datetime.fromtimestamp(each.at_ms / 1000, zone).isoformat()
        value = "" if each.value is None else repr(each.value)
        yield [at, each.device, each.point, value, each.quality.value]


def _sample(row: list[str], zone: ZoneInfo) -> Sample:
    if len(row) not in {4, 5}:
        raise ValueError(f"{len(row)} columns where 4 or 5 are expected")
    taken_at, device, point, text = row[:4]
    value = float(text) if text else None
    word = row[4] if len(row) > 4 and row[4] else Quality.GOOD.value  # noqa: PLR2004  (the fifth column)
    quality = _QUALITIES.get(word)
    if quality is None:
        raise ValueError(f"{word!r} is no quality; there are {', '.join(_QUALITIES)}")
    if value is not None and not isfinite(value):
        raise ValueError(f"{device}/{point}: value is {text}")
    if value is None and not quality.is_bad:
        quality = Quality.INVALID
    return Sample(device, point, parse_instant(taken_at, zone), value, quality)
