"""Shelves: a story that people know of is kept from them for a while, with a reason and an end.

Red is never shelved. What is kept back is issued and recorded all the same, and when the shelf's time is over
people hear how the story stands.
"""

import sqlite3
from collections.abc import Mapping

import msgspec

from alerting.errors import RedError
from alerting.ledger import Kind, append
from rules.transition import Level


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """One story put aside."""

    thread: str
    person: str
    reason: str
    since_ms: int
    until_ms: int


class Shelves:
    """Holds what is put aside; every change is a transaction first."""

    def __init__(self, shelves: Mapping[str, Shelf]) -> None:
        self._shelves = dict(shelves)

    @property
    def all(self) -> Mapping[str, Shelf]:
        """Every shelf by its thread, as committed."""
        return self._shelves

    def adopt(self, changed: Mapping[str, Shelf | None]) -> None:
        """Go on from what has been committed."""
        for thread, shelf in changed.items():
            if shelf is None:
                self._shelves.pop(thread, None)
            else:
                self._shelves[thread] = shelf

    def holds(self, thread: str, level: Level, now_ms: int) -> Shelf | None:
        """The shelf that keeps a message back; none if it goes."""
        shelf = self._shelves.get(thread)
        return shelf if shelf is not None and now_ms < shelf.until_ms and level is not Level.RED else None

    def ended(self, now_ms: int) -> list[str]:
        """The threads whose shelf is over."""
        return sorted(thread for thread, shelf in self._shelves.items() if shelf.until_ms <= now_ms)

    def next_ms(self) -> int | None:
        """When the first shelf is over."""
        return min((shelf.until_ms for shelf in self._shelves.values()), default=None)


def put(connection: sqlite3.Connection, shelf: Shelf, level: Level, *, request: str) -> None:
    """Record that a story is put aside.

    Raises:
        RedError: It is red.
    """
    if level is Level.RED:
        raise RedError
    body = {
        "what": "shelved",
        "person": shelf.person,
        "reason": shelf.reason,
        "until_ms": shelf.until_ms,
        "request": request,
    }
    append(connection, at_ms=shelf.since_ms, kind=Kind.SHELF, name=shelf.thread, body=body)
    connection.execute(
        "INSERT OR REPLACE INTO state (kind, name, body) VALUES ('shelf', ?, ?)",
        (shelf.thread, msgspec.json.encode(shelf)),
    )


def take_down(connection: sqlite3.Connection, thread: str, *, now_ms: int, person: str = "") -> None:
    """Record that a story is told again; ``person`` is who asked, if its time was not over."""
    body = {"what": "told again", "person": person}
    append(connection, at_ms=now_ms, kind=Kind.SHELF, name=thread, body=body)
    connection.execute("DELETE FROM state WHERE kind = 'shelf' AND name = ?", (thread,))


def note_kept_back(
    connection: sqlite3.Connection, shelf: Shelf, identifier: str, people: list[str], *, now_ms: int
) -> None:
    """Record who was not told of a message, and why."""
    body = {"what": "kept back", "warning": identifier, "people": people, "reason": shelf.reason}
    append(connection, at_ms=now_ms, kind=Kind.SHELF, name=shelf.thread, body=body)


def load_shelves(connection: sqlite3.Connection) -> dict[str, Shelf]:
    """Every shelf by its thread."""
    rows = connection.execute("SELECT name, body FROM state WHERE kind = 'shelf'")
    return {name: msgspec.json.decode(body, type=Shelf) for name, body in rows}
