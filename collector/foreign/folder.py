"""A folder of CSV files: whoever moves a finished file into it has delivered.

A file is written elsewhere, or under a name that does not end in .csv, and moved in: a move is whole or has
not happened. Read files lie in ``done`` afterwards; one of which any row was refused lies in ``failed``, with
the reasons in a file beside it. Its good rows are kept all the same, and reading it again changes nothing.
"""

import asyncio
import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import structlog

from collector.foreign.reception import Reception
from collector.foreign.records import RecordForm, read_records
from district.foreign import CsvFolderBus
from edge.errors import NotKeptError
from edge.waiting import stopped_within
from transport.batch import Reading

log = structlog.get_logger(__name__)

DONE, FAILED = "done", "failed"
_LOOK_EVERY_S = 1.0
_ROWS = 500  # read and kept together
_DISK_PAUSE_S = 2.0
_MOST_REASONS = 10_000  # lines of one file


class CsvFolder:
    """Reads the files of one folder.

    Args:
        path: The folder; it is made if it is not there.
        spec: How its files are written.
        form: Where a row says what.
        reception: Takes what rows say.
    """

    def __init__(self, path: Path, spec: CsvFolderBus, form: RecordForm, reception: Reception) -> None:
        self._path = path
        self._spec = spec
        self._form = form
        self._reception = reception

    async def run(self, stop: asyncio.Event) -> None:
        """Read what arrives until ``stop``; a file under way is read again at the next start."""
        for folder in (self._path / DONE, self._path / FAILED):
            folder.mkdir(parents=True, exist_ok=True)
        while not await stopped_within(stop, _LOOK_EVERY_S):
            for file in self._arrived():
                await self._take(file, stop)
                if stop.is_set():
                    return

    def _arrived(self) -> list[Path]:
        """Whole files, the oldest first."""
        files = [file for file in self._path.glob("*.csv") if file.is_file() and file.name[0] != "."]
        return sorted(files, key=lambda file: (file.stat().st_mtime, file.name))

    async def _take(self, file: Path, stop: asyncio.Event) -> None:
        """Read one file and put it away, unless ``stop`` comes between."""
        reasons: list[str] = []
        try:
            with file.open(encoding=self._spec.encoding, newline="") as lines:
                rows = _numbered(csv.DictReader(_unmarked(lines), delimiter=self._spec.delimiter))
                while portion := await asyncio.to_thread(lambda: list(islice(rows, _ROWS))):
                    readings: list[Reading] = []
                    for line, row in portion:
                        told = read_records(self._form, self._reception.mapper.names, "", [row])
                        mapped = self._reception.map(told, f"{file.name}:{line}")
                        readings += mapped.readings
                        reasons += [f"line {line}: {each.reason}" for each in mapped.refused]
                    await self._keep(readings, stop)
                    if stop.is_set():
                        return
        except (OSError, UnicodeDecodeError, csv.Error) as exc:
            reasons.append(f"the file cannot be read: {exc}")
            self._reception.refuse(str(exc), file.name, b"")
            await self._reception.bury()
        self._put_away(file, reasons)

    async def _keep(self, readings: Sequence[Reading], stop: asyncio.Event) -> None:
        """Keep readings, however long the disk refuses them, or until ``stop``."""
        while True:
            try:
                await self._reception.keep(readings)
            except NotKeptError:
                if await stopped_within(stop, _DISK_PAUSE_S):
                    return
            else:
                return

    def _put_away(self, file: Path, reasons: Sequence[str]) -> None:
        """Move a file that has been read; one of the same name that lies there gives its place up."""
        target = self._path / (FAILED if reasons else DONE) / file.name
        if reasons:
            more = [f"and {len(reasons) - _MOST_REASONS:,} more"] if len(reasons) > _MOST_REASONS else []
            text = "\n".join([*reasons[:_MOST_REASONS], *more, ""])
            target.with_name(f"{file.name}.reasons.txt").write_text(text, encoding="utf-8")
        file.replace(target)
        log.info("file-read", file=file.name, refused=len(reasons), to=str(target))


def _unmarked(lines: Iterable[str]) -> Iterator[str]:
    """Lines without the mark that spreadsheets put before UTF-8."""
    for number, line in enumerate(lines):
        yield line.lstrip("\ufeff") if number == 0 else line


def _numbered(rows: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with the line on which each ends; a column that a row lacks is not there."""
    for row in rows:
        yield (
            rows.line_num,
            {name.strip(): text.strip() for name, text in row.items() if isinstance(text, str) and name},
        )
