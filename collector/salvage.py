"""What can be saved of a message that is no proper batch: its good samples are stored, the rest is named.

Only messages that the fast path has refused come here, so it may be slow: each cell is judged by itself.
"""

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any, NamedTuple

from collector.block import MOST_NAME, Block, blocks_from, is_plausible_time
from transport.batch import Sample
from transport.measurement import Quality

_MOST_BITS = 1000  # of a time that is shown to be none
_MOST_SHOWN = 200  # characters of what is refused


class Refusal(NamedTuple):
    """One part of a message that will never be stored."""

    reason: str
    part: str  # as it came, shortened


class Salvaged(NamedTuple):
    """A broken batch taken apart, with the name by which it is acknowledged."""

    epoch: str
    seq: int
    blocks: list[Block]
    refused: list[Refusal]


class _RefusedError(ValueError):
    """A part is at fault; its message says how."""


def salvage(payload: bytes) -> Salvaged | None:
    """Take a broken batch apart, sample by sample; none if it is no batch at all."""
    try:
        message = json.loads(payload)  # which reads NaN too
        epoch, seq = message["epoch"], message["seq"]
        origin_ms, groups = message["origin_ms"], message["groups"]
    except (ValueError, TypeError, KeyError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None
    if not isinstance(epoch, str) or not _is_whole(seq) or not _is_whole(origin_ms):
        return None
    if not isinstance(groups, list):
        return None
    samples: list[Sample] = []
    refused: list[Refusal] = []
    for group in groups:
        try:
            for part in _samples(group, origin_ms):
                if isinstance(part, Sample):
                    samples.append(part)
                else:
                    refused.append(part)
        except _RefusedError as exc:
            refused.append(Refusal(str(exc), _short(group)))
    return Salvaged(epoch, seq, blocks_from(samples), refused)


def _samples(group: Any, origin_ms: int) -> Iterator[Sample | Refusal]:
    """The samples of a group, each good or refused.

    Raises:
        _RefusedError: The group is none.
    """
    device, points, offsets_ms, rows, marks = _columns(group)
    for row, (offset_ms, values) in enumerate(zip(offsets_ms, rows, strict=True)):
        if (
            not _is_whole(offset_ms, bits=_MOST_BITS)
            or not isinstance(values, list)
            or len(values) != len(points)
        ):
            yield Refusal(f"{device}: no answer of {len(points)} values", _short([offset_ms, values]))
            continue
        for column, (point, value) in enumerate(zip(points, values, strict=True)):
            at_ms, quality = origin_ms + offset_ms, marks.get((row, column), Quality.GOOD)
            try:
                yield Sample(_name(device), _name(point), _time(at_ms), _number(value, quality), quality)
            except _RefusedError as exc:
                place = f"{_short(device)}/{_short(point)} at {at_ms}"
                yield Refusal(f"{place}: {exc}", _short(value))


def _columns(group: Any) -> tuple[str, list[Any], list[Any], list[Any], dict[tuple[int, int], Quality]]:
    try:
        device, points, offsets_ms, rows, marks = [*group, []][:5]
        qualities = {(row, column): Quality(word) for row, column, word in marks}
    except (TypeError, ValueError) as exc:
        raise _RefusedError("no group of answers") from exc
    if not all(isinstance(part, list) for part in (points, offsets_ms, rows)) or len(offsets_ms) != len(rows):
        raise _RefusedError("no group of answers")
    for row, column in qualities:
        if not (_is_whole(row) and _is_whole(column) and 0 <= row < len(rows) and 0 <= column < len(points)):
            raise _RefusedError("a mark outside its answers")
    return device, points, offsets_ms, rows, qualities


def _is_whole(number: Any, *, bits: int = 63) -> bool:
    """Whether it is a whole number of at most so many bits."""
    return type(number) is int and number.bit_length() <= bits


def _name(name: Any) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= MOST_NAME:
        raise _RefusedError("no name")
    return name


def _time(at_ms: int) -> int:
    if not is_plausible_time(at_ms):
        raise _RefusedError("no time of a reading")
    return at_ms


def _number(value: Any, quality: Quality) -> float | None:
    if value is None:
        if not quality.is_bad:
            raise _RefusedError("no value, and its quality is not bad")
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _RefusedError("no number")
    try:
        number = float(value)
    except OverflowError as exc:
        raise _RefusedError("no number") from exc
    if not isfinite(number):
        raise _RefusedError("not finite")
    return number


def _short(part: Any) -> str:
    text = part if isinstance(part, str) else json.dumps(part)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}… ({len(text):,} characters)"
