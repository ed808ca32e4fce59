"""The command line: results on stdout, logs on stderr.

Exit code 0 is fine, 1 is findings, 2 is bad usage or configuration.
"""

import asyncio
import logging
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from district.findings import Language
from tocsin.alerting_cli import cap_app, ledger_app, register_alerting_commands
from tocsin.explain import explain
from tocsin.field_cli import register_field_commands
from tocsin.findings import default_language, findings_json, render_findings
from tocsin.options import (
    DISTRICT,
    HERE,
    LISTEN,
    AsJson,
    Broker,
    BusEndpoints,
    ClockText,
    District,
    Lang,
    Listen,
    Metrics,
    State,
    around,
    endpoints_of,
)
from tocsin.rules_cli import register_rules_commands
from tocsin.serve import FINDINGS, INTERRUPTED, OK, USAGE, configure_logs, run_until_signal
from tocsin.store_cli import register_store_commands

app = typer.Typer(
    help="Senses danger in a district and warns the right people in time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
rules_app = typer.Typer(help="The rules engine.", no_args_is_help=True)
alerting_app = typer.Typer(help="Warnings to people.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")
register_rules_commands(rules_app)
app.add_typer(alerting_app, name="alerting")
app.add_typer(cap_app, name="cap")
app.add_typer(ledger_app, name="ledger")
register_alerting_commands(alerting_app)
register_store_commands(app)
register_field_commands(app)


def main() -> NoReturn:
    """Run the command line; errors that people can mend become a message and exit code 2."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as exc:
        message = explain(exc, Path(os.environ.get(DISTRICT, ".")), default_language())
        if message is None:
            raise
        print(message, file=sys.stderr)  # noqa: T201  (a command's last word)
        sys.exit(USAGE)
    sys.exit(OK)


@app.command()
def check(district: District = HERE, *, json: AsJson = False, lang: Lang = None) -> None:
    """Check the four files of a district; every mistake at its place, with what to do."""
    from tocsin.check import check as find

    findings = find(district)
    language: Language = lang.value if lang else default_language()
    typer.echo(findings_json(findings) if json else render_findings(findings, district, language))
    raise typer.Exit(FINDINGS if findings else 0)


@app.command()
def schema(folder: Annotated[Path, typer.Argument(help="Receives *.schema.json.")] = Path("schemas")) -> None:
    """Write the JSON Schemas by which editors check and complete the files."""
    from tocsin.schema import write_schemas

    for path in write_schemas(folder):
        typer.echo(path)


@app.command()
def certs(
    district: District = HERE,
    host: Annotated[
        list[str] | None, typer.Option(help="A name or address of the broker; repeatable.")
    ] = None,
) -> None:
    """Make the district's certificate authority, and certificates for broker, services and gateways."""
    from district.load import load_district
    from tocsin.certs import make_certificates

    at = around(district, None, None, None)
    loaded = load_district(at.district)
    folder = loaded.tls or district / "certs"
    for path in make_certificates(folder, district=loaded.id, gateways=loaded.gateways, hosts=host or []):
        typer.echo(path)
    if loaded.tls is None:
        typer.echo("to use them, add `tls: certs` under `district:` in devices.yaml", err=True)


@app.command()
def decode(
    protocol: Annotated[str, typer.Argument(help="hj212, sl651, sl427, sdi12, nmea, vaisala, ….")],
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="One frame a line; by default the standard input.")
    ] = "-",  # type: ignore[assignment]
) -> None:
    """Decode frames, one a line: text as it is, binary as hex; one JSON object a frame."""
    from tocsin.decode import PROTOCOLS, decode_lines

    if protocol not in PROTOCOLS:
        raise typer.BadParameter(f"no protocol {protocol!r}; there are: {', '.join(PROTOCOLS)}")
    refused = False
    for decoded in decode_lines(protocol, file.read()):
        typer.echo(decoded.as_json())
        refused = refused or decoded.error is not None
    raise typer.Exit(FINDINGS if refused else 0)


@app.command()
def edge(
    district: District = HERE,
    gateway: Annotated[
        str | None, typer.Option(help="Which gateway this is; needed where there are several.")
    ] = None,
    bus: BusEndpoints = None,
    *,
    state: State = None,
    broker: Broker = None,
    clock: ClockText = None,
    metrics: Metrics = None,
) -> None:
    """Run the agent of one gateway: read its instruments, spool, publish."""
    from tocsin import wiring

    run_until_signal(wiring.edge(around(district, state, broker, clock, metrics), gateway, endpoints_of(bus)))


