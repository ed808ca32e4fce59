"""The ledger: every decision and every receipt, append-only, each entry sealed with the hash before it.

It shares the file, and so the transactions, of the working state; nothing of the working state is needed to
read it.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

LEDGER_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,  -- event time
    kind TEXT NOT NULL,
    name TEXT NOT NULL,      -- of what the entry is about: a transition's key, a warning's identifier
    body BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS entry_once ON entry (name) WHERE kind IN ('transition', 'warning');
CREATE TRIGGER IF NOT EXISTS entry_never_changes BEFORE UPDATE ON entry
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entry_never_goes BEFORE DELETE ON entry
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""

_GENESIS = bytes(32)


class Kind(StrEnum):
    """What an entry tells."""

    TRANSITION = "transition"  # a change of an alarm came, and what we made of it
    WARNING = "warning"  # a message was issued, to whom and why
    RECEIPT = "receipt"  # what is known of one person's copy
    ATTEMPT = "attempt"  # a channel could not take one person's copy for the moment
    CASE = "case"  # what goes on until somebody answers, and what people answer
    SHELF = "shelf"  # a story was put aside for a while, and what that kept back
    REPLY = "reply"  # what somebody sent back, before anything is made of it
    DEED = "deed"  # what a gateway did by itself while we were away
    WATCH = "watch"  # a process that we depend on fell silent or returned
    ACTION = "action"  # what somebody did at the console, in the console's own ledger


class Head(NamedTuple):
    """The newest entry: lodged elsewhere, it proves that the ledger was not rewritten."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The first place where the ledger is not what was written."""

    seq: int
    reason: str


def has_entry(connection: sqlite3.Connection, kind: Kind, name: str) -> bool:
    """Whether an entry of that kind and name is there."""
    row = connection.execute("SELECT 1 FROM entry WHERE kind = ? AND name = ?", (kind.value, name)).fetchone()
    return row is not None


def append(connection: sqlite3.Connection, *, at_ms: int, kind: Kind, name: str, body: Any) -> int:
    """Add an entry within the caller's transaction, and say its number.

    Raises:
        sqlite3.IntegrityError: A transition or warning of that name is recorded already.
    """
    last = head(connection)
    seq, content = last.seq + 1, msgspec.json.encode(body)
    seal = _seal(last.hash, seq, at_ms, kind, name, content)
    connection.execute(
        "INSERT INTO entry (seq, at_ms, kind, name, body, hash) VALUES (?, ?, ?, ?, ?, ?)",
        (seq, at_ms, kind.value, name, content, seal),
    )
    return seq


