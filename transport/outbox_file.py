"""The file behind an outbox: SQLite with a write-ahead log and full synchronisation; synchronous.

A file that turns out to be broken is set aside, what can be read of it goes into a new one, and work goes on.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import structlog

from transport.acks import Ack
from transport.salvage import Row, rows_in

log = structlog.get_logger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS consumer (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS appended (epoch TEXT PRIMARY KEY, last_seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    urgent INTEGER NOT NULL DEFAULT 0,
    UNIQUE (epoch, seq)
);
CREATE TABLE IF NOT EXISTS lacking (
    consumer INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (consumer, message)
) WITHOUT ROWID;
"""  # what a consumer lacks is found without a look at what only others lack
_ADD_URGENT = "ALTER TABLE message ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0"
_INDEX_ORDINARY = "CREATE INDEX IF NOT EXISTS ordinary ON message (id) WHERE urgent = 0"
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
_OLDEST_ORDINARY = "SELECT id, body FROM message WHERE urgent = 0 ORDER BY id LIMIT ?"
_OLDEST = "SELECT id, body FROM message ORDER BY id LIMIT ?"
_FORGOTTEN = "SELECT id FROM message WHERE id NOT IN (SELECT message FROM lacking) LIMIT 1"
_NOBODY_HAS = """
SELECT id, body FROM message WHERE epoch = ? AND seq = ? AND (
    SELECT count(*) FROM consumer JOIN lacking ON consumer = consumer.id WHERE message = message.id
) = ?
"""
_GIVE_UP_AT_ONCE = 64  # messages; then the file is measured again
_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}  # the last: a garbled schema
_COMPANIONS = ("", "-wal", "-shm")

_Result = TypeVar("_Result")


class Entry(NamedTuple):
    """One message that some consumer lacks; ``number`` grows with age of appending."""

    number: int
    epoch: str
    seq: int
    body: bytes


class Append(NamedTuple):
    """One message to keep; an urgent one is given up last."""

    seq: int
    body: bytes
    urgent: bool = False


class Keeping(NamedTuple):
    """How an outbox's file is kept.

    Args:
        most_bytes: The file's size on disk beyond which messages are given up: the oldest of those that are
            not urgent, then the oldest. Nothing is given up without it.
        given_up: Hears the bodies given up.
        is_whole: Whether a body found in a broken file is the message (epoch, seq) and undamaged. Without it
            a broken file is an error.
    """

    most_bytes: int | None = None
    given_up: Callable[[Sequence[bytes]], None] = lambda _bodies: None
    is_whole: Callable[[str, int, bytes], bool] | None = None


