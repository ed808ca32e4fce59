"""The ledger: nothing in it changes without being found."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.database import open_database
from alerting.ledger import LEDGER_SCHEMA, Kind, append, read_head, verify

COLUMNS = ("at_ms", "kind", "name", "body", "hash", "seq")


def fill(path: Path, entries: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(LEDGER_SCHEMA)
        for number in range(entries):
            body = {"person": f"张三 {number}", "state": "delivered"}
            append(connection, at_ms=1_000 + number, kind=Kind.RECEIPT, name=f"warning-{number}", body=body)


def tamper(path: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("DROP TRIGGER entry_never_changes; DROP TRIGGER entry_never_goes;")
        connection.execute(statement, values)


@settings(deadline=None)  # disks take the time they take
@given(data=st.data(), column=st.sampled_from(COLUMNS), entries=st.integers(1, 6))
def test_one_changed_byte_is_found(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, column: str, entries: int
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    fill(path, entries)
    victim = data.draw(st.integers(1, entries))
    with closing(sqlite3.connect(path)) as connection:
        query = f"SELECT {column} FROM entry WHERE seq = ?"  # noqa: S608  (one of six names)
        (value,) = connection.execute(query, (victim,)).fetchone()
    changed: object
    if isinstance(value, int):
        changed = value ^ (1 << data.draw(st.integers(0, 40)))
    else:
        octets = bytearray(value.encode() if isinstance(value, str) else value)
        place = data.draw(st.integers(0, len(octets) - 1))
        octets[place] ^= data.draw(st.integers(1, 127 if isinstance(value, str) else 255))
        changed = octets.decode() if isinstance(value, str) else bytes(octets)
    assert verify(path) is None

    try:
        tamper(path, f"UPDATE entry SET {column} = ? WHERE seq = ?", (changed, victim))  # noqa: S608
    except sqlite3.IntegrityError:
        return  # the number of another entry: the database itself refuses

    found = verify(path)
    assert found is not None
    assert found.seq <= victim + (column == "seq")


@settings(deadline=None)  # disks take the time they take
@given(entries=st.integers(2, 6), data=st.data())
def test_an_entry_taken_out_is_found(
    tmp_path_factory: pytest.TempPathFactory, entries: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    fill(path, entries)
    victim = data.draw(st.integers(1, entries - 1))

    tamper(path, "DELETE FROM entry WHERE seq = ?", (victim,))

    assert verify(path) is not None


def test_a_ledger_cut_at_its_end_no_longer_has_the_head_that_was_lodged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    fill(path, 3)
    lodged = read_head(path)

    tamper(path, "DELETE FROM entry WHERE seq = 3")

    assert verify(path) is None
    assert read_head(path) != lodged


@pytest.mark.parametrize("statement", ["UPDATE entry SET name = 'x'", "DELETE FROM entry"])
def test_the_database_itself_refuses_to_change_the_ledger(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "ledger.sqlite"
    fill(path, 1)

    with (
        closing(sqlite3.connect(path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(statement)


def test_a_damaged_file_is_a_break_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"SQLite format 3\0" + bytes(4096))

    assert verify(path) is not None


async def test_work_that_fails_keeps_nothing_of_its_transaction(tmp_path: Path) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        append(connection, at_ms=1, kind=Kind.WATCH, name="rules", body={})
        raise ValueError("no")

    async with open_database(tmp_path / "a.sqlite") as database:
        with pytest.raises(ValueError, match="no"):
            await database.commit(fail)
        await database.commit(lambda c: append(c, at_ms=2, kind=Kind.WATCH, name="rules", body={}))

    assert read_head(tmp_path / "a.sqlite").seq == 1
    assert verify(tmp_path / "a.sqlite") is None
