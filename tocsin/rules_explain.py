"""Where the rules stand for a subject, from the engine's own journal."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from district.findings import closest
from rules.app import JOURNAL_FILE
from rules.desk import replay
from rules.explaining import Standing, explain, known_subjects
from rules.journal import Entry, Kind
from rules.plain import Engine
from rules.rulebook import decode_rulebook
from rules.state import decode_state
from tocsin.errors import TocsinError
from transport.measurement import from_ms


def read_engine(path: Path) -> Engine:
    """The engine as its journal has it, whether or not it runs.

    Raises:
        TocsinError: There is no journal, or one of another version.
    """
    if not path.exists():
        raise TocsinError(f"{path}: the rules engine has not run here yet; start it with `tocsin up`")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.execute("BEGIN")  # one moment of a file that is being written
            (state,) = connection.execute("SELECT body FROM snapshot").fetchone()
            (rulebook,) = connection.execute("SELECT body FROM rulebook").fetchone()
            rows = connection.execute("SELECT kind, now_ms, body FROM entry ORDER BY id").fetchall()
        engine = Engine(decode_rulebook(rulebook), decode_state(state))
    except (sqlite3.Error, TypeError, msgspec.MsgspecError) as exc:
        raise TocsinError(f"{path}: cannot be read: {exc}") from exc
    replay(engine, [Entry(Kind(kind), now_ms, body) for kind, now_ms, body in rows])
    return engine


def standings(folder: Path, name: str) -> list[Standing]:
    """Where every rule stands for a subject, device or site.

    Raises:
        TocsinError: No rule watches it, or there is no journal.
    """
    engine = read_engine(folder / JOURNAL_FILE)
    found = explain(engine, name)
    if not found:
        known = known_subjects(engine)
        guess = closest(name, known)
        meant = f"; did you mean {guess!r}?" if guess else ""
        raise TocsinError(f"no rule watches {name!r}{meant} There are: {', '.join(known)}")
    return found


def standings_json(found: Sequence[Standing]) -> str:
    """The standings for other programs."""
    rows: list[dict[str, Any]] = [
        {
            "rule": each.rule,
            "subject": each.subject,
            "unit": each.unit,
            "level": each.level.word,
            "told": each.told.word,
            "sampled_at": None if each.sampled_ms is None else from_ms(each.sampled_ms).isoformat(),
            "levels": [
                {
                    "level": rung.level.word,
                    "value": rung.value,
                    "limit": rung.limit,
                    "clear": rung.clear,
                    "missing": rung.missing,
                }
                for rung in each.distances
            ],
        }
        for each in found
    ]
    return msgspec.json.encode({"rules": rows}).decode()


def show_standings(found: Sequence[Standing]) -> None:
    """The standings for people."""
    table = Table("rule", "subject", "level", "told", "judged against", "value", "limit", "clear", "missing")
    for each in found:
        for position, rung in enumerate(each.distances):
            first = position == 0
            head = (each.rule, each.subject, each.level.word, each.told.word) if first else ("", "", "", "")
            value, missing = (
                "" if figure is None else f"{figure:g} {each.unit}" for figure in (rung.value, rung.missing)
            )
            table.add_row(*head, rung.level.word, value, f"{rung.limit:g}", f"{rung.clear:g}", missing)
        if not each.distances:
            table.add_row(each.rule, each.subject, each.level.word, each.told.word, "no reading yet")
    Console().print(table)
