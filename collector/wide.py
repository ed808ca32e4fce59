"""Wide rows: how samples become InfluxDB line protocol, and fields become samples again.

A line is one answer of one device: the measurement is its site's kind, the tags say where it stands, one
field a point. Beside a value that is not good stands its quality, as the string field ``<point>_q``; a bad
sample without a value is that field alone. A correction is the fields ``<point>_c``, its value if there is
one, and ``<point>_m``, its method. No id holds an underscore, so they never meet.
"""

import asyncio
import gzip
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from collector.block import Block
from collector.errors import StoreRefusedError
from collector.store import Correction, Method, Row
from district.inventory import District
from transport.batch import Sample
from transport.measurement import Quality

_MARK = "_q"
_CORRECTED, _METHOD = "_c", "_m"
_COMPRESSION = 1  # more costs more time than it saves on any network of a district
_encode = msgspec.json.Encoder().encode
_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})


class Place(NamedTuple):
    """Where a device stands; empty words are left out of the tags."""

    kind: str
    area: str = ""
    site: str = ""
    gateway: str = ""


UNKNOWN = Place("unassigned")  # of a device that is not in the district: kept all the same


def places_of(district: District) -> dict[str, Place]:
    """The place of every device, disabled ones too: their backlog may still come."""
    places: dict[str, Place] = {}
    for device in (*district.disabled.values(), *district.devices.values()):
        site = district.sites[device.site]
        places[device.id] = Place(site.kind, site.area, site.id, device.gateway)
    return places


class LineBuilder:
    """Makes line protocol with times in milliseconds."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places
        self._heads: dict[str, str] = {}  # by device: measurement and tags
        self._fields: dict[str, str] = {}  # by point

    def lines(self, blocks: Iterable[Block]) -> bytes:
        """The body of a write request.

        Raises:
            StoreRefusedError: The name of a device or point cannot be written.
        """
        texts: list[str] = []
        for block in blocks:
            head = self._heads.get(block.device) or self._head(block.device)
            names = [self._fields.get(point) or self._field(point) for point in block.points]
            texts.append(_marked(head, names, block) if block.marks else _all_good(head, names, block))
        return "\n".join(texts).encode()

    def corrections(self, device: str, point: str, corrections: Iterable[Correction]) -> bytes:
        """The body of a write request with corrections of one series.

        Raises:
            StoreRefusedError: The name of the device or point cannot be written.
        """
        head = self._heads.get(device) or self._head(device)
        name = self._fields.get(point) or self._field(point)
        lines: list[str] = []
        for at_ms, method, value in corrections:
            method_field = f'{name}{_METHOD}="{method}"'
            value_field = "" if value is None else f"{name}{_CORRECTED}={value},"
            lines.append(f"{head} {value_field}{method_field} {at_ms}")
        return "\n".join(lines).encode()

    def _head(self, device: str) -> str:
        place = self._places.get(device, UNKNOWN)
        tags = {"area": place.area, "device": device, "gateway": place.gateway, "site": place.site}
        words = [
            place.kind,
            *(f"{key}={_escaped(word)}" for key, word in tags.items() if word or key == "device"),
        ]
        self._heads[device] = head = ",".join(words)
        return head

    def _field(self, point: str) -> str:
        self._fields[point] = field = _escaped(point)
        return field


def _all_good(head: str, names: Sequence[str], block: Block) -> str:
    """The lines of answers that are all good: one format of all cells, the numbers written by the encoder."""
    pattern = ",".join(f"{name}=%s" for name in (name.replace("%", "%%") for name in names))
    line = f"{head.replace('%', '%%')} {pattern} %s"
    rows, columns = len(block.at_ms), len(names)
    numbers = _encode(block.values)[2:-2].decode().replace("],[", ",").split(",")
    cells: list[object] = [None] * (rows * (columns + 1))
    for column in range(columns):
        cells[column :: columns + 1] = numbers[column::columns]
    cells[columns :: columns + 1] = block.at_ms
    return "\n".join([line] * rows) % tuple(cells)


def _marked(head: str, names: Sequence[str], block: Block) -> str:
    """The lines of answers some of which are not good: values as far as there are any, and qualities."""
    qualities = {(row, column): quality for row, column, quality in block.marks}
    lines: list[str] = []
    for row, (at_ms, values) in enumerate(zip(block.at_ms, block.values, strict=True)):
        fields: list[str] = []
        for column, (name, value) in enumerate(zip(names, values, strict=True)):
            if value is not None:
                fields.append(f"{name}={value}")
            if (row, column) in qualities:
                fields.append(f'{name}{_MARK}="{qualities[row, column]}"')
        lines.append(f"{head} {','.join(fields)} {at_ms}")
    return "\n".join(lines)


def _escaped(name: str) -> str:
    if not name or name == "time" or "\\" in name or not name.isprintable():
        raise StoreRefusedError(f"line protocol: {name!r} can be no name")
    return name.translate(_ESCAPES)


async def compressed(body: bytes) -> bytes:
    """A body of a request, gzipped beside the loop."""
    return await asyncio.to_thread(gzip.compress, body, _COMPRESSION)


def mark_of(point: str) -> str:
    """The field that holds the quality of ``point``."""
    return point + _MARK


def correction_of(point: str) -> tuple[str, str]:
    """The fields that hold a correction of ``point``: its value and its method."""
    return point + _CORRECTED, point + _METHOD


class Field(NamedTuple):
    """One field of one line as a query returns it: a value, or the quality of one."""

    device: str
    name: str
    at_ms: int
    value: float | str


def rows_of(fields: Iterable[Field]) -> list[Row]:
    """The rows of one series from its values and marks, ascending."""
    values: dict[int, float | None] = {}
    marks: dict[int, Quality] = {}
    for field in fields:
        if isinstance(field.value, str):
            marks[field.at_ms] = Quality(field.value)
            values.setdefault(field.at_ms, None)
        else:
            values[field.at_ms] = float(field.value)
    return [Row(at_ms, values[at_ms], marks.get(at_ms, Quality.GOOD)) for at_ms in sorted(values)]


def corrections_of(fields: Iterable[Field]) -> list[Correction]:
    """The corrections of one series from their values and methods, ascending."""
    values: dict[int, float] = {}
    methods: dict[int, Method] = {}
    for field in fields:
        if isinstance(field.value, str):
            methods[field.at_ms] = Method(field.value)
        else:
            values[field.at_ms] = float(field.value)
    return [Correction(at_ms, methods[at_ms], values.get(at_ms)) for at_ms in sorted(methods)]


def newest_of(fields: Iterable[Field]) -> list[Sample]:
    """The newest sample of each series, from at least its newest value and its newest mark."""
    return _end_of(fields, -1)


def oldest_of(fields: Iterable[Field]) -> list[Sample]:
    """The oldest sample of each series, from at least its oldest value and its oldest mark."""
    return _end_of(fields, 0)


def _end_of(fields: Iterable[Field], place: int) -> list[Sample]:
    series: dict[tuple[str, str], list[Field]] = {}
    for field in fields:
        if not field.name.endswith((_CORRECTED, _METHOD)):
            series.setdefault((field.device, field.name.removesuffix(_MARK)), []).append(field)
    ends = ((key, rows_of(series[key])[place]) for key in sorted(series))
    return [Sample(*key, row.at_ms, row.value, row.quality) for key, row in ends]
