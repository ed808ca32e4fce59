"""The console's own file: what is kept is held in memory, and every change of it stands in its ledger."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from alerting.database import Database
from alerting.ledger import LEDGER_SCHEMA, Kind, append
from console.accounts import Account, Draft, Invitation, Kept, Session, Token, Version, action

FILE_NAME = "console.sqlite"
_SCHEMA = (
    LEDGER_SCHEMA
    + "CREATE TABLE IF NOT EXISTS kept (kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,"
    " PRIMARY KEY (kind, name)) STRICT;"
)
_TABLES: dict[str, type[Kept]] = {
    "account": Account,
    "session": Session,
    "token": Token,
    "invitation": Invitation,
    "draft": Draft,
    "version": Version,
}
_KINDS = {table: kind for kind, table in _TABLES.items()}
_One = TypeVar("_One", Account, Session, Token, Invitation, Draft, Version)


class Register:
    """All that is kept; made by :func:`open_register`."""

    def __init__(self, database: Database, kept: Sequence[Kept], *, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._now_ms = now_ms
        self._kept: dict[tuple[str, str], Kept] = {(_KINDS[type(one)], _name(one)): one for one in kept}

    def every(self, table: type[_One]) -> list[_One]:
        """All of one table, by name."""
        return [one for _, one in sorted(self._kept.items()) if isinstance(one, table)]

    def find(self, table: type[_One], name: str) -> _One | None:
        """One by its name (a session and an invitation by its key); none if there is none."""
        one = self._kept.get((_KINDS[table], name))
        return one if isinstance(one, table) else None

    async def keep(
        self, *kept: Kept, drop: Sequence[Kept] = (), record: dict[str, Any] | None = None
    ) -> None:
        """Keep these in one transaction, forget those, and put what was done in the ledger.

        Raises:
            sqlite3.Error: The disk refuses; nothing was changed.
        """
        await self._database.commit(partial(_write, kept, drop, record, self._now_ms()))
        for one in kept:
            self._kept[_KINDS[type(one)], _name(one)] = one
        for one in drop:
            self._kept.pop((_KINDS[type(one)], _name(one)), None)

    async def record(self, who: str, what: str, **facts: Any) -> None:
        """Put something that somebody did in the ledger.

        Raises:
            sqlite3.Error: The disk refuses.
        """
        await self.keep(record=action(who, what, **facts))


@asynccontextmanager
async def open_register(path: Path, *, now_ms: Callable[[], int]) -> AsyncIterator[Register]:
    """Open or make the console's file.

    Raises:
        sqlite3.Error: The file is no database or the disk refuses.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    path.chmod(0o600)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(_SCHEMA)
    database = Database(connection)
    try:
        yield Register(database, await database.read(_load), now_ms=now_ms)
    finally:
        await database.close()


def _load(connection: sqlite3.Connection) -> list[Kept]:
    rows = connection.execute("SELECT kind, body FROM kept")
    return [msgspec.json.decode(body, type=_TABLES[kind]) for kind, body in rows]


def _write(
    kept: Sequence[Kept],
    drop: Sequence[Kept],
    record: dict[str, Any] | None,
    now_ms: int,
    connection: sqlite3.Connection,
) -> None:
    for one in kept:
        connection.execute(
            "INSERT OR REPLACE INTO kept (kind, name, body) VALUES (?, ?, ?)",
            (_KINDS[type(one)], _name(one), msgspec.json.encode(one)),
        )
    for one in drop:
        connection.execute("DELETE FROM kept WHERE kind = ? AND name = ?", (_KINDS[type(one)], _name(one)))
    if record is not None:
        append(connection, at_ms=now_ms, kind=Kind.ACTION, name=str(record["who"]), body=record)


def _name(one: Kept) -> str:
    return one.key if isinstance(one, Session | Invitation) else one.name
