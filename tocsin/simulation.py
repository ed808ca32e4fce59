"""The simulated instruments of a district: a process of their own, which shares no code with the product.

What passes between the two are a scenario file, a control socket and a record of all that was served, each
described in firmware-sim/README.md.
"""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from tocsin.errors import MissingPartError, ProcessError, TocsinError

SCENARIO = "simulation.yaml"
ENDPOINTS = "endpoints.json"
RECORD = "served.sqlite"
_CONTROL = "control.sock"


class Answer(NamedTuple):
    """One true answer of one instrument, which carried its counter."""

    instrument: str
    counter: int  # the first answer carries 1
    wall_s: float  # when its last byte was written


def simulator_command(
    district: Path, run_dir: Path, *, connect: Mapping[str, str], clock: str | None
) -> list[str]:
    """The command that runs the district's simulated instruments.

    Raises:
        TocsinError: The district has no simulation.
        MissingPartError: The simulator is not installed.
    """
    scenario = district / SCENARIO
    if not scenario.exists():
        raise TocsinError(f"{district} has no {SCENARIO}; the demo district has one to copy")
    if find_spec("firmware_sim") is None:
        raise MissingPartError(
            "the simulator is not installed; in the repository, pip install ./firmware-sim"
        )
    command = [sys.executable, "-m", "firmware_sim", "run", str(scenario), "--run-dir", str(run_dir)]
    if clock:
        command += ["--clock", clock]
    for line, endpoint in connect.items():
        command += ["--connect", f"{line}={endpoint}"]
    return command


def read_answers(record: Path) -> list[Answer]:
    """Every true answer that carried its instrument's counter, in order."""
    with closing(sqlite3.connect(f"{record.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT instrument, counter, wall_s FROM served WHERE counter IS NOT NULL ORDER BY id"
        )
        return [Answer(*row) for row in rows]


async def switch_fault(run_dir: Path, instrument: str, fault: str, *, on: bool = True) -> None:
    """Switch a fault of one instrument on or off.

    Raises:
        ProcessError: The simulator does not run there or refuses.
    """
    await _ask(run_dir, {"op": "fault", "instrument": instrument, "fault": fault, "on": on})


async def pending_frames(run_dir: Path) -> int:
    """How many frames stations have made and nobody has answered.

    Raises:
        ProcessError: The simulator does not run there.
    """
    status = await _ask(run_dir, {"op": "status"})
    return sum(instrument.get("pending") or 0 for instrument in status["status"]["instruments"].values())


async def _ask(run_dir: Path, request: Mapping[str, object]) -> dict[str, Any]:
    try:
        with _short_path(run_dir) as path:
            reader, writer = await asyncio.open_unix_connection(path)
        writer.write(json.dumps(request).encode() + b"\n")
        line = await reader.readline()
        writer.close()
    except OSError as exc:
        raise ProcessError(f"no simulated instruments run in {run_dir}: {exc}") from exc
    answer: dict[str, Any] = json.loads(line or b"{}")
    if not answer.get("ok"):
        raise ProcessError(f"{request}: {answer.get('error', 'the simulator ended')}")
    return answer


@contextmanager
def _short_path(run_dir: Path) -> Iterator[str]:
    """A path of the control socket that fits the 108 bytes of a Unix address."""
    directory = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{_CONTROL}"
    finally:
        os.close(directory)
