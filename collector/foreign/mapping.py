"""From what others say to readings of the district's devices; what has no place here is said once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from collector.block import is_plausible_time
from collector.foreign.statement import Refused, Statement, Told
from district.inventory import CodeSource, Device, Point
from district.units import SAME, Conversion, conversion, known_unit
from edge.judging import AHEAD
from edge.registers import apply_scale
from transport.batch import Reading
from transport.measurement import Quality

_MOST_NAMED = 10_000  # strangers that are remembered, so that each is named once
_AHEAD_MS = AHEAD / timedelta(milliseconds=1)


class Mapped(NamedTuple):
    """What became of one message."""

    readings: Sequence[Reading]
    refused: Sequence[Refused]


class Now(NamedTuple):
    """One instant."""

    time_ms: int  # event time as far as it is known: what others say is judged by it
    pace_ms: int  # by the clock that never jumps: what others do not date is dated by it


class Mapper:
    """Makes readings of statements.

    Args:
        devices: Those of one bus.
    """

    def __init__(self, devices: Iterable[Device]) -> None:
        self._devices = {device.source: device for device in devices}
        self._points = {device.id: _by_code(device) for device in self._devices.values()}
        self._named: set[tuple[str, str]] = set()
        self._conversions: dict[tuple[str, str, str], Conversion | str] = {}

    @property
    def names(self) -> Mapping[str, Sequence[str]]:
        """By source the names under which its quantities come."""
        return {str(source): list(self._points[device.id]) for source, device in self._devices.items()}

    def devices(self) -> Sequence[Device]:
        """The devices of the bus."""
        return list(self._devices.values())

    def map(self, told: Told, now: Now, *, allowed: frozenset[str] | None = None) -> Mapped:
        """The readings that a message holds.

        Args:
            told: What it says.
            now: When it came.
            allowed: The devices for which whoever sent it may speak; all of them if none.
        """
        rows: dict[tuple[str, int, bool], dict[str, tuple[float | None, Quality]]] = {}
        refused = list(told.refused)
        for said in told.statements:
            device = self._devices.get(said.source)
            if device is None:
                refused += self._stranger(said.source, "", f"no device has the source {said.source!r}")
                continue
            if allowed is not None and device.id not in allowed:
                refused.append(Refused(f"not allowed to speak for {device.id}", said.source))
                continue
            point = self._points[device.id].get(said.name)
            if point is None:
                if said.name not in device.ignore:
                    what = f"{said.source}: its profile {device.profile} has no code {said.name!r}"
                    refused += self._stranger(said.source, said.name, what)
                continue
            if said.at_ms is not None and not is_plausible_time(said.at_ms):
                place = f"{device.id}/{point.id}"
                refused.append(Refused(f"{place}: no time of a reading: {said.at_ms}", str(said.value)))
                continue
            judged = self._judged(said, device, point, now.time_ms)
            if isinstance(judged, Refused):
                refused.append(judged)
                continue
            at_ms = now.pace_ms if said.at_ms is None else said.at_ms
            rows.setdefault((device.id, at_ms, said.at_ms is not None), {})[point.id] = judged
        readings = [
            Reading(device, at_ms, values, by_instrument=is_theirs)
            for (device, at_ms, is_theirs), values in sorted(rows.items(), key=lambda item: item[0][1])
        ]
        return Mapped([*readings, *self._gone(told.gone, now.pace_ms)], refused)

    def _gone(self, sources: Iterable[str], now_ms: int) -> list[Reading]:
        """Every point of these sources has no value from now on."""
        return [
            Reading(device.id, now_ms, dict.fromkeys(device.points, (None, Quality.TIMEOUT)))
            for device in (self._devices[source] for source in sources if source in self._devices)
        ]

    def _judged(
        self, said: Statement, device: Device, point: Point, now_ms: int
    ) -> tuple[float | None, Quality] | Refused:
        if said.value is None:
            return None, said.quality if said.quality.is_bad else Quality.SENTINEL
        source = point.source
        if not isinstance(source, CodeSource):
            raise TypeError(f"{device.id}/{point.id}: no point of a foreign device")
        way = self._conversion(source.theirs, said.unit, point.unit)
        if isinstance(way, str):
            return Refused(f"{device.id}/{point.id}: {way}", f"{said.value:g} {said.unit}")
        value = way.of(apply_scale(said.value, source.scale, source.offset))
        if said.quality.is_good and said.at_ms is not None and said.at_ms - now_ms > _AHEAD_MS:
            return value, Quality.DOUBTFUL_TIME
        return value, said.quality

    def _conversion(self, expected: str | None, said: str | None, ours: str) -> Conversion | str:
        """The way to our unit, or why there is none."""
        key = (expected or "", said or "", ours)
        if key not in self._conversions:
            if len(self._conversions) > _MOST_NAMED:
                self._conversions.clear()
            self._conversions[key] = _way(expected, said, ours)
        return self._conversions[key]

    def _stranger(self, source: str, name: str, what: str) -> list[Refused]:
        """Say once that something has no place here: it may come every second."""
        if (source, name) in self._named or len(self._named) >= _MOST_NAMED:
            return []
        self._named.add((source, name))
        return [Refused(f"{what}; said once", f"{source} {name}".strip())]


def _by_code(device: Device) -> dict[str, Point]:
    return {
        point.source.code: point for point in device.points.values() if isinstance(point.source, CodeSource)
    }


def _way(expected: str | None, said: str | None, ours: str) -> Conversion | str:
    """From what devices.yaml says comes, or what comes says of itself, to our unit.

    Where devices.yaml names their unit, a message that names another is refused: one of the two is wrong, and
    a value in the wrong unit is worse than none.
    """
    theirs = said if expected is None and said is not None else expected
    if said is not None and expected is not None:
        is_other = known_unit(said) is not None and conversion(said, expected) is not SAME
        if is_other:
            return f"it says {said!r}, devices.yaml says from: {expected}"
    if theirs is None or (expected is None and known_unit(theirs) is None):
        return SAME
    return conversion(theirs, ours) or f"no way from its unit {theirs!r} to {ours!r}"
