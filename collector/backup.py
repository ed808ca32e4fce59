"""Backup and restore of the embedded store: a verified copy of one instant, taken while it is written."""

import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from collector.errors import BackupError

_CHUNK = 1024 * 1024
_BUSY_S = 10.0


class Copy(NamedTuple):
    """A whole store in one file."""

    path: Path
    samples: int
    series: int
    size: int  # bytes
    sha256: str


def back_up(store: Path, target: Path) -> Copy:
    """Copy the store of one instant to ``target`` without holding up who writes it, and verify the copy.

    All that was acknowledged before is in it. Beside it lies its checksum, ``NAME.sha256``. A backup that is
    broken off leaves nothing under the target's name.

    Raises:
        BackupError: There is no store, the target exists, or the copy is not whole.
    """
    if not store.exists():
        raise BackupError(f"no store at {store}")
    if target.exists():
        raise BackupError(f"{target} exists; a backup overwrites nothing")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=_BUSY_S)) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))  # a snapshot: writers go on meanwhile
        copy = _verified(part)
        _settle(part, target)
        checksum = target.with_name(f"{target.name}.sha256")
        checksum.write_text(f"{copy.sha256}  {target.name}\n")
    except (sqlite3.Error, OSError) as exc:
        raise BackupError(f"backup to {target}: {exc}") from exc
    finally:
        part.unlink(missing_ok=True)
    return copy._replace(path=target)


def restore(backup: Path, store: Path, *, overwrite: bool = False) -> Copy:
    """Put a backup in the store's place; no collector may run on it.

    Raises:
        BackupError: The backup is not whole or not what its checksum says, the store is in use, or it exists
            and may not be overwritten.
    """
    try:
        copy = _verified(backup)
        checksum = backup.with_name(f"{backup.name}.sha256")
        if checksum.exists() and checksum.read_text().split()[0] != copy.sha256:
            raise BackupError(f"{backup} is not what its checksum says")
        if store.exists():
            if not overwrite:
                raise BackupError(f"{store} exists; say --force to put the backup in its place")
            _refuse_if_used(store)
        part = store.with_name(f"{store.name}.part")
        try:
            shutil.copyfile(backup, part)
            for companion in ("-wal", "-shm"):  # of the store that goes: it must not be applied to this one
                store.with_name(store.name + companion).unlink(missing_ok=True)
            _settle(part, store)
        finally:
            part.unlink(missing_ok=True)
    except (sqlite3.Error, OSError) as exc:
        raise BackupError(f"restore of {backup}: {exc}") from exc
    return copy._replace(path=store)


def _verified(path: Path) -> Copy:
    """What a file holds, once every page and index of it has been checked."""
    if not path.exists():
        raise BackupError(f"no backup at {path}")
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        [(verdict,)] = connection.execute("PRAGMA integrity_check(1)")
        if verdict != "ok":
            raise BackupError(f"{path} is not whole: {verdict}")
        [(samples, series)] = connection.execute(
            "SELECT (SELECT count(*) FROM sample), (SELECT count(*) FROM series)"
        )
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return Copy(path, samples, series, path.stat().st_size, digest.hexdigest())


def _refuse_if_used(store: Path) -> None:
    """Raise if another process has the store open."""
    with closing(sqlite3.connect(store, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as exc:
            raise BackupError(f"{store} is in use; end the collector first") from exc


def _settle(part: Path, target: Path) -> None:
    """Give a finished file its name, durably."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
