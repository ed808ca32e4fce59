"""The commands that show what rules say of the past, and whether they are right."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from tocsin.options import HERE, AsJson, District, State, around
from tocsin.serve import FINDINGS

History = Annotated[
    str, typer.Option("--history", help="A CSV file taken_at,device,point,value[,quality], or `store`.")
]
RulesFile = Annotated[Path | None, typer.Option("--rules", help="Other rules than the district's own.")]
NewRules = Annotated[Path, typer.Option("--rules", help="The new rules; the district's own are the old.")]
Since = Annotated[str | None, typer.Option("--since", help="Only the last so long, as in 30d.")]
Plot = Annotated[Path | None, typer.Option("--plot", help="Write one HTML page that needs nothing else.")]
Truth = Annotated[
    Path, typer.Option("--truth", help="A CSV file of what happened: begin,end[,rule][,subject].")
]
Least = Annotated[str, typer.Option("--level", help="Episodes count from this level on.")]
Before = Annotated[str, typer.Option("--before", help="A warning may be so early.")]


def register_rules_commands(app: typer.Typer) -> None:
    """Add the commands to `tocsin rules`."""
    app.command("backtest")(rules_backtest)
    app.command("diff")(rules_diff)
    app.command("score")(rules_score)
    app.command("test")(rules_test)
    app.command("explain")(rules_explain)


def rules_backtest(
    history: History,
    district: District = HERE,
    *,
    rules: RulesFile = None,
    since: Since = None,
    plot: Plot = None,
    state: State = None,
    json: AsJson = False,
) -> None:
    """Show what rules would have said of readings of the past."""
    from tocsin.backtest import as_json, parse_span, run_backtests, show_table
    from tocsin.plot import plot_page

    at = around(district, state, None, None)
    books = [None, rules] if plot is not None and rules is not None else [rules]
    tested = asyncio.run(run_backtests(at, history, books, parse_span(since) if since else None))
    if plot is not None:
        names = ["rules"] if len(tested) == 1 else ["old", "new"]
        plot.write_text(plot_page(tested, names), encoding="utf-8")
        typer.echo(plot, err=json)
    if json:
        typer.echo(as_json(tested[-1]))
    elif plot is None:
        show_table(tested[-1])


def rules_diff(
    history: History,
    rules: NewRules,
    district: District = HERE,
    *,
    since: Since = None,
    state: State = None,
    json: AsJson = False,
) -> None:
    """Show what other rules would have said differently. Exit code 1 if anything."""
    from tocsin.backtest import parse_span, run_backtests
    from tocsin.compare import compare, differences_json, show_differences

    at = around(district, state, None, None)
    tested = asyncio.run(run_backtests(at, history, [None, rules], parse_span(since) if since else None))
    found = compare(tested)
    if json:
        typer.echo(differences_json(found))
    else:
        show_differences(found)
    raise typer.Exit(FINDINGS if found else 0)


def rules_score(
    history: History,
    truth: Truth,
    district: District = HERE,
    level: Least = "blue",
    before: Before = "0s",
    *,
    rules: RulesFile = None,
    since: Since = None,
    state: State = None,
    json: AsJson = False,
) -> None:
    """Hold what rules would have said against what happened: hits, misses, false alarms, lead time."""
    from rules.spec import LEVELS
    from tocsin.backtest import parse_span, run_backtests, to_ms_of
    from tocsin.compare import score_json, score_of, show_score

    words = {name: value for name, value in LEVELS.items() if name == level}
    if not words:
        raise typer.BadParameter(f"{level!r}: one of {', '.join(LEVELS)}")
    at = around(district, state, None, None)
    (tested,) = asyncio.run(run_backtests(at, history, [rules], parse_span(since) if since else None))
    early_ms = 0 if before == "0s" else to_ms_of(parse_span(before))
    found = score_of(tested, truth, least=next(iter(words.values())), before_ms=early_ms)
    if json:
        typer.echo(score_json(found, tested))
    else:
        show_score(found, tested)


def rules_test(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Timelines; without any, those that the packs ship.")
    ] = None,
    district: District = HERE,
) -> None:
    """Play timelines, readings in and expected transitions out. Exit code 1 if any differs."""
    from tocsin.timelines import play_timelines

    around(district, None, None, None)
    played = play_timelines(files or [], district)
    for each in played:
        typer.echo(f"{'differs' if each.differing else 'as expected'}  {each.file}: {each.name}")
        for line in each.differing:
            typer.echo(f"    {line}")
    raise typer.Exit(FINDINGS if any(each.differing for each in played) else 0)


def rules_explain(
    subject: Annotated[str, typer.Argument(help="device:point, a device or a site.")],
    district: District = HERE,
    *,
    state: State = None,
    json: AsJson = False,
) -> None:
    """Show where every rule stands for a subject, and how far it is from each level."""
    from tocsin.rules_explain import show_standings, standings, standings_json

    found = standings(around(district, state, None, None).state_of("rules"), subject)
    if json:
        typer.echo(standings_json(found))
    else:
        show_standings(found)
