"""Reading a measured series from a CSV file."""

import csv
from datetime import datetime, timedelta, timezone
from math import isfinite
from pathlib import Path

from firmware_sim.curves import Curve
from firmware_sim.mistakes import guess
from firmware_sim.sources import CsvSpec


def read_series(path: Path, spec: CsvSpec) -> Curve:
    """Read one column of a CSV file.

    Raises:
        OSError: The file cannot be read.
        ValueError: A column is missing, or a cell is no time or number.
    """
    zone = timezone(timedelta(seconds=spec.utc_offset))
    samples: list[tuple[float, float]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter=spec.delimiter)
        for column in (spec.time, spec.column):
            if column not in (rows.fieldnames or ()):
                raise ValueError(
                    f"{path.name} has no column {column!r}{guess(column, rows.fieldnames or ())}"
                )
        for row in rows:
            cell = row[spec.column]
            if not cell:
                continue
            try:
                taken = datetime.fromisoformat(row[spec.time])
                value = float(cell.replace(",", ".") if spec.decimal == "," else cell)
            except ValueError as exc:
                raise ValueError(f"{path.name}:{rows.line_num}: {exc}") from exc
            if not isfinite(value):
                raise ValueError(f"{path.name}:{rows.line_num}: {cell!r} is no value: leave the cell empty")
            time_s = (taken if taken.tzinfo else taken.replace(tzinfo=zone)).timestamp()
            if samples and time_s <= samples[-1][0]:
                raise ValueError(f"{path.name}:{rows.line_num}: time does not rise: sort the file")
            samples.append((time_s, value * spec.scale + spec.offset))
    if not samples:
        raise ValueError(f"{path.name} holds no value in column {spec.column!r}")
    return Curve(samples, linear=spec.between == "linear")