class OutboxFile:
    """Messages and who lacks them. All calls come from one thread.

    Raises:
        sqlite3.Error: Of every call: the disk refuses, or the file is no outbox.
    """

    def __init__(self, path: Path, *, epoch: str, consumers: Sequence[str], keeping: Keeping) -> None:
        self.path = path
        self.epoch = epoch
        self._consumers = tuple(consumers)
        self._keeping = keeping
        self._connection = self._open_or_mend()

    def write(self, operations: Sequence[Append | Ack]) -> list[bytes]:
        """Append and acknowledge in one transaction, durable on return; returns the bodies given up."""
        return self._mending(lambda: self._write(operations))

    def backlog(self, consumer: str, most: int) -> list[Entry]:
        """The oldest messages that ``consumer`` lacks."""
        return self._mending(lambda: self._backlog(consumer, most))

    def rewrite(self, numbers: Iterable[int], change: Callable[[int, bytes], bytes]) -> None:
        """Change the bodies of messages of this run that no consumer has, all or none of them."""
        numbers = list(numbers)
        self._mending(lambda: self._rewrite(numbers, change))

    def depth(self, consumer: str | None = None) -> int:
        """How many messages ``consumer`` lacks; without one, any consumer."""
        if consumer is None:
            return self._mending(lambda: self._number("SELECT count(*) FROM message"))
        key = self._ids[consumer]
        return self._mending(lambda: self._number("SELECT count(*) FROM lacking WHERE consumer = ?", key))

    def used_bytes(self) -> int:
        """What the messages take of the file; what it has taken and freed again is not counted."""
        pages = self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")
        return pages * self._number("PRAGMA page_size")

    def oldest(self) -> bytes | None:
        """The body of the oldest message."""
        rows = self._mending(lambda: self._connection.execute(_OLDEST, (1,)).fetchall())
        return rows[0][1] if rows else None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def appended_before(self) -> int:
        """The highest number that earlier runs appended in this epoch."""
        return self._appended_before

    def _open_or_mend(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.DatabaseError as exc:
            self._must_be_mendable(exc)
            return self._mend(exc)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            if "urgent" not in {row[1] for row in connection.execute("PRAGMA table_info(message)")}:
                connection.execute(_ADD_URGENT)
            connection.execute(_INDEX_ORDINARY)
            if self._keeping.is_whole is not None and connection.execute(_FORGOTTEN).fetchone():
                raise _torn("a message is kept that nobody lacks")  # it would be deleted unsent
            self._ids = _register(connection, self._consumers)
            self._appended_before = _appended_until(connection, self.epoch)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _mending(self, work: Callable[[], _Result]) -> _Result:
        """Do ``work``; if the file turns out to be broken, mend it and do it again."""
        try:
            return work()
        except sqlite3.DatabaseError as exc:
            self._must_be_mendable(exc)
            self._connection.close()
            before = self._appended_before
            self._connection = self._mend(exc)
            self._appended_before = before  # this run's own numbers are still to be appended
            return work()

    def _must_be_mendable(self, exc: sqlite3.DatabaseError) -> None:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if code not in _BROKEN or self._keeping.is_whole is None:
            raise exc

    def _mend(self, reason: sqlite3.DatabaseError) -> sqlite3.Connection:
        """Set the broken file aside and take what it still holds into a new one."""
        messages = self._found()
        aside = self.path.with_name(self.path.name + ".broken")
        for companion in _COMPANIONS:
            broken = self.path.with_name(self.path.name + companion)
            if broken.exists():
                broken.replace(aside.with_name(aside.name + companion))
        connection = self._open()
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for epoch, seq, body, urgent in messages:
                _insert(connection, epoch, Append(seq, body, urgent), self._ids.values())
        log.error(
            "spool-mended",
            spool=str(self.path),
            reason=str(reason),
            messages_found=len(messages),
            aside=str(aside),
            remedy="what could be read goes on; the broken file may be deleted; check the disk",
        )
        return connection

    def _found(self) -> list[tuple[str, int, bytes, bool]]:
        """The undamaged messages of the broken file, in their order."""
        is_whole = self._keeping.is_whole
        found: dict[tuple[str, int], tuple[int, bytes, bool]] = {}
        for number, row in rows_in(self.path):
            message = _as_message(row)
            if message is not None and is_whole is not None and is_whole(*message[:3]):
                epoch, seq, body, urgent = message
                found[epoch, seq] = (number, body, urgent)
        ordered = sorted(found.items(), key=lambda item: item[1][0])
        return [(epoch, seq, body, urgent) for (epoch, seq), (_, body, urgent) in ordered]

    def _backlog(self, consumer: str, most: int) -> list[Entry]:
        key, is_whole = self._ids[consumer], self._keeping.is_whole
        entries = [Entry(*row) for row in self._connection.execute(_BACKLOG, (key, most))]
        if is_whole is not None and not all(is_whole(*entry[1:]) for entry in entries):
            raise _torn("a message is damaged")  # nobody could acknowledge it
        return entries

    def _write(self, operations: Sequence[Append | Ack]) -> list[bytes]:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for operation in operations:
                if isinstance(operation, Ack):
                    self._delete_acknowledged(operation)
                elif operation.seq > self._appended_before:
                    _insert(connection, self.epoch, operation, self._ids.values())
            return self._give_up()

    def _rewrite(self, numbers: Iterable[int], change: Callable[[int, bytes], bytes]) -> None:
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for seq in numbers:
                row = connection.execute(_NOBODY_HAS, (self.epoch, seq, len(self._ids))).fetchone()
                if row is not None:
                    number, body = row
                    connection.execute(
                        "UPDATE message SET body = ? WHERE id = ?", (change(seq, body), number)
                    )

    def _delete_acknowledged(self, ack: Ack) -> None:
        for first, last in ack.ranges:
            which = (ack.epoch, first, last)
            self._connection.execute(_LACK_NO_MORE, (self._ids[ack.consumer], *which))
            self._connection.execute(_DELETE_UNLACKED, which)

    def _give_up(self) -> list[bytes]:
        """Delete what no longer fits, and return it."""
        given_up: list[bytes] = []
        most = self._keeping.most_bytes
        while most is not None and self.used_bytes() > most:
            rows = self._connection.execute(_OLDEST_ORDINARY, (_GIVE_UP_AT_ONCE,)).fetchall()
            rows = rows or self._connection.execute(_OLDEST, (_GIVE_UP_AT_ONCE,)).fetchall()
            if not rows:
                break
            numbers = [(number,) for number, _ in rows]
            self._connection.executemany("DELETE FROM message WHERE id = ?", numbers)
            for key in self._ids.values():
                self._connection.executemany(
                    "DELETE FROM lacking WHERE consumer = ? AND message = ?",
                    [(key, number) for (number,) in numbers],
                )
            given_up += [body for _, body in rows]
        return given_up

    def _number(self, question: str, *arguments: int) -> int:
        return int(self._connection.execute(question, arguments).fetchone()[0])


def _torn(reason: str) -> sqlite3.DatabaseError:
    """What SQLite says of a broken file, for what only we can see."""
    exc = sqlite3.DatabaseError(reason)
    exc.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return exc


def _insert(connection: sqlite3.Connection, epoch: str, message: Append, consumers: Iterable[int]) -> None:
    number = connection.execute(
        "INSERT INTO message (epoch, seq, body, urgent) VALUES (?, ?, ?, ?)",
        (epoch, message.seq, message.body, message.urgent),
    ).lastrowid
    connection.executemany(
        "INSERT INTO lacking (consumer, message) VALUES (?, ?)", [(key, number) for key in consumers]
    )
    connection.execute(_NOTE_APPENDED, (epoch, message.seq))


def _as_message(row: Row) -> tuple[str, int, bytes, bool] | None:
    """A row of the table of messages; nothing for a row of another."""
    match row:
        case (None, str(epoch), int(seq), bytes(body), *rest):
            return epoch, seq, body, rest == [1]
        case _:
            return None


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
