"""The payload of Sparkplug B: metrics with their types, times and properties."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from collector.foreign.protobuf import Field, fields, written
from collector.foreign.statement import ForeignError, number_of
from edge.registers import shortest_decimal
from transport.measurement import Quality

ENG_UNIT = "engUnit"
QUALITY = "Quality"
REBIRTH = "Node Control/Rebirth"

_QUALITIES = {0: Quality.FLAG, 192: Quality.GOOD, 500: Quality.TIMEOUT}  # bad, good, stale


class DataType(IntEnum):
    """The types of a value that can be a reading, by their numbers in the standard."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14


_SIGNED_BITS = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of a payload, as it came."""

    name: str | None = None
    alias: int | None = None
    at_ms: int | None = None
    datatype: int | None = None
    is_null: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)
    value: int | float | str | bytes | None = None
    is_other: bool = False  # a table or a template

    def reading(self, datatype: int | None) -> float | None:
        """The value as a number, by the type that the metric or its birth says; none where there is none.

        Raises:
            ForeignError: It is no number.
        """
        kind = self.datatype or datatype
        if self.is_null:
            return None
        if self.is_other or isinstance(self.value, bytes) or kind == DataType.DATETIME:
            raise ForeignError(f"a value of type {kind} is no reading")
        if self.value is None:
            raise ForeignError("no value, and it is not said to be null")
        if isinstance(self.value, int) and kind in _SIGNED_BITS:
            bits = _SIGNED_BITS[DataType(kind)]
            low = self.value & (1 << bits) - 1
            return float(low - (1 << bits) if low >> (bits - 1) else low)
        return number_of(self.value)

    @property
    def unit(self) -> str | None:
        """The unit that it says, if it says one."""
        unit = self.properties.get(ENG_UNIT)
        return unit if isinstance(unit, str) and unit else None

    @property
    def quality(self) -> Quality:
        """What it says of itself; good if it says nothing."""
        said = self.properties.get(QUALITY)
        return Quality.GOOD if said is None else _QUALITIES.get(said, Quality.FLAG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One message."""

    at_ms: int | None
    seq: int | None
    metrics: tuple[Metric, ...]

    def number(self, name: str) -> int | None:
        """The whole number of a metric by name, such as ``bdSeq``."""
        found = (metric.value for metric in self.metrics if metric.name == name)
        return next((value for value in found if isinstance(value, int)), None)


def decode_payload(data: bytes) -> Payload:
    """Read a payload.

    Raises:
        ForeignError: It is none.
    """
    at_ms = seq = None
    metrics: list[Metric] = []
    for each in fields(data):
        match each.number:
            case 1:
                at_ms = each.whole()
            case 2:
                metrics.append(_metric(each.message()))
            case 3:
                seq = each.whole()
            case _:
                pass  # uuid, body, and what later versions add
    return Payload(at_ms=at_ms, seq=seq, metrics=tuple(metrics))


def _metric(data: bytes) -> Metric:
    found: dict[str, Any] = {}
    for each in fields(data):
        if (known := _METRIC.get(each.number)) is not None:
            name, read = known
            found[name] = read(each)
        elif each.number in _VALUES:
            found |= {"value": _VALUES[each.number](each), "is_other": False}
        elif each.number in _OTHERS:
            found |= {"value": None, "is_other": True}
    return Metric(**found)


def _properties(data: bytes) -> dict[str, Any]:
    keys: list[str] = []
    values: list[Any] = []
    for each in fields(data):
        if each.number == 1:
            keys.append(each.text())
        elif each.number == 2:  # noqa: PLR2004  (numbers of fields are the standard's)
            values.append(next(_property(each.message()), None))
    return dict(zip(keys, values, strict=False))


def _property(data: bytes) -> Iterator[Any]:
    """The value of a property: sets within sets are none of ours."""
    for each in fields(data):
        if each.number in _PROPERTY:
            yield _PROPERTY[each.number](each)


def _flag(each: Field) -> bool:
    return bool(each.whole())


_METRIC = {
    1: ("name", Field.text),
    2: ("alias", Field.whole),
    3: ("at_ms", Field.whole),
    4: ("datatype", Field.whole),
    7: ("is_null", _flag),
    9: ("properties", lambda each: _properties(each.message())),
}
_VALUES = {
    10: Field.whole,
    11: Field.whole,
    12: lambda each: shortest_decimal("f32", each.real()),
    13: Field.real,
    14: Field.whole,
    15: Field.text,
    16: Field.message,
}
_OTHERS = frozenset({17, 18, 19})
_PROPERTY = {3: Field.whole, 4: Field.whole, 5: Field.real, 6: Field.real, 7: _flag, 8: Field.text}


def rebirth_request(now_ms: int) -> bytes:
    """The command by which a node is asked to say anew what it has."""
    metric = written(1, REBIRTH) + written(3, now_ms) + written(4, DataType.BOOLEAN) + written(14, 1)
    return written(1, now_ms) + written(2, metric)
