"""The outbox: messages kept on disk until every consumer has acknowledged them.

Edge spools batches in one, the rules engine its transitions. SQLite with a write-ahead log and full
synchronisation; appends and acknowledgements that wait together are committed together.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from transport.acks import Ack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_SCHEMA = """
CREATE TABLE IF NOT EXISTS consumer (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS appended (epoch TEXT PRIMARY KEY, last_seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (epoch, seq)
);
CREATE TABLE IF NOT EXISTS lacking (
    consumer INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (consumer, message)
) WITHOUT ROWID;
"""  # what a consumer lacks is found without a look at what only others lack
_BACKLOG = """
SELECT id, epoch, seq, body FROM lacking JOIN message ON id = message
WHERE consumer = ? ORDER BY message LIMIT ?
"""
_LACK_NO_MORE = """
DELETE FROM lacking WHERE consumer = ? AND message IN (
    SELECT id FROM message WHERE epoch = ? AND seq BETWEEN ? AND ?
)
"""
_DELETE_UNLACKED = """
DELETE FROM message WHERE epoch = ? AND seq BETWEEN ? AND ? AND NOT EXISTS (
    SELECT 1 FROM consumer CROSS JOIN lacking ON lacking.consumer = consumer.id
    WHERE lacking.message = message.id
)
"""
_NOTE_APPENDED = """
INSERT INTO appended (epoch, last_seq) VALUES (?, ?)
ON CONFLICT (epoch) DO UPDATE SET last_seq = max(last_seq, excluded.last_seq)
"""

_Result = TypeVar("_Result")


class Entry(NamedTuple):
    """One message that some consumer lacks; ``number`` grows with age of appending."""

    number: int
    epoch: str
    seq: int
    body: bytes


@dataclass(slots=True)
class _Append:
    seq: int
    body: bytes


class Outbox:
    """Messages of one sender, numbered ``seq`` within ``epoch``; made by :func:`open_outbox`."""

    def __init__(self, connection: sqlite3.Connection, epoch: str, consumers: Sequence[str]) -> None:
        self.epoch = epoch
        self.path = str(connection.execute("PRAGMA database_list").fetchone()[2])
        self.consumers = tuple(consumers)
        self.appended = asyncio.Event()
        self.acknowledged = asyncio.Event()
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._ids = _register(connection, consumers)
        self._appended_before = _appended_until(connection, epoch)
        self._last_seq = self._appended_before
        self._waiting: list[tuple[_Append | Ack, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None

    def next_seq(self) -> int:
        """Reserve the number of the next message."""
        self._last_seq += 1
        return self._last_seq

    async def append(self, seq: int, body: bytes) -> None:
        """Keep a message; it is durable on return.

        Numbers are appended in ascending order. One at or below the highest that earlier runs appended in
        this epoch changes nothing: a sender that restarts and comes to the same messages again sends each
        once.

        Raises:
            sqlite3.Error: The disk refuses or the number is taken; the message is not kept.
        """
        await self._commit(_Append(seq, body))
        self.appended.set()

    async def acknowledge(self, ack: Ack) -> None:
        """Note what a consumer has; a message that all consumers have is deleted.

        Raises:
            sqlite3.Error: The disk refuses; the message will be sent and acknowledged again.
        """
        if ack.consumer in self._ids:
            await self._commit(ack)
            self.acknowledged.set()

    async def backlog(self, consumer: str, *, most: int) -> list[Entry]:
        """The oldest messages that ``consumer`` lacks."""
        key = self._ids[consumer]

        def read() -> list[Entry]:
            return [Entry(*row) for row in self._connection.execute(_BACKLOG, (key, most))]

        return await self._in_thread(read)

    async def depth(self) -> int:
        """How many messages some consumer lacks."""
        return await self._in_thread(
            lambda: int(self._connection.execute("SELECT count(*) FROM message").fetchone()[0])
        )

    async def _commit(self, operation: _Append | Ack) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((operation, done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_waiting())
        await done

    async def _commit_waiting(self) -> None:
        """Commit whatever waits as one transaction, until nothing waits."""
        while self._waiting:
            group, self._waiting = self._waiting, []
            operations = [operation for operation, _ in group]
            try:
                await self._in_thread(partial(self._write, operations))
            except Exception as exc:  # noqa: BLE001  (whatever it is, those who wait must hear of it)
                for _, done in group:
                    if not done.done():
                        done.set_exception(exc)
            else:
                for _, done in group:
                    if not done.done():
                        done.set_result(None)
        self._committing = None

    def _write(self, operations: Sequence[_Append | Ack]) -> None:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for operation in operations:
                if isinstance(operation, Ack):
                    self._delete_acknowledged(operation)
                elif operation.seq > self._appended_before:
                    self._insert(operation)

    def _insert(self, message: _Append) -> None:
        number = self._connection.execute(
            "INSERT INTO message (epoch, seq, body) VALUES (?, ?, ?)", (self.epoch, message.seq, message.body)
        ).lastrowid
        self._connection.executemany(
            "INSERT INTO lacking (consumer, message) VALUES (?, ?)",
            [(key, number) for key in self._ids.values()],
        )
        self._connection.execute(_NOTE_APPENDED, (self.epoch, message.seq))

    def _delete_acknowledged(self, ack: Ack) -> None:
        for first, last in ack.ranges:
            which = (ack.epoch, first, last)
            self._connection.execute(_LACK_NO_MORE, (self._ids[ack.consumer], *which))
            self._connection.execute(_DELETE_UNLACKED, which)

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Commit what waits and close the file."""
        if self._committing is not None:
            await self._committing
        await self._in_thread(self._connection.close)
        self._thread.shutdown()


@asynccontextmanager
async def open_outbox(path: Path, *, epoch: str, consumers: Sequence[str]) -> "AsyncIterator[Outbox]":
    """Open or make the outbox at ``path``.

    Args:
        path: The SQLite file.
        epoch: Names this run of the sender; a new random one where the sender starts counting anew, the old
            one where it goes on with its numbers.
        consumers: Who must acknowledge each message. One that is no longer named here is waited for no more.

    Raises:
        sqlite3.Error: The file is no outbox or the disk refuses.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(_SCHEMA)
    outbox = Outbox(connection, epoch, consumers)
    try:
        yield outbox
    finally:
        await outbox.close()


def _appended_until(connection: sqlite3.Connection, epoch: str) -> int:
    row = connection.execute("SELECT last_seq FROM appended WHERE epoch = ?", (epoch,)).fetchone()
    return int(row[0]) if row else 0


def _register(connection: sqlite3.Connection, consumers: Sequence[str]) -> dict[str, int]:
    """Number the consumers for good, and release what was waiting for one no longer named."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        known = {str(name): int(key) for name, key in connection.execute("SELECT name, id FROM consumer")}
        for name in consumers:
            if name not in known:
                cursor = connection.execute("INSERT INTO consumer (name) VALUES (?)", (name,))
                known[name] = int(cursor.lastrowid or 0)
        for name in known.keys() - set(consumers):
            connection.execute("DELETE FROM lacking WHERE consumer = ?", (known[name],))
            connection.execute("DELETE FROM consumer WHERE id = ?", (known[name],))
        connection.execute("DELETE FROM message WHERE id NOT IN (SELECT message FROM lacking)")
    return {name: known[name] for name in consumers}
