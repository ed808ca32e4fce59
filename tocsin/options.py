"""The options that commands share, and what they come to."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tocsin.serve import configure_logs
from tocsin.wiring import Surroundings
from transport.clock import parse_clock, real_clock


class Tongue(StrEnum):
    """The languages of people's text."""

    EN = "en"
    ZH = "zh"


DISTRICT = "TOCSIN_DISTRICT"


def _noted(district: Path) -> Path:
    """Note the folder for whoever explains what went wrong in it."""
    os.environ[DISTRICT] = str(district)
    return district


District = Annotated[
    Path,
    typer.Option(
        "--district", "-d", callback=_noted, help="The folder with devices.yaml and its three siblings."
    ),
]
State = Annotated[
    Path | None, typer.Option("--state", help="Where state is kept; by default `state` in the district.")
]
Broker = Annotated[
    str | None,
    typer.Option(
        "--broker", envvar="TOCSIN_BROKER", help="mqtt://HOST:PORT or mqtts://…; overrides the district's."
    ),
]
BusEndpoints = Annotated[
    list[str] | None,
    typer.Option("--bus", help="BUS=PORT or BUS=HOST:PORT: where a bus is on this machine; repeatable."),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics", envvar="TOCSIN_METRICS", help="HOST:PORT to serve /metrics, /healthz and /readyz at."
    ),
]
ClockText = Annotated[
    str | None, typer.Option("--clock", hidden=True, help="Simulated time: WALL@EVENT*SPEED.")
]
Lang = Annotated[Tongue | None, typer.Option("--lang", help="Language of findings; by default the locale's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

Listen = Annotated[
    str, typer.Option("--listen", help="HOST:PORT at which browsers reach the console; 0 is any free port.")
]

HERE = Path()
LISTEN = "127.0.0.1:8480"


def around(
    district: Path, state: Path | None, broker: str | None, clock: str | None, metrics: str | None = None
) -> Surroundings:
    """Where a command stands, by its options.

    Raises:
        EndpointError: The clock's text is of another form.
        typer.BadParameter: The address for metrics is none.
    """
    configure_logs()
    return Surroundings(
        district=district,
        state=state or district / "state",
        broker=broker,
        clock=parse_clock(clock) if clock else real_clock(),
        metrics=_address(metrics) if metrics else None,
    )


def endpoints_of(texts: list[str] | None) -> dict[str, str]:
    """Bus id to port or ``HOST:PORT``, as given by ``--bus``.

    Raises:
        typer.BadParameter: A text is of another form.
    """
    endpoints = {}
    for text in texts or []:
        name, separator, endpoint = text.partition("=")
        if not separator or not endpoint:
            raise typer.BadParameter(f"{text!r}: expected BUS=PORT or BUS=HOST:PORT")
        endpoints[name] = endpoint
    return endpoints


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise typer.BadParameter(f"--metrics {text}: expected HOST:PORT, as in 127.0.0.1:9480")
    return host.strip("[]"), int(port)
