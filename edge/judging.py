"""From what a telegram says to readings of a device's points: pure."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from math import isfinite

from district.inventory import CodeSource, Device
from edge.registers import apply_scale
from edge.telegram import Said
from transport.batch import Reading
from transport.measurement import Quality, to_ms

AHEAD = timedelta(minutes=5)  # a station's clock further ahead than this is wrong

Sources = Mapping[str, tuple[str, CodeSource]]  # code: point and source


def sources_of(device: Device) -> dict[str, tuple[str, CodeSource]]:
    """Which point each code of a device means."""
    return {
        point.source.code: (point.id, point.source)
        for point in device.points.values()
        if isinstance(point.source, CodeSource)
    }


def judge_said(
    said: Said, source: CodeSource, accept_flags: Collection[str] = (), *, clock_is_ahead: bool = False
) -> tuple[float | None, Quality]:
    """A quantity's value in the point's unit, and the instrument's own word on it."""
    if said.value is None:
        return None, Quality.SENTINEL
    value = apply_scale(said.value, source.scale, source.offset)
    if not isfinite(value):
        return None, Quality.SENTINEL
    if said.flag is not None and said.flag not in accept_flags:
        return value, Quality.FLAG
    return value, Quality.DOUBTFUL_TIME if clock_is_ahead else Quality.GOOD


def readings_of(
    device: str, said: Iterable[Said], sources: Sources, at: datetime, *, now: datetime | None = None
) -> list[Reading]:
    """The readings that a telegram holds for one device, oldest first; codes without a point are left out.

    Args:
        device: Whose they are.
        said: What the telegram says.
        sources: Which point each code means.
        at: When, where a quantity has no time of its own.
        now: Event time, to find clocks that are ahead; none where ``at`` is our own time.
    """
    rows: dict[int, dict[str, tuple[float | None, Quality]]] = {}
    for each in said:
        if each.code in sources:
            point, source = sources[each.code]
            instant = each.at or at
            ahead = now is not None and instant - now > AHEAD
            rows.setdefault(to_ms(instant), {})[point] = judge_said(each, source, clock_is_ahead=ahead)
    return [Reading(device, at_ms, rows[at_ms], now is not None) for at_ms in sorted(rows)]
