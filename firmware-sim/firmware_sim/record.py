"""The simulator's own record of everything it served, in SQLite.

It survives the simulator's death at any instant (each row is its own transaction in the
write-ahead log); a power cut may take the newest rows.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

RECORD_FILE = "served.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS served (
    id INTEGER PRIMARY KEY,
    instrument TEXT NOT NULL,
    counter INTEGER,          -- null: the answer carried none, or a fault falsified it
    wall_s REAL NOT NULL,     -- wall time at which its last byte was written
    event_ms INTEGER NOT NULL,-- event time its values are of
    served TEXT NOT NULL,     -- JSON: {"input/0": 1.25} or {"a34004": 35.0}, values as served
    fault TEXT,               -- null: intact
    answered_s REAL           -- HJ 212: wall time its 9014 arrived
)
"""
_COLUMNS = "id, instrument, counter, wall_s, event_ms, served, fault, answered_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One answer of one instrument, or what a fault made of it."""

    row: int
    instrument: str
    counter: int | None
    wall_s: float
    event_ms: int
    values: Mapping[str, float]
    fault: str | None
    answered_s: float | None


class Record:
    """Writes rows as answers go out."""

    def __init__(self, path: Path) -> None:
        """Open the record, or go on with the one that is there."""
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")  # the process may die, the machine may not
        self._db.execute(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def note(
        self,
        instrument: str,
        *,
        counter: int | None,
        wall_s: float,
        event_ms: int,
        values: Mapping[str, float],
        fault: str | None,
    ) -> int:
        """Write one row and return its number."""
        row = (instrument, counter, wall_s, event_ms, json.dumps(values), fault)
        cursor = self._db.execute(
            "INSERT INTO served (instrument, counter, wall_s, event_ms, served, fault) VALUES (?,?,?,?,?,?)",
            row,
        )
        return int(cursor.lastrowid or 0)

    def note_answered(self, row: int, wall_s: float) -> None:
        """Write when the collector answered the frame of ``row``."""
        self._db.execute("UPDATE served SET answered_s = ? WHERE id = ?", (wall_s, row))

    def last_counter(self, instrument: str) -> int:
        """Return the highest counter the instrument served, 0 before the first."""
        query = "SELECT coalesce(max(counter), 0) FROM served WHERE instrument = ?"
        (counter,) = self._db.execute(query, (instrument,)).fetchone()
        return int(counter)


def read_served(path: Path | str) -> list[Served]:
    """Read the whole record in the order served, also while the simulator writes or after its death.

    ``path`` is the file, or the run directory that holds it.
    """
    file = Path(path)
    if file.is_dir():
        file /= RECORD_FILE
    if not file.exists():
        raise FileNotFoundError(f"{file}: no simulator has served here")
    db = sqlite3.connect(file)
    try:
        db.execute("PRAGMA query_only=1")
        rows = db.execute(f"SELECT {_COLUMNS} FROM served ORDER BY id").fetchall()  # noqa: S608 - own constant
    finally:
        db.close()
    return [
        Served(
            row=row,
            instrument=instrument,
            counter=counter,
            wall_s=wall_s,
            event_ms=event_ms,
            values=json.loads(served),
            fault=fault,
            answered_s=answered_s,
        )
        for row, instrument, counter, wall_s, event_ms, served, fault, answered_s in rows
    ]
