"""What the collector asks of a store, whatever keeps it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from collector.block import Block
from transport.batch import Sample
from transport.measurement import Quality


class Row(NamedTuple):
    """One stored value of one series."""

    at_ms: int
    value: float | None  # in the point's unit; None only when quality is bad
    quality: Quality


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

    async def latest(self) -> list[Sample]:
        """The newest sample of each series, in the order of (device, point).

        Raises:
            StoreDownError: A later attempt may succeed.
            StoreRefusedError: The store answers no such question.
        """
        ...
