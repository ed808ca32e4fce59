"""The commands about the store and what lies in it."""

import asyncio
from datetime import datetime, timedelta
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from district.findings import Language
from tocsin.findings import default_language
from tocsin.options import HERE, AsJson, Broker, District, Lang, State, around
from tocsin.serve import FINDINGS

_commands = typer.Typer()
_store = typer.Typer(help="The store of readings.", no_args_is_help=True)


def register_store_commands(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.add_typer(_commands)
    app.add_typer(_store, name="store")


@_store.command("init")
def store_init(
    district: District = HERE,
    keep_days: Annotated[
        int | None, typer.Option(min=1, help="How long a server keeps single readings; else for good.")
    ] = None,
    *,
    state: State = None,
) -> None:
    """Make the database that devices.yaml names: bucket, retention, hourly values."""
    from tocsin.storage import init_store

    keep = timedelta(days=keep_days) if keep_days else None
    for line in init_store(around(district, state, None, None), keep=keep):
        typer.echo(line)


@_store.command("forget")
def store_forget(
    keep_days: Annotated[int, typer.Option(min=1, help="What is older goes.")],
    district: District = HERE,
    *,
    state: State = None,
) -> None:
    """Delete what the embedded store has kept longer, while the collector runs."""
    from tocsin.storage import forget_older

    at = around(district, state, None, None)
    typer.echo(f"forgot {forget_older(at, timedelta(days=keep_days)):,} samples")


@_commands.command()
def reading(
    device: Annotated[str, typer.Argument(help="A device of devices.yaml.")],
    point: Annotated[str, typer.Argument(help="One of its points.")],
    value: Annotated[float, typer.Argument(help="As people read it, above the datum.")],
    *,
    district: District = HERE,
    taken_at: Annotated[
        datetime | None, typer.Option("--at", help="When it was read, in the district's time; else now.")
    ] = None,
    wait_s: Annotated[float, typer.Option(help="How long to wait for store and rules.", min=0.0)] = 10.0,
    state: State = None,
    broker: Broker = None,
    lang: Lang = None,
    json: AsJson = False,
) -> None:
    """Report what was read by eye (人工报汛): a good reading for store and rules."""
    from tocsin.reading import report_reading

    at = around(district, state, broker, None)
    language: Language = lang.value if lang else default_language()
    waiting = asyncio.run(
        report_reading(at, device, point, value, taken_at=taken_at, patience_s=wait_s, language=language)
    )
    if json:
        typer.echo(dumps({"kept": True, "waiting": waiting}))
    elif waiting:
        typer.echo(f"kept here; {waiting} still to be sent: the next `tocsin reading` sends them, too")
    else:
        typer.echo("store and rules have it")
    raise typer.Exit(FINDINGS if waiting else 0)


@_commands.command("import")
def import_csv(
    files: Annotated[list[Path], typer.Argument(help="Columns: device, point, taken_at, value[, quality].")],
    district: District = HERE,
    device: Annotated[
        str | None, typer.Option(help="Of all rows, where the file has no such column.")
    ] = None,
    point: Annotated[str | None, typer.Option(help="Of all rows, where the file has no such column.")] = None,
    *,
    state: State = None,
    json: AsJson = False,
) -> None:
    """Store the readings in CSV files; rows that are none are named and left out."""
    from tocsin.storage import import_files, refusals

    constants = {name: word for name, word in (("device", device), ("point", point)) if word}
    imported = import_files(around(district, state, None, None), files, constants)
    for line in refusals(imported):
        typer.echo(line, err=True)
    figures = {"samples": imported.samples, "refused": len(imported.refused)}
    typer.echo(dumps(figures) if json else "{samples:,} samples, {refused:,} rows refused".format(**figures))
    raise typer.Exit(FINDINGS if imported.refused else 0)


@_commands.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    district: District = HERE,
    *,
    state: State = None,
    json: AsJson = False,
) -> None:
    """Copy the embedded store while the collector runs, and verify the copy."""
    from tocsin.storage import copy_store, copy_text

    typer.echo(copy_text(copy_store(around(district, state, None, None), target), as_json=json))


@_commands.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A file that `tocsin backup` wrote.")],
    district: District = HERE,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the store that is there.")] = False,
    state: State = None,
    json: AsJson = False,
) -> None:
    """Verify a backup and put it in the embedded store's place; no collector may run."""
    from tocsin.storage import copy_text, put_back

    at = around(district, state, None, None)
    typer.echo(copy_text(put_back(at, source, overwrite=force), as_json=json))


AsHtml = Annotated[bool, typer.Option("--html", help="One HTML page that needs nothing else.")]
Day = Annotated[
    datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="The last day; by default today.")
]
Days = Annotated[int, typer.Option(min=1, help="How many days.")]


@_store.command("clean")
def store_clean(district: District = HERE, day: Day = None, days: Days = 2, *, state: State = None) -> None:
    """Find spikes, gaps and other faults; corrections stand beside the raw values, never over them."""
    from tocsin.quality import clean_days, days_until

    at = around(district, state, None, None)
    typer.echo(f"{asyncio.run(clean_days(at, days_until(at, day, days))):,} corrections")


@_commands.command()
def quality(
    district: District = HERE,
    day: Day = None,
    days: Days = 1,
    *,
    state: State = None,
    json: AsJson = False,
    html: AsHtml = False,
) -> None:
    """Show how complete and how good each site's days were."""
    from tocsin.quality import days_until, quality_days, quality_html, quality_json, quality_table

    at = around(district, state, None, None)
    found = asyncio.run(quality_days(at, days_until(at, day, days)))
    typer.echo((quality_json if json else quality_html if html else quality_table)(found))


@_commands.command()
def catalogue(
    district: District = HERE, *, state: State = None, json: AsJson = False, html: AsHtml = False
) -> None:
    """Show what is measured where, by what, since when; quantities with two sources are findings."""
    from tocsin.catalogue import catalogue_html, catalogue_json, catalogue_table, findings, read_catalogue

    entries = asyncio.run(read_catalogue(around(district, state, None, None)))
    typer.echo((catalogue_json if json else catalogue_html if html else catalogue_table)(entries))
    doubts = findings(entries)
    for doubt in doubts:
        typer.echo(doubt, err=True)
    raise typer.Exit(FINDINGS if doubts else 0)
