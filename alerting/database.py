"""The one SQLite file of alerting: ledger, working state and the queue of deliveries share its transactions.

What waits together is committed together, so that a burst costs one synchronisation of the disk.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from alerting.ledger import LEDGER_SCHEMA

FILE_NAME = "alerting.sqlite"

_STATE_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,
                                  PRIMARY KEY (kind, name)) STRICT;
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identifier TEXT NOT NULL,
    lane TEXT NOT NULL,      -- messages of one lane reach a person in order, newer ones replacing older
    episode INTEGER NOT NULL,
    level INTEGER NOT NULL,
    person TEXT NOT NULL,
    via TEXT NOT NULL,       -- channels in order of preference, separated by blanks
    step INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'queued',
    code TEXT NOT NULL DEFAULT '',
    turn INTEGER NOT NULL DEFAULT 0,
    held_ms INTEGER,
    handed_ms INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS delivery_by_lane ON delivery (lane, person);
CREATE INDEX IF NOT EXISTS delivery_waiting ON delivery (id) WHERE state = 'queued';
"""

_ADDED = (
    ("code", "TEXT NOT NULL DEFAULT ''"),
    ("turn", "INTEGER NOT NULL DEFAULT 0"),
    ("held_ms", "INTEGER"),
    ("handed_ms", "INTEGER"),
)
_LATER_INDEXES = """
CREATE INDEX IF NOT EXISTS delivery_held ON delivery (person) WHERE state = 'held';
CREATE INDEX IF NOT EXISTS delivery_handed ON delivery (handed_ms) WHERE handed_ms IS NOT NULL;
"""

SCHEMA = LEDGER_SCHEMA + _STATE_SCHEMA

_Result = TypeVar("_Result")
Work = Callable[[sqlite3.Connection], _Result]


class Database:
    """Runs work in transactions on a thread of its own; made by :func:`open_database`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="alerting-db")
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def commit(self, work: Work[_Result]) -> _Result:
        """Run ``work`` in a transaction, perhaps shared with others'; durable on return.

        Raises:
            sqlite3.Error: The disk refuses; nothing of it was kept.
        """
        done: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_waiting(), name="alerting-db:commit")
        return await done

    async def read(self, work: Work[_Result]) -> _Result:
        """Run work that changes nothing."""
        return await self._in_thread(partial(work, self._connection))

    async def close(self) -> None:
        """Commit what waits and close the file."""
        if self._committing is not None:
            await self._committing
        await self._in_thread(self._connection.close)
        self._thread.shutdown()

    async def _commit_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                results = await self._in_thread(partial(self._run, [work for work, _ in group]))
            except Exception as exc:  # noqa: BLE001  (whoever waits gets it, whatever it is)
                for _, done in group:
                    if not done.done():
                        done.set_exception(exc)
            else:
                for (_, done), result in zip(group, results, strict=True):
                    if not done.done():
                        done.set_result(result)
        self._committing = None

    def _run(self, works: list[Work[Any]]) -> list[Any]:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            return [work(connection) for work in works]

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@asynccontextmanager
async def open_database(path: Path) -> AsyncIterator[Database]:
    """Open or make the file at ``path``.

    Raises:
        sqlite3.Error: The file is no database or the disk refuses.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    prepare(connection)
    database = Database(connection)
    try:
        yield database
    finally:
        await database.close()


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, and bring a file of an earlier version up to this one."""
    connection.executescript(SCHEMA)
    known = {row[1] for row in connection.execute("PRAGMA table_info(delivery)")}
    for column, kind in _ADDED:
        if column not in known:
            connection.execute(f"ALTER TABLE delivery ADD COLUMN {column} {kind}")
    connection.executescript(_LATER_INDEXES)
