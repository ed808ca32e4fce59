"""What rules would have said of the past: as JSON, as a table, and as a picture that needs nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from collector.stores import open_store
from district.fields import PositiveDuration
from district.inventory import District
from district.load import load_district
from rules.backtest import History, backtest
from rules.errors import HistoryError
from rules.history import parse_history
from rules.load import load_rules, load_rules_file
from rules.rulebook import Rulebook
from rules.transition import Transition
from tocsin.errors import TocsinError
from tocsin.report import EARLIEST_MS, LATEST_MS
from tocsin.wiring import Surroundings
from transport.batch import Sample
from transport.measurement import from_ms

STORE = "store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One rulebook over one history."""

    district: District
    rulebook: Rulebook
    samples: Sequence[Sample] = field(repr=False)  # a signal handler's error shows what the loop returned
    since_ms: int
    seconds: float
    transitions: list[Transition]  # from ``since_ms`` on


class FileHistory:
    """Readings of a CSV file in long form."""

    def __init__(self, path: Path, district: District) -> None:
        self._path = path
        self._district = district

    async def samples(self, rulebook: Rulebook, since_ms: int | None) -> Sequence[Sample]:
        """All of the file; see :class:`rules.backtest.History`.

        Raises:
            TocsinError: The file is absent or a line of it is no reading.
        """
        del rulebook, since_ms  # what lies before fills the windows
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                return parse_history(file, self._district.timezone)
        except (OSError, UnicodeDecodeError) as exc:
            raise TocsinError(f"{self._path}: {exc}") from exc
        except HistoryError as exc:
            raise TocsinError(f"{self._path}: {exc}") from exc


class StoreHistory:
    """Readings of the district's store."""

    def __init__(self, at: Surroundings, district: District) -> None:
        self._at = at
        self._district = district

    async def samples(self, rulebook: Rulebook, since_ms: int | None) -> Sequence[Sample]:
        """The points that rules watch; see :class:`rules.backtest.History`."""
        reach_ms = max((watch.reach_ms + watch.stale_after_ms for watch in rulebook.watches), default=0)
        first_ms = EARLIEST_MS if since_ms is None else since_ms - reach_ms
        found: list[Sample] = []
        folder = self._at.state_of("collector")
        async with open_store(self._district.store, district=self._district, state_dir=folder) as store:
            for subject in watched_subjects(rulebook):
                device, _, point = subject.partition(":")
                rows = await store.history(device, point, first_ms, LATEST_MS)
                found += [Sample(device, point, at_ms, value, quality) for at_ms, value, quality in rows]
        found.sort(key=lambda each: each.at_ms)
        return found


def watched_subjects(rulebook: Rulebook) -> list[str]:
    """Every point that some rule looks at."""
    subjects = (name for watch in rulebook.watches for name in (watch.subject, *watch.references))
    return list(dict.fromkeys(subjects))


def history_of(at: Surroundings, district: District, history: str) -> History:
    """The history that a command line names: a CSV file or ``store``."""
    return StoreHistory(at, district) if history == STORE else FileHistory(Path(history), district)


def rulebook_of(at: Surroundings, district: District, rules: Path | None) -> Rulebook:
    """The district's rules, or those of another file."""
    return load_rules(at.district, district) if rules is None else load_rules_file(rules, district)


async def run_backtests(
    at: Surroundings, history: str, rulebooks: Sequence[Path | None], since: timedelta | None
) -> list[Tested]:
    """Each rulebook over the same history; None stands for the district's own.

    Raises:
        TocsinError: The history cannot be read.
        InvalidFileError: A file of rules has mistakes.
    """
    district = load_district(at.district)
    tested = []
    samples: Sequence[Sample] = ()
    for position, rules in enumerate(rulebooks):
        rulebook = rulebook_of(at, district, rules)
        begun = perf_counter()
        if position == 0 or history == STORE:
            since_ms = None if since is None or history != STORE else at.clock.now_ms() - to_ms_of(since)
            samples = await history_of(at, district, history).samples(rulebook, since_ms)
        newest_ms = samples[-1].at_ms if samples else 0
        first_ms = EARLIEST_MS if since is None else newest_ms - to_ms_of(since)
        transitions = [each for each in backtest(rulebook, samples) if each.at_ms >= first_ms]
        tested.append(
            Tested(
                district=district,
                rulebook=rulebook,
                samples=samples,
                since_ms=first_ms,
                seconds=perf_counter() - begun,
                transitions=transitions,
            )
        )
    return tested


def parse_span(text: str) -> timedelta:
    """A stretch of time as the files write it, such as 30d.

    Raises:
        TocsinError: The text is none.
    """
    try:
        return TypeAdapter(PositiveDuration).validate_python(text)
    except ValidationError as exc:
        raise TocsinError(f"{text!r}: write a number with its unit, as in 30d or 12h") from exc


def to_ms_of(span: timedelta) -> int:
    """A stretch of time in milliseconds."""
    return round(span / timedelta(milliseconds=1))


def as_json(tested: Tested) -> str:
    """The transitions as other programs read them; instants by the district's clock."""
    zone = tested.district.timezone
    transitions: list[dict[str, Any]] = [
        {
            "at": from_ms(each.at_ms).astimezone(zone).isoformat(),
            "rule": each.rule,
            "subject": each.subject,
            "from": each.before.word,
            "to": each.to.word,
            "value": each.value,
            "limit": each.limit,
        }
        for each in tested.transitions
    ]
    points = sum(each.at_ms >= tested.since_ms for each in tested.samples)
    answer = {"points": points, "seconds": round(tested.seconds, 3), "transitions": transitions}
    return msgspec.json.encode(answer).decode()


def show_table(tested: Tested) -> None:
    """The transitions as people read them."""
    zone = tested.district.timezone
    table = Table("at", "rule", "subject", "from", "to", "value", "limit")
    for each in tested.transitions:
        at = from_ms(each.at_ms).astimezone(zone).isoformat(sep=" ", timespec="seconds")
        value, limit = ("" if figure is None else f"{figure:g}" for figure in (each.value, each.limit))
        table.add_row(
            at, each.rule, each.subject, each.before.word, each.to.word, f"{value} {each.unit}", limit
        )
    console = Console()
    console.print(table)
    console.print(f"{len(tested.samples)} readings in {tested.seconds:.2f} s")
