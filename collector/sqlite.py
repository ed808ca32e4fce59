"""The embedded store: one SQLite file, written by one thread, readable meanwhile by anybody."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import TypeVar

from collector.block import Block
from collector.errors import StoreDownError, StoreRefusedError, StoreSettingsError
from collector.store import Bucket, Correction, Method, Row
from transport.batch import Sample
from transport.measurement import Quality

_VERSION = 1
_WIDTH = 4  # columns of a sample
_INSERT = "INSERT OR IGNORE INTO sample VALUES (?, ?, ?, ?)"
_MOST_ROWS = 500  # inserted in one step; more would not be faster
_BUSY_S = 10.0  # how long a writer waits for another process that writes
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    point TEXT NOT NULL,
    UNIQUE (device, point)
) STRICT;
CREATE TABLE IF NOT EXISTS quality (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS sample (
    series INTEGER NOT NULL REFERENCES series,
    at_ms INTEGER NOT NULL,
    value REAL,
    quality INTEGER NOT NULL REFERENCES quality,
    PRIMARY KEY (series, at_ms)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS correction (
    series INTEGER NOT NULL REFERENCES series,
    at_ms INTEGER NOT NULL,
    method TEXT NOT NULL,
    value REAL,
    PRIMARY KEY (series, at_ms)
) STRICT, WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS reading AS
    SELECT device, point, strftime('%Y-%m-%dT%H:%M:%fZ', at_ms / 1000.0, 'unixepoch') AS taken_at,
           value, word AS quality
    FROM sample JOIN series ON series.id = series JOIN quality ON quality.id = quality;
COMMIT;
"""
_HISTORY = """
SELECT at_ms, value, word
FROM sample JOIN quality ON quality.id = quality
WHERE series = (SELECT id FROM series WHERE device = ? AND point = ?) AND at_ms >= ? AND at_ms < ?
ORDER BY at_ms
"""
_AGGREGATE = """
SELECT (at_ms - :start) / :step AS span, count(*), avg(value), min(value), max(value)
FROM sample
WHERE series = (SELECT id FROM series WHERE device = :device AND point = :point)
    AND at_ms >= :start AND at_ms < :end
    AND (
        quality = :good
        OR value IS NOT NULL AND quality NOT IN (SELECT id FROM quality WHERE word LIKE 'bad:%')
    )
GROUP BY span ORDER BY span
"""
_ENDS = """
SELECT device, point, at_ms, value, word
FROM series JOIN sample ON series = series.id JOIN quality ON quality.id = quality
WHERE at_ms = (SELECT {end}(at_ms) FROM sample WHERE series = series.id)
ORDER BY device, point
"""
_EARLIEST, _LATEST = _ENDS.format(end="min"), _ENDS.format(end="max")
_CORRECTIONS = """
SELECT at_ms, method, value FROM correction
WHERE series = (SELECT id FROM series WHERE device = ? AND point = ?) AND at_ms >= ? AND at_ms < ?
ORDER BY at_ms
"""

_Result = TypeVar("_Result")