@app.command()
def intake(
    district: District = HERE,
    gateway: Annotated[str | None, typer.Option(help="Which one; needed where there are several.")] = None,
    *,
    state: State = None,
    broker: Broker = None,
    clock: ClockText = None,
    metrics: Metrics = None,
) -> None:
    """Take other people's readings: Sparkplug B, JSON and lines over MQTT, HTTP, a folder of files."""
    from tocsin import wiring

    run_until_signal(wiring.intake(around(district, state, broker, clock, metrics), gateway))


@app.command()
def collect(
    district: District = HERE,
    member: Annotated[
        str | None, typer.Option(help="A name of its own, where several collectors share the work.")
    ] = None,
    *,
    state: State = None,
    broker: Broker = None,
    clock: ClockText = None,
    metrics: Metrics = None,
) -> None:
    """Run the collector: store what the gateways send, then acknowledge."""
    from tocsin import wiring

    run_until_signal(wiring.collector(around(district, state, broker, clock, metrics), member))


@rules_app.command("run")
def rules_run(
    district: District = HERE,
    state: State = None,
    broker: Broker = None,
    clock: ClockText = None,
    metrics: Metrics = None,
) -> None:
    """Run the engine that turns readings into alarms."""
    from tocsin import wiring

    run_until_signal(wiring.rules(around(district, state, broker, clock, metrics)))


@alerting_app.command("run")
def alerting_run(
    district: District = HERE,
    state: State = None,
    broker: Broker = None,
    clock: ClockText = None,
    metrics: Metrics = None,
) -> None:
    """Run the part that turns alarms into warnings for the right people."""
    from tocsin import wiring

    run_until_signal(wiring.alerting(around(district, state, broker, clock, metrics), echo=True))


@app.command()
def console(
    district: District = HERE,
    listen: Listen = LISTEN,
    *,
    state: State = None,
    broker: Broker = None,
    clock: ClockText = None,
) -> None:
    """Run the console: the pages and the HTTP API by which people see, answer and decide."""
    from tocsin import wiring
    from tocsin.console_cli import say_where

    run_until_signal(wiring.console(around(district, state, broker, clock), listen, say_where))


@app.command()
def up(
    district: District = HERE, listen: Listen = LISTEN, *, state: State = None, broker: Broker = None
) -> None:
    """Run everything in one process, on real time."""
    from tocsin.up import run_everything

    at = around(district, state, broker, None)
    run_until_signal(lambda stop: run_everything(at, listen, stop))


@app.command()
def sim(
    run_dir: Annotated[Path, typer.Option(help="Receives endpoints, control socket and the record.")],
    district: District = HERE,
    connect: Annotated[
        list[str] | None, typer.Option(help="LINE=HOST:PORT: where TCP stations call.")
    ] = None,
    clock: ClockText = None,
) -> None:
    """Run the simulated instruments of a district (its simulation.yaml)."""
    from tocsin.simulation import simulator_command

    command = simulator_command(district, run_dir, connect=endpoints_of(connect), clock=clock)
    os.execv(command[0], command)  # noqa: S606  (the simulator takes this process's place)


@app.command()
def demo(
    district: District = HERE,
    *,
    speed: Annotated[
        float,
        typer.Option(help="Simulated seconds a second; more is too fast for the lines.", min=1.0, max=720.0),
    ] = 360.0,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="End by itself when the flood is over.")
    ] = False,
    keep: Annotated[Path | None, typer.Option(help="Keep state and logs in this folder.")] = None,
    json: AsJson = False,
) -> None:
    """Replay a real flash flood through simulated instruments to delivered warnings."""
    from tocsin.demo import run_demo

    configure_logs(logging.WARNING)  # the view says the rest
    code = run_until_signal(
        lambda stop: run_demo(
            district, stop, speed=speed, until_end=until_end or json, keep=keep, as_json=json
        )
    )
    raise typer.Exit(code)


@app.command()
def history(
    device: Annotated[str, typer.Argument(help="A device of devices.yaml.")],
    point: Annotated[str, typer.Argument(help="One of its points.")],
    *,
    district: District = HERE,
    state: State = None,
    since: Annotated[
        datetime | None, typer.Option("--from", help="First instant, in the district's time.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", help="Last instant, in the district's time.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Rows for a spreadsheet.")] = False,
    plot: Annotated[bool, typer.Option("--plot", help="A picture in the terminal.")] = False,
    json: AsJson = False,
) -> None:
    """Show what one point measured."""
    from tocsin.history import Form, show_history

    at = around(district, state, None, None)
    form = Form.CSV if csv else Form.PLOT if plot else Form.JSON if json else Form.TABLE
    asyncio.run(show_history(at, device, point, since=since, until=until, form=form))
