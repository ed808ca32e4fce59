"""What one point measured, for people: a table, a spreadsheet's rows, or a picture."""

import csv
import sys
from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from collector.stores import open_store
from district.findings import closest
from district.inventory import District, Point
from district.load import load_district
from tocsin.errors import TocsinError
from tocsin.report import EARLIEST_MS, LATEST_MS
from tocsin.wiring import Surroundings
from transport.measurement import Quality, from_ms, to_ms


class Form(Enum):
    """How the history is shown."""

    TABLE = auto()
    CSV = auto()
    PLOT = auto()
    JSON = auto()


class Row(NamedTuple):
    """One measurement in the district's time."""

    taken_at: datetime
    value: float | None
    quality: Quality


async def show_history(
    at: Surroundings, device: str, point: str, *, since: datetime | None, until: datetime | None, form: Form
) -> None:
    """Write the history of one point to stdout, in the district's time.

    Raises:
        TocsinError: The district has no such device or point.
    """
    district = load_district(at.district)
    spec = _find(district, device, point)
    first, last = (
        bound if instant is None else to_ms(instant.replace(tzinfo=instant.tzinfo or district.timezone))
        for instant, bound in ((since, EARLIEST_MS), (until, LATEST_MS))
    )
    async with open_store(district.store, district=district, state_dir=at.state_of("collector")) as store:
        found = await store.history(device, point, first, last)
    rows = [
        Row(from_ms(at_ms).astimezone(district.timezone), value, quality) for at_ms, value, quality in found
    ]
    _SHOW[form](f"{device} {point}", spec.unit, rows)


def _find(district: District, device: str, point: str) -> Point:
    if device not in district.devices:
        raise TocsinError(_unknown("device", device, list(district.devices)))
    points = district.devices[device].points
    if point not in points:
        raise TocsinError(f"{device}: {_unknown('point', point, list(points))}")
    return points[point]


def _unknown(kind: str, word: str, known: Sequence[str]) -> str:
    guess = closest(word, known)
    meant = f"; did you mean {guess!r}?" if guess else ""
    return f"no {kind} {word!r}{meant} There are: {', '.join(known)}"


def _show_table(title: str, unit: str, rows: Sequence[Row]) -> None:
    table = Table("taken at", f"value ({unit})", "quality", title=title)
    for row in rows:
        value = "" if row.value is None else f"{row.value:g}"
        table.add_row(row.taken_at.isoformat(sep=" ", timespec="seconds"), value, row.quality.value)
    Console().print(table)


def _show_csv(_title: str, unit: str, rows: Sequence[Row]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(["taken_at", f"value_{unit}", "quality"])
    writer.writerows([row.taken_at.isoformat(), row.value, row.quality.value] for row in rows)


def _show_json(_title: str, unit: str, rows: Sequence[Row]) -> None:
    answer = {
        "unit": unit,
        "rows": [{"taken_at": r.taken_at.isoformat(), "value": r.value, "quality": r.quality} for r in rows],
    }
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")


def _show_plot(title: str, unit: str, rows: Sequence[Row]) -> None:
    import plotext

    shown = [row for row in rows if row.value is not None and not row.quality.is_bad]
    if not shown:
        sys.stdout.write(f"{title}: nothing measured in this span\n")
        return
    figure = plotext.figure
    figure.date("x").activate()
    times = [row.taken_at.replace(tzinfo=None) for row in shown]  # drawn as the district's clock shows them
    figure.draw(figure.signal(times, [row.value for row in shown]))
    figure.title(title)
    figure.label(unit, "y")
    figure.theme("simple" if sys.stdout.isatty() else "colorless")
    figure.show(colorless=not sys.stdout.isatty())


_SHOW = {Form.TABLE: _show_table, Form.CSV: _show_csv, Form.JSON: _show_json, Form.PLOT: _show_plot}
