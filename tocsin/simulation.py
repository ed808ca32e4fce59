"""The simulated instruments of a district: a process of their own, which shares no code with the product."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from tocsin.errors import MissingPartError, TocsinError

SCENARIO = "simulation.yaml"
CONTROL_SOCKET = "control.sock"
ENDPOINTS = "endpoints.json"
RECORD = "served.sqlite"


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
        raise TocsinError(
            f"{district} has no {SCENARIO}; the demo district, at the root of the repository, has one"
        )
    if find_spec("firmware_sim") is None:
        raise MissingPartError(
            "the simulator is not installed; from the repository: pip install ./firmware-sim"
        )
    command = [sys.executable, "-m", "firmware_sim", "run", str(scenario), "--run-dir", str(run_dir)]
    if clock:
        command += ["--clock", clock]
    for line, endpoint in connect.items():
        command += ["--connect", f"{line}={endpoint}"]
    return command
