"""What people do with the store: make it, fill it from files, copy it, put a copy back, forget the old."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from json import dumps
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from collector.backup import Copy, back_up, restore
from collector.block import size_of
from collector.csvfile import RefusedRow, read_portions
from collector.errors import CollectorError
from collector.prepare import prepare_influx1, prepare_influx2
from collector.retention import forget
from collector.stores import SQLITE_FILE, open_store, secret
from district.devices import Influx1Store, InfluxStore, SqliteStore
from district.inventory import District
from district.load import load_district
from tocsin.errors import TocsinError
from tocsin.wiring import Surroundings

_ERRORS_SHOWN = 20


class Imported(NamedTuple):
    """What came of files."""

    samples: int
    refused: list[tuple[Path, RefusedRow]]


def init_store(at: Surroundings, *, keep: timedelta | None) -> list[str]:
    """Make the database that devices.yaml names; what was done, in words.

    Raises:
        TocsinError: It cannot be made.
    """
    district = load_district(at.district)
    try:
        return asyncio.run(_made(district, at, keep))
    except CollectorError as exc:
        raise TocsinError(str(exc)) from exc


async def _made(district: District, at: Surroundings, keep: timedelta | None) -> list[str]:
    match district.store:
        case SqliteStore():
            state_dir = at.state_of("collector")
            async with open_store(district.store, district=district, state_dir=state_dir):
                pass
            return [f"file {state_dir / SQLITE_FILE}"]
        case Influx1Store() as store:
            return await prepare_influx1(
                url=store.url,
                database=store.database,
                username=store.username,
                password=secret(store.password_env),
                keep=keep,
            )
        case InfluxStore() as store:
            return await prepare_influx2(
                url=store.url,
                org=store.org,
                bucket=store.bucket,
                token=secret(store.token_env) or "",
                keep=keep,
            )


def forget_older(at: Surroundings, keep: timedelta) -> int:
    """Delete what the embedded store keeps longer than ``keep``, while it is written; how many samples.

    Raises:
        TocsinError: The store is a server, or cannot be reached.
    """
    path = _embedded(at, "retention, which `tocsin store init --keep-days` sets")
    before_ms = at.clock.now_ms() - round(keep / timedelta(milliseconds=1))
    try:
        return sum(forget(path, before_ms))
    except CollectorError as exc:
        raise TocsinError(str(exc)) from exc


def import_files(at: Surroundings, files: Sequence[Path], constants: Mapping[str, str]) -> Imported:
    """Store the readings in CSV files; a bar on stderr shows how far it is.

    Raises:
        TocsinError: A file cannot be read at all, or the store cannot be written.
    """
    district = load_district(at.district)
    progress = Progress(
        "{task.description}",
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    try:
        with progress:
            return asyncio.run(_imported(district, at, files, constants, progress))
    except (CollectorError, OSError, UnicodeDecodeError) as exc:
        raise TocsinError(str(exc)) from exc


async def _imported(
    district: District,
    at: Surroundings,
    files: Sequence[Path],
    constants: Mapping[str, str],
    progress: Progress,
) -> Imported:
    samples, refused = 0, list[tuple[Path, RefusedRow]]()
    async with (
        open_store(district.store, district=district, state_dir=at.state_of("collector")) as store,
        asyncio.TaskGroup() as tasks,
    ):
        writing: asyncio.Task[None] | None = None
        for path in files:
            bar = progress.add_task(path.name, total=path.stat().st_size)
            with path.open(encoding="utf-8", newline="") as file:
                for portion in read_portions(file, timezone=district.timezone, constants=constants):
                    refused += [(path, row) for row in portion.refused]
                    samples += size_of(portion.blocks)
                    if writing is not None:
                        await writing  # one portion is read while one is written
                    writing = tasks.create_task(store.write(portion.blocks))
                    await asyncio.sleep(0)  # so that it begins
                    progress.update(bar, completed=os.lseek(file.fileno(), 0, os.SEEK_CUR))
    return Imported(samples, refused)


def copy_store(at: Surroundings, target: Path) -> Copy:
    """Back up the embedded store while it is written, and verify the copy.

    Raises:
        TocsinError: The store is a server, or the copy is not whole.
    """
    try:
        return back_up(_embedded(at, "backup"), target)
    except CollectorError as exc:
        raise TocsinError(str(exc)) from exc


def put_back(at: Surroundings, backup: Path, *, overwrite: bool) -> Copy:
    """Put a backup in the embedded store's place.

    Raises:
        TocsinError: The store is a server or in use, or the backup is not whole.
    """
    try:
        return restore(backup, _embedded(at, "restore"), overwrite=overwrite)
    except CollectorError as exc:
        raise TocsinError(str(exc)) from exc


def _embedded(at: Surroundings, what: str) -> Path:
    if not isinstance(load_district(at.district).store, SqliteStore):
        raise TocsinError(f"this district's store is a server: use the server's own {what}")
    return at.state_of("collector") / SQLITE_FILE


def refusals(imported: Imported) -> Iterator[str]:
    """The rows that were refused, for people."""
    for path, row in imported.refused[:_ERRORS_SHOWN]:
        yield f"{path}:{row.line}: {row.reason}"
    if len(imported.refused) > _ERRORS_SHOWN:
        yield f"and {len(imported.refused) - _ERRORS_SHOWN} more"


def copy_text(copy: Copy, *, as_json: bool) -> str:
    """What a backup or a restored store holds, for people or for programs."""
    if as_json:
        return dumps({**copy._asdict(), "path": str(copy.path)})
    return f"{copy.path}: {copy.samples:,} samples of {copy.series:,} series, {copy.size:,} bytes, verified"
