"""What the collector asks of a store, whatever keeps it."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import fsum
from typing import NamedTuple, Protocol

from collector.block import Block
from transport.batch import Sample
from transport.measurement import Quality


class Row(NamedTuple):
    """One stored value of one series."""

    at_ms: int
    value: float | None  # in the point's unit; None only when quality is bad
    quality: Quality


class Method(StrEnum):
    """How a correction was found."""

    HAMPEL = "hampel"  # far from the median of its neighbours, which it becomes
    STUCK = "stuck"  # no longer moves: not to be believed, and nothing better is known
    INTERPOLATED = "interpolated"  # was due and is missing: on the line between its neighbours
    UNIT_NG = "unit-ng"  # sent in ng/m3 where ug/m3 is said
    UNIT_UG = "unit-ug"  # sent in ug/m3 where ng/m3 is said
    COUNTER_RESET = "counter-reset"  # fell to zero: what it would read had it gone on
    COUNTER_WRAP = "counter-wrap"  # ran over its register: the same


class Correction(NamedTuple):
    """What stands beside a raw value, never over it; there may be no raw value at that instant."""

    at_ms: int
    method: Method
    value: float | None  # in the point's unit; none where nothing better than the raw value is known


class Bucket(NamedTuple):
    """What one series came to in one span of time; samples that are bad do not count."""

    start_ms: int
    samples: int  # at least one
    mean: float
    low: float
    high: float


def buckets_of(rows: Iterable[Row], start_ms: int, step_ms: int) -> list[Bucket]:
    """Rows from ``start_ms`` on, gathered in spans of ``step_ms``; a span without any is left out."""
    spans: dict[int, list[float]] = {}
    for at_ms, value, quality in rows:
        if value is not None and not quality.is_bad:
            spans.setdefault((at_ms - start_ms) // step_ms, []).append(value)
    return [
        Bucket(start_ms + span * step_ms, len(values), fsum(values) / len(values), min(values), max(values))
        for span, values in sorted(spans.items())
    ]


class Store(Protocol):
    """Keeps samples under the key (device, point, at_ms)."""

    async def write(self, blocks: Sequence[Block]) -> None:
        """Keep samples, all or none known to be kept; they are durable on return.

        Several writes may be under way at once.

        A sample whose key is stored already changes nothing, so an attempt may always be repeated.

        Raises:
            StoreDownError: Nothing may have been kept; the same samples may be taken later.
            StoreRefusedError: At least one of the samples will never be taken; others may have been.
        """
        ...

    async def history(self, device: str, point: str, start_ms: int, end_ms: int) -> list[Row]:
        """The series' rows with ``start_ms <= at_ms < end_ms``, ascending; none if there is no such series.

        Raises:
            StoreDownError: A later attempt may succeed.
            StoreRefusedError: The store answers no such question.
        """
        ...

    async def aggregate(
        self, device: str, point: str, start_ms: int, end_ms: int, step_ms: int
    ) -> list[Bucket]:
        """The series in spans of ``step_ms`` from ``start_ms`` on, up to ``end_ms``, ascending.

        Raises:
            StoreDownError: A later attempt may succeed.
            StoreRefusedError: The store answers no such question.
        """
        ...

    async def correct(self, device: str, point: str, corrections: Sequence[Correction]) -> None:
        """Keep corrections of one series beside its raw values; they are durable on return.

        One instant has one correction: a later one takes an earlier one's place.

        Raises:
            StoreDownError: A later attempt may succeed.
            StoreRefusedError: At least one of them will never be taken.
        """
        ...

    async def corrections(self, device: str, point: str, start_ms: int, end_ms: int) -> list[Correction]:
        """The series' corrections with ``start_ms <= at_ms < end_ms``, ascending.

        Raises:
            StoreDownError: A later attempt may succeed.
            StoreRefusedError: The store answers no such question.
        """
        ...

    async def earliest(self) -> list[Sample]:
        """The oldest sample of each series, in the order of (device, point).

        Raises:
            StoreDownError: A later attempt may succeed.
            StoreRefusedError: The store answers no such question.
        """
        ...

    async def latest(self) -> list[Sample]:
        """The newest sample of each series, in the order of (device, point).

        Raises:
            StoreDownError: A later attempt may succeed.
            StoreRefusedError: The store answers no such question.
        """
        ...
