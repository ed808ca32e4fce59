"""Wide rows: how samples become InfluxDB line protocol, and fields become samples again.

A line is one answer of one device: the measurement is its site's kind, the tags say where it stands, one
field a point. Beside a value that is not good stands its quality, as the string field ``<point>_q``; a bad
sample without a value is that field alone. No id holds an underscore, so the two never meet.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from collector.errors import StoreRefusedError
from collector.store import Row
from district.inventory import District
from transport.batch import Sample
from transport.measurement import Quality

_MARK = "_q"
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

    def lines(self, samples: Sequence[Sample]) -> bytes:
        """The body of a write request.

        Raises:
            StoreRefusedError: The name of a device or point cannot be written.
        """
        lines: list[str] = []
        fields: list[str] = []
        names, good = self._fields, Quality.GOOD
        row_device, row_at_ms = "", 0
        for device, point, at_ms, value, quality in samples:
            if at_ms != row_at_ms or device != row_device:
                if fields:
                    lines.append(self._line(row_device, row_at_ms, fields))
                row_device, row_at_ms, fields = device, at_ms, []
            name = names.get(point) or self._field(point)
            if value is not None:
                fields.append(f"{name}={value}")
            if quality is not good:
                fields.append(f'{name}{_MARK}="{quality}"')
        if fields:
            lines.append(self._line(row_device, row_at_ms, fields))
        return "\n".join(lines).encode()

    def _line(self, device: str, at_ms: int, fields: list[str]) -> str:
        return f"{self._heads.get(device) or self._head(device)} {','.join(fields)} {at_ms}"

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


def _escaped(name: str) -> str:
    if not name or name == "time" or "\\" in name or not name.isprintable():
        raise StoreRefusedError(f"line protocol: {name!r} can be no name")
    return name.translate(_ESCAPES)


def mark_of(point: str) -> str:
    """The field that holds the quality of ``point``."""
    return point + _MARK


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


def newest_of(fields: Iterable[Field]) -> list[Sample]:
    """The newest sample of each series, from at least its newest value and its newest mark."""
    series: dict[tuple[str, str], list[Field]] = {}
    for field in fields:
        series.setdefault((field.device, field.name.removesuffix(_MARK)), []).append(field)
    newest = ((key, rows_of(series[key])[-1]) for key in sorted(series))
    return [Sample(*key, row.at_ms, row.value, row.quality) for key, row in newest]