class _SeriesIds(dict[tuple[str, str], int]):
    """The number of each series; a new one is registered when first asked for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __missing__(self, key: tuple[str, str]) -> int:
        self._connection.execute("INSERT OR IGNORE INTO series (device, point) VALUES (?, ?)", key)
        found = self._connection.execute("SELECT id FROM series WHERE device = ? AND point = ?", key)
        self[key] = number = int(found.fetchone()[0])
        return number


class SqliteStore:
    """A :class:`~collector.store.Store` in one file; made by :func:`open_sqlite`."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="store-read")  # never waits for a commit
        self._series = _SeriesIds(writer)
        rows = min(_MOST_ROWS, writer.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // _WIDTH)
        self._portion = rows * _WIDTH
        self._insert_many = _INSERT + ", (?, ?, ?, ?)" * (rows - 1)
        self._codes = {
            Quality(word): number for number, word in writer.execute("SELECT id, word FROM quality")
        }

    async def write(self, blocks: Sequence[Block]) -> None:
        """Keep samples in one transaction; see :class:`~collector.store.Store`."""

        def insert() -> None:
            try:
                with self._writer as connection:
                    connection.execute("BEGIN")
                    cells = self._cells(blocks)  # registers new series, all in one commit
            except BaseException:
                self._series.clear()  # those of them that were rolled back
                raise
            with self._writer as connection:
                connection.execute("BEGIN IMMEDIATE")
                # One step of SQLite inserts many rows. A step a row would hand the interpreter's lock over
                # and back at every row, and wait for it each time another thread is busy.
                whole = len(cells) // self._portion * self._portion
                for start in range(0, whole, self._portion):
                    connection.execute(self._insert_many, cells[start : start + self._portion])
                rest = cells[whole:]
                connection.executemany(_INSERT, zip(*(rest[n::_WIDTH] for n in range(_WIDTH)), strict=True))

        await _in_thread(self._writing, insert)

    def _cells(self, blocks: Iterable[Block]) -> list[object]:
        """The columns of the sample table row after row, in one list."""
        codes, series = self._codes, self._series
        good = codes[Quality.GOOD]
        cells: list[object] = []
        for device, points, at_ms, values, marks in blocks:
            rows, columns = len(at_ms), len(points)
            part: list[object] = [good] * (_WIDTH * rows * columns)
            part[0::_WIDTH] = [series[device, point] for point in points] * rows
            part[1::_WIDTH] = [instant for instant in at_ms for _ in points]
            part[2::_WIDTH] = chain.from_iterable(values)
            for row, column, quality in marks:
                part[_WIDTH * (row * columns + column) + 3] = codes[quality]
            cells += part
        return cells

    async def history(self, device: str, point: str, start_ms: int, end_ms: int) -> list[Row]:
        """Read one series; see :class:`~collector.store.Store`."""

        def read() -> list[Row]:
            found = self._reader.execute(_HISTORY, (device, point, start_ms, end_ms))
            return [Row(at_ms, value, Quality(word)) for at_ms, value, word in found]

        return await _in_thread(self._reading, read)

    async def aggregate(
        self, device: str, point: str, start_ms: int, end_ms: int, step_ms: int
    ) -> list[Bucket]:
        """Sum up one series; see :class:`~collector.store.Store`."""
        asked = {"device": device, "point": point, "start": start_ms, "end": end_ms, "step": step_ms}
        asked["good"] = self._codes[Quality.GOOD]

        def read() -> list[Bucket]:
            return [
                Bucket(start_ms + span * step_ms, *figures)
                for span, *figures in self._reader.execute(_AGGREGATE, asked)
            ]

        return await _in_thread(self._reading, read)

    async def correct(self, device: str, point: str, corrections: Sequence[Correction]) -> None:
        """Keep corrections in one transaction; see :class:`~collector.store.Store`."""

        def insert() -> None:
            number = self._series[device, point]
            with self._writer as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(
                    "INSERT OR REPLACE INTO correction VALUES (?, ?, ?, ?)",
                    [(number, *correction) for correction in corrections],
                )

        await _in_thread(self._writing, insert)

    async def corrections(self, device: str, point: str, start_ms: int, end_ms: int) -> list[Correction]:
        """Read a series' corrections; see :class:`~collector.store.Store`."""

        def read() -> list[Correction]:
            found = self._reader.execute(_CORRECTIONS, (device, point, start_ms, end_ms))
            return [Correction(at_ms, Method(method), value) for at_ms, method, value in found]

        return await _in_thread(self._reading, read)

    async def earliest(self) -> list[Sample]:
        """Read the oldest of every series; see :class:`~collector.store.Store`."""
        return await self._samples(_EARLIEST)

    async def latest(self) -> list[Sample]:
        """Read the newest of every series; see :class:`~collector.store.Store`."""
        return await self._samples(_LATEST)

    async def _samples(self, query: str) -> list[Sample]:
        def read() -> list[Sample]:
            return [
                Sample(device, point, at_ms, value, Quality(word))
                for device, point, at_ms, value, word in self._reader.execute(query)
            ]

        return await _in_thread(self._reading, read)

    async def close(self) -> None:
        """Let a write that is under way finish, then close the file."""
        for thread, connection in ((self._reading, self._reader), (self._writing, self._writer)):
            await asyncio.get_running_loop().run_in_executor(thread, connection.close)
            thread.shutdown()


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[SqliteStore]:
    """Open or make the store at ``path`` while the block runs.

    Raises:
        StoreSettingsError: The file is no store, of a later version, or out of reach.
    """
    try:
        writer = _connect(path)
        try:
            _prepare(writer, path)
            reader = _connect(path)
            reader.execute("PRAGMA query_only = ON")
        except BaseException:
            writer.close()
            raise
    except sqlite3.Error as exc:
        raise StoreSettingsError(f"store {path}: {exc}") from exc
    store = SqliteStore(writer, reader)
    try:
        yield store
    finally:
        await store.close()


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > _VERSION:
        raise StoreSettingsError(f"store {path}: made by a later version of tocsin; use that one")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what is acknowledged survives a power cut
    connection.executescript(_SCHEMA)
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.executemany(
        "INSERT OR IGNORE INTO quality (word) VALUES (?)", [(quality.value,) for quality in Quality]
    )


async def _in_thread(thread: ThreadPoolExecutor, work: Callable[[], _Result]) -> _Result:
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
    except (OverflowError, UnicodeEncodeError, sqlite3.DataError) as exc:
        raise StoreRefusedError(f"SQLite: {exc}") from exc
    except sqlite3.Error as exc:
        raise StoreDownError(f"SQLite: {exc}") from exc
