"""The commands of alerting, its ledger and its messages."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from district.findings import Language
from tocsin.findings import default_language
from tocsin.options import HERE, AsJson, Broker, District, Lang, State, Tongue, around
from tocsin.serve import FINDINGS

if TYPE_CHECKING:  # commands import what they need when they run
    from alerting.commands import Command

cap_app = typer.Typer(help="CAP messages.", no_args_is_help=True)
ledger_app = typer.Typer(
    help="The record of who was told what, when and with what outcome.", no_args_is_help=True
)


class Colour(StrEnum):
    """The levels of a warning."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


def register_alerting_commands(app: typer.Typer) -> None:
    """Add what people ask of alerting, and tell it."""
    app.command("who")(alerting_who)
    app.command("list")(alerting_list)
    app.command("ack")(alerting_ack)
    app.command("close")(alerting_close)
    app.command("shelve")(alerting_shelve)
    app.command("unshelve")(alerting_unshelve)


def alerting_who(
    rule: Annotated[str, typer.Option(help="A rule of rules.yaml.")],
    subject: Annotated[str, typer.Option(help="What it watches: DEVICE:POINT, or DEVICE for silence.")],
    level: Annotated[Colour, typer.Option(help="The level that it reaches.")],
    district: District = HERE,
    *,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Show exactly who would be told of an alarm, why, and by what."""
    from rules.transition import Level
    from tocsin.who import show_who

    language = _language(lang)
    at = around(district, None, None, None)
    show_who(at, rule, subject, Level[level.upper()], language, json=json)


def alerting_list(
    district: District = HERE, state: State = None, *, json: AsJson = False, lang: Lang = None
) -> None:
    """Show the open cases: who answered, who is called next, what is overdue."""
    from tocsin.desk import cases_json, open_cases, show_cases

    at = around(district, state, None, None)
    cases = open_cases(at)
    if json:
        typer.echo(cases_json(cases))
    else:
        show_cases(at, cases, _language(lang))


Ref = Annotated[str, typer.Argument(help="A reply code, a case, or a thread.")]
By = Annotated[str, typer.Option("--by", help="Who says so: a person of contacts.yaml.")]


def alerting_ack(
    ref: Ref,
    by: By,
    note: Annotated[str, typer.Option(help="What else there is to say.")] = "",
    district: District = HERE,
    *,
    broker: Broker = None,
    lang: Lang = None,
) -> None:
    """Say that a person is awake and on it: the calling that reached them ends."""
    from alerting.commands import Acknowledge
    from tocsin.desk import new_id

    _ask(Acknowledge(id=new_id(), person=by, ref=ref, note=note), district, broker, lang)


def alerting_close(
    ref: Ref,
    by: By,
    done: Annotated[str, typer.Option(help="What was done.")],
    district: District = HERE,
    *,
    broker: Broker = None,
    lang: Lang = None,
) -> None:
    """Close a case: what was done, and by whom."""
    from alerting.commands import Close
    from tocsin.desk import new_id

    _ask(Close(id=new_id(), person=by, ref=ref, done=done), district, broker, lang)


Thread = Annotated[str, typer.Argument(help="A story: HAZARD--ASSET, as the list shows it.")]


def alerting_shelve(
    thread: Thread,
    by: By,
    reason: Annotated[str, typer.Option(help="Why.")],
    hours: Annotated[float, typer.Option(help="For how long.", min=0.01, max=168.0)],
    district: District = HERE,
    *,
    broker: Broker = None,
    lang: Lang = None,
) -> None:
    """Put a story aside for a while: it is recorded and not told. Red is never put aside."""
    from alerting.commands import Shelve
    from tocsin.desk import new_id

    command = Shelve(id=new_id(), person=by, thread=thread, reason=reason, for_s=hours * 3600)
    _ask(command, district, broker, lang)


def alerting_unshelve(
    thread: Thread, by: By, district: District = HERE, *, broker: Broker = None, lang: Lang = None
) -> None:
    """Hear of a story again before its time."""
    from alerting.commands import Unshelve
    from tocsin.desk import new_id

    _ask(Unshelve(id=new_id(), person=by, thread=thread), district, broker, lang)


def _ask(command: "Command", district: Path, broker: str | None, lang: Tongue | None) -> None:
    from tocsin.desk import ask

    outcome = asyncio.run(ask(around(district, None, broker, None), command))
    typer.echo(outcome.zh if _language(lang) == "zh" else outcome.en)
    raise typer.Exit(0 if outcome.ok else FINDINGS)


@ledger_app.command("verify")
def ledger_verify(
    district: District = HERE,
    state: State = None,
    head: Annotated[
        str | None,
        typer.Option(help="SEQ:HASH that was lodged elsewhere: finds a ledger that was rewritten."),
    ] = None,
    *,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Recompute every seal of the ledger; one changed byte is found."""
    import msgspec

    from tocsin.ledger import ledger_file, prove

    proof = prove(ledger_file(around(district, state, None, None)), head)
    language = _language(lang)
    typer.echo(msgspec.json.encode(proof).decode() if json else proof.words.in_language(language))
    raise typer.Exit(0 if proof.whole else FINDINGS)


@ledger_app.command("export")
def ledger_export(
    district: District = HERE,
    state: State = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only entries of this kind; repeatable.")] = None,
    name: Annotated[str | None, typer.Option(help="Only what is about this warning or transition.")] = None,
    *,
    numbers: Annotated[bool, typer.Option("--numbers", help="Show telephone numbers whole.")] = False,
) -> None:
    """Write the ledger as JSON, one entry a line; telephone numbers are masked."""
    from tocsin.ledger import export_lines, ledger_file

    path = ledger_file(around(district, state, None, None))
    for line in export_lines(
        path,
        lambda entry: (not kind or entry.kind in kind) and name in (None, entry.name),
        masked=not numbers,
    ):
        typer.echo(line)


@cap_app.command("validate")
def cap_validate(
    files: Annotated[list[Path], typer.Argument(help="CAP messages; several are held against each other.")],
    *,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Judge CAP messages by the standard: structure, the rules beyond it, and their references."""
    from tocsin.cap import judge_files, render_verdict, verdict_json

    verdict = judge_files(files)
    language = _language(lang)
    typer.echo(verdict_json(verdict) if json else render_verdict(verdict, language))
    raise typer.Exit(FINDINGS if verdict.refused else 0)


@cap_app.command("show")
def cap_show(
    file: Annotated[Path, typer.Argument(help="A CAP message.")], *, json: AsJson = False, lang: Lang = None
) -> None:
    """Show what a CAP message says."""
    from tocsin.cap import message_json, read_message, render_message

    message = read_message(file)
    language = _language(lang)
    typer.echo(message_json(message) if json else render_message(message, language))


def _language(lang: Tongue | None) -> Language:
    return lang.value if lang else default_language()
