"""Forgetting what is older than a district keeps, in the embedded store."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from collector.errors import StoreDownError

_PORTION = 5_000  # rows deleted in one transaction: some milliseconds
_PAUSE_S = 0.01  # between two, for whoever waits to write
_BUSY_S = 10.0
_DELETE = """
DELETE FROM sample WHERE series = :series AND at_ms < min(:before, coalesce(
    (SELECT at_ms FROM sample WHERE series = :series ORDER BY at_ms LIMIT 1 OFFSET :portion), :before
))
"""


def forget(store: Path, before_ms: int) -> Iterator[int]:
    """Delete the samples taken before an instant; yields how many after each portion.

    Each portion is a transaction of its own, so that who writes waits for milliseconds at most. The space is
    used again by what comes.

    Raises:
        StoreDownError: The file is out of reach or busy for long; what was deleted stays deleted.
    """
    try:
        with closing(
            sqlite3.connect(f"file:{store}?mode=rw", uri=True, timeout=_BUSY_S, isolation_level=None)
        ) as connection:
            for (series,) in connection.execute("SELECT id FROM series").fetchall():
                asked = {"series": series, "before": before_ms, "portion": _PORTION}
                while deleted := connection.execute(_DELETE, asked).rowcount:
                    yield deleted
                    time.sleep(_PAUSE_S)
    except sqlite3.Error as exc:
        raise StoreDownError(f"store {store}: {exc}") from exc
