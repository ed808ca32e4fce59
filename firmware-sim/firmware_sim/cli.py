"""The command line: ``firmware-sim run | fault | status``."""

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firmware_sim.app import Simulator
from firmware_sim.control import ask
from firmware_sim.errors import SimError
from firmware_sim.faults import FAULT_NAMES
from firmware_sim.units import parse_endpoint


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 fine, 2 a wrong scenario, argument or request."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        code: int = options.command(options)
    except (SimError, OSError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="firmware-sim", description="Simulated field instruments.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="serve a scenario until SIGINT or SIGTERM")
    run.add_argument("scenario", type=Path)
    run.add_argument("--run-dir", type=Path, required=True, help="for links, record and control socket")
    run.add_argument("--clock", metavar="WALL@EVENT*SPEED", help="event time; default: real time")
    run.add_argument("--connect", metavar="LINE=HOST:PORT", type=_connect, action="append", default=[])
    run.set_defaults(command=_run)

    fault = commands.add_parser("fault", help="switch a fault of a running instrument")
    fault.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    fault.add_argument("instrument", metavar="INSTRUMENT")
    fault.add_argument("fault", metavar="FAULT", choices=FAULT_NAMES, help=", ".join(FAULT_NAMES))
    fault.add_argument("--off", action="store_true", help="switch it off")
    fault.add_argument("--ms", type=int, dest="delay_ms", help="late: wall milliseconds")
    fault.add_argument("--code", type=int, help="exception: its code")
    fault.add_argument("--flag", help="flag: the HJ 212 data flag")
    fault.add_argument("--factor", dest="factors", action="append", help="flag: only this factor")
    fault.set_defaults(command=_fault)

    status = commands.add_parser("status", help="show a running simulator")
    status.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(command=_status)
    return parser


def _connect(text: str) -> tuple[str, Any]:
    line, _, endpoint = text.partition("=")
    try:
        return line, parse_endpoint(endpoint)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _run(options: argparse.Namespace) -> int:
    simulator = Simulator(
        options.scenario, run_dir=options.run_dir, clock=options.clock, connect=dict(options.connect)
    )
    asyncio.run(_serve(simulator))
    return 0


async def _serve(simulator: Simulator) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with simulator:
        waiting = {asyncio.create_task(stop.wait()), asyncio.create_task(simulator.wait())}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*waiting)


def _fault(options: argparse.Namespace) -> int:
    request: dict[str, Any] = {
        "op": "fault",
        "instrument": options.instrument,
        "fault": options.fault,
        "on": not options.off,
    }
    if not options.off:
        figures = {name: getattr(options, name) for name in ("delay_ms", "code", "flag", "factors")}
        request |= {name: figure for name, figure in figures.items() if figure is not None}
    ask(options.run_dir, request)
    return 0


def _status(options: argparse.Namespace) -> int:
    status = ask(options.run_dir, {"op": "status"})["status"]
    if options.json:
        sys.stdout.write(json.dumps(status) + "\n")
        return 0
    sys.stdout.write(f"clock {status['clock']}\n")
    for line, endpoint in status["endpoints"].items():
        sys.stdout.write(f"line {line} {endpoint}\n")
    for name, one in status["instruments"].items():
        faults = ", ".join(one["faults"]) or "intact"
        sys.stdout.write(f"{name} answers {one['answers']} pending {one['pending']} {faults}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
