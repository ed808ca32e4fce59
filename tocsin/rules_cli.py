"""The commands that show what rules say of the past, and whether they are right."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from tocsin.options import HERE, AsJson, District, State, around

History = Annotated[
    str, typer.Option("--history", help="A CSV file taken_at,device,point,value[,quality], or `store`.")
]
RulesFile = Annotated[Path | None, typer.Option("--rules", help="Other rules than the district's own.")]
Since = Annotated[str | None, typer.Option("--since", help="Only the last so long, as in 30d.")]
Plot = Annotated[Path | None, typer.Option("--plot", help="Write one HTML page that needs nothing else.")]


def register_rules_commands(app: typer.Typer) -> None:
    """Add the commands to `tocsin rules`."""
    app.command("backtest")(rules_backtest)


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
