"""What `tocsin rules explain` says is what the journal holds."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rules.journal import Entry, Kind, Snapshot, open_journal
from rules.plain import Engine
from rules.rulebook import encode_rulebook
from rules.state import encode_state
from tests.rules.support import batch, ladder, minute, reading
from tocsin.cli import app
from tocsin.errors import TocsinError
from transport.batch import encode_batch

BOOK = ladder("{blue: {above: 10, clear: 8}, red: {above: 50, for: 10m}}")


async def journal(folder: Path) -> None:
    (folder / "state" / "rules").mkdir(parents=True)
    engine = Engine(BOOK)
    async with open_journal(folder / "state" / "rules" / "journal.sqlite") as kept:
        await kept.keep_snapshot(Snapshot(0, encode_state(engine.state)), rulebook=encode_rulebook(BOOK))
        for at_min, value in ((0, 12.0), (5, 51.0)):
            payload = encode_batch(batch([reading(at_min, value)]))
            await kept.append([Entry(Kind.BATCH, minute(at_min), payload)])


async def test_it_tells_the_level_and_how_far_the_next_is(tmp_path: Path) -> None:
    await journal(tmp_path)
    command = ["rules", "explain", "rtu:ch4", "--district", str(tmp_path), "--json"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    (rule,) = json.loads(done.stdout)["rules"]
    assert (rule["rule"], rule["level"], rule["told"]) == ("gas", "blue", "blue")
    assert [(each["level"], each["value"], each["missing"]) for each in rule["levels"]] == [
        ("blue", 51.0, -41.0),
        ("red", 51.0, -1.0),
    ]
    table = CliRunner().invoke(app, ["rules", "explain", "pipe", "--district", str(tmp_path)])
    assert "gas" in table.output


async def test_a_subject_that_no_rule_watches_is_named(tmp_path: Path) -> None:
    await journal(tmp_path)
    with pytest.raises(TocsinError, match="did you mean 'rtu:ch4'"):
        CliRunner().invoke(
            app, ["rules", "explain", "rtu:ch5", "--district", str(tmp_path)], catch_exceptions=False
        )


def test_without_a_journal_it_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(TocsinError, match="tocsin up"):
        CliRunner().invoke(
            app, ["rules", "explain", "x", "--district", str(tmp_path)], catch_exceptions=False
        )
