"""Playing timelines: those of files, or those that packs ship."""

from collections.abc import Iterator, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from district.document import parse, read_document
from district.findings import InvalidFileError
from district.load import load_district
from rules.load import load_rules
from rules.timeline import TimelinesFile, play, rules_of
from tocsin.errors import TocsinError


class Played(NamedTuple):
    """One timeline and what differed from what was expected."""

    file: str
    name: str
    differing: list[str]


def play_timelines(paths: Sequence[Path], district: Path) -> list[Played]:
    """Play the timelines of files; without files, those of all packs.

    Raises:
        InvalidFileError: A file has mistakes.
        TocsinError: A pack is not there.
    """
    if paths:
        return [each for path in paths for each in _play_file(path, district)]
    with as_file(files("rules.packs").joinpath("timelines")) as folder:
        return [each for path in sorted(folder.glob("*.yaml")) for each in _play_file(path, district)]


def _play_file(path: Path, folder: Path) -> Iterator[Played]:
    spec, findings = parse(read_document(path), TimelinesFile)
    if spec is None:
        raise InvalidFileError(findings)
    try:
        rulebook = rules_of(spec)[0] if spec.packs else load_rules(folder, load_district(folder))
        for timeline in spec.timelines:
            yield Played(path.name, timeline.name, play(timeline, rulebook))
    except (FileNotFoundError, ValidationError, ValueError) as exc:
        raise TocsinError(f"{path}: {exc}") from exc