def head(connection: sqlite3.Connection) -> Head:
    """The newest entry; number 0 for an empty ledger."""
    row = connection.execute("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(int(row[0]), bytes(row[1])) if row else Head(0, _GENESIS)


def is_recorded(connection: sqlite3.Connection, kind: Kind, name: str) -> bool:
    """Whether a transition or warning of that name has an entry."""
    # kinds are spelt out because only then SQLite takes the index that holds no other kind
    query = "SELECT kind FROM entry WHERE name = ? AND kind IN ('transition', 'warning')"
    return any(row[0] == kind.value for row in connection.execute(query, (name,)))


def read_body(connection: sqlite3.Connection, kind: Kind, name: str) -> dict[str, Any]:
    """The body of a transition's or warning's entry.

    Raises:
        KeyError: There is no such entry.
    """
    query = "SELECT kind, body FROM entry WHERE name = ? AND kind IN ('transition', 'warning')"
    for found, body in connection.execute(query, (name,)):
        if found == kind.value:
            return dict(msgspec.json.decode(body))
    raise KeyError(name)


def verify(path: Path) -> Break | None:
    """Recompute every seal; the first place that does not hold, or none.

    A ledger that was cut at its end, or rewritten as a whole, is whole in itself: compare :func:`read_head`
    with the head that was lodged elsewhere.
    """
    seq, last = 0, _GENESIS
    try:
        with closing(_open_to_read(path)) as connection:
            for number, at_ms, kind, name, body, seal in connection.execute(
                "SELECT seq, at_ms, kind, name, body, hash FROM entry ORDER BY seq"
            ):
                seq += 1
                if number != seq:
                    return Break(seq=seq, reason=f"entry {seq} is missing")
                if seal != _seal(last, number, at_ms, kind, name, body):
                    return Break(seq=seq, reason=f"entry {seq} is not what was written")
                last = seal
    except (sqlite3.DatabaseError, TypeError) as exc:
        return Break(seq=seq + 1, reason=f"unreadable after entry {seq}: {exc}")
    return None


def read_head(path: Path) -> Head:
    """The newest entry of the ledger at ``path``."""
    with closing(_open_to_read(path)) as connection:
        return head(connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRecord:
    """What one person's channel was known to have done, and when (event time)."""

    person: str
    channel: str
    state: str
    at_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRecord:
    """One issued message with all that the ledger knows of it."""

    identifier: str
    kind: str  # alert, update, all-clear, supplement, notice
    msg_type: str
    level: str
    thread: str
    subject: str
    sent_ms: int
    triggers: tuple[tuple[str, int], ...]  # (transition key, its at_ms)
    recipients: tuple[str, ...]
    widened: tuple[str, ...]  # areas where nobody held a named role
    cap_xml: str
    receipts: tuple[ReceiptRecord, ...]


def read_warnings(path: Path) -> list[WarningRecord]:
    """Every warning ever issued, in order, with its receipts; may be read while alerting runs."""
    bodies: dict[str, Mapping[str, Any]] = {}
    receipts: dict[str, list[ReceiptRecord]] = {}
    for at_ms, kind, name, body in read_entries(path):
        if kind == Kind.WARNING:
            bodies[name] = body
        elif kind == Kind.RECEIPT:
            receipts.setdefault(name, []).append(ReceiptRecord(at_ms=at_ms, **body))
    return [
        WarningRecord(
            identifier=name,
            kind=body["kind"],
            msg_type=body["msg_type"],
            level=body["level"],
            thread=body["thread"],
            subject=body["subject"],
            sent_ms=body["sent_ms"],
            triggers=tuple((key, at_ms) for key, at_ms in body["triggers"]),
            recipients=tuple(recipient["person"] for recipient in body["recipients"]),
            widened=tuple(body["widened"]),
            cap_xml=body["cap_xml"],
            receipts=tuple(receipts.get(name, ())),
        )
        for name, body in bodies.items()
    ]


def seal_at(path: Path, seq: int) -> bytes | None:
    """The seal of one entry; none if the ledger has no such entry."""
    with closing(_open_to_read(path)) as connection:
        row = connection.execute("SELECT hash FROM entry WHERE seq = ?", (seq,)).fetchone()
    return bytes(row[0]) if row else None


class Entry(NamedTuple):
    """One entry as it stands in the ledger."""

    seq: int
    at_ms: int  # event time
    kind: str
    name: str
    body: dict[str, Any]
    hash: bytes


def read_sealed(path: Path) -> Iterator[Entry]:
    """Every entry in order with its seal; may be read while alerting runs."""
    with closing(_open_to_read(path)) as connection:
        rows = connection.execute("SELECT seq, at_ms, kind, name, body, hash FROM entry ORDER BY seq")
        for seq, at_ms, kind, name, body, seal in rows:
            yield Entry(seq, at_ms, kind, name, msgspec.json.decode(body), bytes(seal))


def read_entries(path: Path) -> Iterator[tuple[int, str, str, dict[str, Any]]]:
    """Every entry in order: event time, kind, name, body."""
    for entry in read_sealed(path):
        yield entry.at_ms, entry.kind, entry.name, entry.body


def _open_to_read(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _seal(  # noqa: PLR0917  (an entry's columns, in their order)
    last: bytes, seq: int, at_ms: int, kind: str, name: str, body: bytes
) -> bytes:
    """The hash that binds an entry to all before it; lengths keep neighbouring fields apart."""
    label = f"{seq} {at_ms} {len(kind)} {kind} {len(name)} {name} ".encode()
    return sha256(last + label + body).digest()
