"""The engine's journal: batches and clock ticks in the order evaluated, snapshots, and what was announced.

Restart = snapshot + journal, so the same transitions come out. SQLite with a write-ahead log and full
synchronisation; no other database is needed.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from enum import StrEnum
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple, TypeVar

import msgspec

from rules.state import Announced
from rules.transition import Transition

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, now_ms INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS snapshot (
    id INTEGER PRIMARY KEY CHECK (id = 1), ordinal INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS rulebook (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS transition (ordinal INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""

_Result = TypeVar("_Result")


class Kind(StrEnum):
    """What an entry says."""

    BATCH = "batch"  # a batch came; the body is the batch as it travelled
    TICK = "tick"  # the clock stood there
    HEARING = "hearing"  # from then on the engine heard the broker


class Entry(NamedTuple):
    """One thing the engine evaluated, at event time ``now_ms``."""

    kind: Kind
    now_ms: int
    body: bytes = b""


class Snapshot(NamedTuple):
    """The engine's state after some entry."""

    ordinal: int  # of the last transition before it
    body: bytes


class Kept(NamedTuple):
    """A journal's content: the state at some moment, and what was evaluated since, by which rules."""

    snapshot: Snapshot
    rulebook: bytes
    entries: list[Entry]


class Journal:
    """Made by :func:`open_journal`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._noted: list[Entry] = []
        row = connection.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
        self.epoch = str(row[0])
        """Names the sequence of transitions for as long as this journal lives."""

    def note(self, entry: Entry) -> None:
        """Put an entry into the journal with the next that is committed.

        Enough for what announced nothing: if it is lost, so is all that rests on it.
        """
        self._noted.append(entry)

    async def append(self, entries: Sequence[Entry]) -> None:
        """Commit entries, and those noted before them; durable on return.

        Raises:
            sqlite3.Error: The disk refuses; nothing was kept.
        """
        rows = [*self._noted, *entries]
        self._noted.clear()
        await self._in_thread(lambda: self._write(rows, []))

    async def record(self, announced: Sequence[Announced]) -> None:
        """Commit transitions for good, and entries noted before; a repeat changes nothing.

        Raises:
            sqlite3.Error: The disk refuses; nothing was kept.
        """
        rows = list(self._noted)
        self._noted.clear()
        await self._in_thread(lambda: self._write(rows, announced))

    def _write(self, entries: Sequence[Entry], announced: Sequence[Announced]) -> None:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO entry (kind, now_ms, body) VALUES (?, ?, ?)", entries)
            connection.executemany(
                "INSERT OR IGNORE INTO transition (ordinal, body) VALUES (?, ?)",
                [(each.ordinal, msgspec.json.encode(each.transition)) for each in announced],
            )

    async def keep_snapshot(self, snapshot: Snapshot, *, rulebook: bytes | None = None) -> None:
        """Replace the snapshot by one of the state after every entry, and let go of the entries.

        Args:
            snapshot: The state.
            rulebook: The rules that judge from now on, where they are not those before.

        Raises:
            sqlite3.Error: The disk refuses; the old snapshot and all entries are still there.
        """
        self._noted.clear()  # the snapshot holds what they did

        def write() -> None:
            with self._connection as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(
                    "INSERT OR REPLACE INTO snapshot (id, ordinal, body) VALUES (1, ?, ?)", snapshot
                )
                connection.execute("DELETE FROM entry")
                if rulebook is not None:
                    connection.execute(
                        "INSERT OR REPLACE INTO rulebook (id, body) VALUES (1, ?)", (rulebook,)
                    )

        await self._in_thread(write)

    async def load(self) -> Kept | None:
        """What a restart begins with; None in a new journal."""

        def read() -> Kept | None:
            row = self._connection.execute("SELECT ordinal, body FROM snapshot").fetchone()
            if row is None:
                return None
            (rulebook,) = self._connection.execute("SELECT body FROM rulebook").fetchone()
            rows = self._connection.execute("SELECT kind, now_ms, body FROM entry ORDER BY id")
            entries = [Entry(Kind(kind), now_ms, body) for kind, now_ms, body in rows]
            return Kept(Snapshot(*row), rulebook, entries)

        return await self._in_thread(read)

    async def announced_since(self, ordinal: int) -> list[Announced]:
        """The transitions recorded behind number ``ordinal``."""

        def read() -> list[Announced]:
            rows = self._connection.execute(
                "SELECT ordinal, body FROM transition WHERE ordinal > ? ORDER BY ordinal", (ordinal,)
            )
            return [Announced(number, msgspec.json.decode(body, type=Transition)) for number, body in rows]

        return await self._in_thread(read)

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Commit what was noted and close the file."""
        if self._noted:
            await self.append([])
        await self._in_thread(self._connection.close)
        self._thread.shutdown()


@asynccontextmanager
async def open_journal(path: Path) -> AsyncIterator[Journal]:
    """Open or make the journal at ``path``.

    Raises:
        sqlite3.Error: The file is no journal or the disk refuses.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(_SCHEMA)
    connection.execute("INSERT OR IGNORE INTO meta (name, value) VALUES ('epoch', ?)", (token_hex(8),))
    journal = Journal(connection)
    try:
        yield journal
    finally:
        await journal.close()


def read_transitions(path: Path) -> list[Transition]:
    """Every transition ever announced, in order; none if there is no journal yet."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT body FROM transition ORDER BY ordinal")
        return [msgspec.json.decode(body, type=Transition) for (body,) in rows]
