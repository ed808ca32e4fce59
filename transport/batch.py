"""The batch: many measurements of one gateway in one message, as columns.

Per-message cost dominates in Python, so the hot path carries columns and names each device and point
once a group; objects are for borders, tests and people.
"""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import NamedTuple

import msgspec

from transport.errors import WireError
from transport.measurement import Measurement, Quality, from_ms
from transport.wire import read_json


class Sample(NamedTuple):
    """One value of one point as the hot path sees it."""

    device: str
    point: str
    at_ms: int
    value: float | None
    quality: Quality


class Group(msgspec.Struct, frozen=True, array_like=True):
    """Answers of one device that carry the same points: one row an answer, one column a point."""

    device: str
    points: list[str]
    offsets_ms: list[int]  # taken_at of each row, from the batch's origin
    values: list[list[float | None]]  # [row][column]
    marks: list[tuple[int, int, Quality]] = []  # (row, column, quality) of what is not good


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What one gateway sends in one message.

    ``(gateway, epoch, seq)`` names it for good: a consumer that has committed it acknowledges it by that
    name, and one that gets it again changes nothing.
    """

    gateway: str
    epoch: str
    seq: int
    origin_ms: int
    groups: list[Group]
    good_until_ms: dict[str, int] = {}
    """Device to the instant of its last answer whose values were suppressed by report by exception."""

    def samples(self) -> Iterator[Sample]:
        """Every value, device by device, in the order it was taken."""
        good = Quality.GOOD
        for group in self.groups:
            device, points = group.device, group.points
            marks: dict[int, dict[int, Quality]] = {}
            for row, column, quality in group.marks:
                marks.setdefault(row, {})[column] = quality
            for row, (offset_ms, values) in enumerate(zip(group.offsets_ms, group.values, strict=True)):
                at_ms = self.origin_ms + offset_ms
                if row in marks:
                    doubts = marks[row]
                    for column, (point, value) in enumerate(zip(points, values, strict=True)):
                        yield Sample(device, point, at_ms, value, doubts.get(column, good))
                else:  # nearly always, so it does no more than it must
                    for point, value in zip(points, values, strict=True):
                        yield Sample(device, point, at_ms, value, good)

    def measurements(self) -> Iterator[Measurement]:
        """Every value as an object, for borders, tests and people."""
        for sample in self.samples():
            yield Measurement(
                device_id=sample.device,
                point=sample.point,
                value=sample.value,
                quality=sample.quality,
                taken_at=from_ms(sample.at_ms),
            )


class Reading(NamedTuple):
    """What one answer of one device said: its points' values and their quality."""

    device: str
    at_ms: int
    values: Mapping[str, tuple[float | None, Quality]]
    by_instrument: bool = False  # dated by the instrument's own clock, not by ours


def build_batch(
    readings: list[Reading],
    *,
    gateway: str,
    epoch: str,
    seq: int,
    good_until_ms: Mapping[str, int] | None = None,
) -> Batch:
    """Pack readings into columns, keeping each device's order.

    Raises:
        ValueError: A value is not finite, or is absent though its quality is not bad.
    """
    origin_ms = min((reading.at_ms for reading in readings), default=0)
    groups: dict[tuple[str, tuple[str, ...]], Group] = {}
    for reading in readings:
        points = tuple(reading.values)
        group = groups.get((reading.device, points))
        if group is None:
            group = groups[reading.device, points] = Group(reading.device, list(points), [], [], [])
        row = len(group.offsets_ms)
        for column, (value, quality) in enumerate(reading.values.values()):
            if value is None and not quality.is_bad:
                raise ValueError(f"{reading.device}/{points[column]}: no value, yet its quality is {quality}")
            if value is not None and not isfinite(value):
                raise ValueError(f"{reading.device}/{points[column]}: value is {value}")
            if not quality.is_good:
                group.marks.append((row, column, quality))
        group.offsets_ms.append(reading.at_ms - origin_ms)
        group.values.append([value for value, _ in reading.values.values()])
    return Batch(
        gateway=gateway,
        epoch=epoch,
        seq=seq,
        origin_ms=origin_ms,
        groups=list(groups.values()),
        good_until_ms=dict(good_until_ms or {}),
    )


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Batch)


def encode_batch(batch: Batch) -> bytes:
    """The batch as it travels and as the spool keeps it."""
    return _encoder.encode(batch)


def decode_batch(payload: bytes) -> Batch:
    """Read a batch from the wire.

    Raises:
        WireError: The payload is no batch, or its columns do not fit together.
    """
    batch = read_json(payload, _decoder, what="a batch")
    for group in batch.groups:
        rows, columns = len(group.offsets_ms), len(group.points)
        if len(group.values) != rows or any(len(row) != columns for row in group.values):
            raise WireError(
                f"batch {batch.gateway}/{batch.epoch}/{batch.seq}: ragged columns of {group.device}"
            )
        bad = {(row, column) for row, column, quality in group.marks if quality.is_bad}
        for row, values in enumerate(group.values):
            if None in values and any(v is None and (row, c) not in bad for c, v in enumerate(values)):
                raise WireError(
                    f"batch {batch.gateway}/{batch.epoch}/{batch.seq}: {group.device} lacks a value"
                )
    return batch
