"""What one point measured, for people: a table, a spreadsheet's rows, or a picture."""

import csv
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from collector.stores import open_store
from district.findings import closest
from district.inventory import Device, District, Point
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
    """Write the history of one point to stdout, in the district's time and above the device's datum.

    Raises:
        TocsinError: The district has no such device or point, nothing is stored, or the span is none.
        StoreDownError: The store is out of reach.
    """
    district = load_district(at.district)
    found, spec = find_point(district, device, point)
    first_ms, last_ms = (
        bound if instant is None else to_ms(instant.replace(tzinfo=instant.tzinfo or district.timezone))
        for instant, bound in ((since, EARLIEST_MS), (until, LATEST_MS))
    )
    if first_ms >= last_ms:
        raise TocsinError("--from must come before --to")
    if not (at.state / "collector").is_dir():
        raise TocsinError(f"nothing is stored in {at.state}; say where with --state")
    async with open_store(district.store, district=district, state_dir=at.state / "collector") as store:
        stored = await store.history(device, point, first_ms, last_ms)
    zero = 0.0 if spec.counter else found.datum_zero
    rows = [
        Row(
            from_ms(row.at_ms).astimezone(district.timezone),
            None if row.value is None else row.value + zero,
            row.quality,
        )
        for row in stored
    ]
    datum = f" above datum {found.datum_system or ''} (zero {zero:g})" if zero else ""
    _SHOW[form](f"{device} {point}{datum}", spec.unit, rows)


def find_point(district: District, device: str, point: str) -> tuple[Device, Point]:
    """A device, in use or not, and one of its points.

    Raises:
        TocsinError: There is no such device or point; the message names those there are.
    """
    found = district.devices.get(device) or district.disabled.get(device)
    if found is None:
        raise TocsinError(_unknown("device", device, list(district.devices)))
    if point not in found.points:
        raise TocsinError(f"{device}: {_unknown('point', point, list(found.points))}")
    return found, found.points[point]


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
    long = rows[-1].taken_at - rows[0].taken_at > timedelta(days=2)
    figure.date("x").activate(form="%m-%d" if long else "%H:%M")
    times = [row.taken_at.replace(tzinfo=None) for row in shown]  # drawn as the district's clock shows them
    figure.draw(figure.signal(times, [row.value for row in shown]))
    figure.title(title)
    figure.label(unit, "y")
    figure.theme("simple" if sys.stdout.isatty() else "colorless")
    figure.show(colorless=not sys.stdout.isatty())


_SHOW = {Form.TABLE: _show_table, Form.CSV: _show_csv, Form.JSON: _show_json, Form.PLOT: _show_plot}
