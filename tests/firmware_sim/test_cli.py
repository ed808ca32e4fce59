import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware_sim.masters import until

SCENARIO = """
version: 1
lines:
  dam-485:
    kind: modbus-rtu
    line: 9600-8N1
    units:
      - {unit: 3, name: level, registers: [{table: input, addr: 0, type: u16, value: {constant: 1}}]}
  plc-lan:
    kind: modbus-tcp
    listen: "127.0.0.1:0"
    units:
      - {unit: 1, name: plc, registers: [{table: input, addr: 0, type: u16, value: {constant: 1}}]}
  site-net:
    kind: hj212-tcp
    connect: "127.0.0.1:9"
    stations:
      - {name: dust, mn: A1, st: 39, password: "1", every: 1h, factors: {LA: {value: {constant: 1}}}}
"""


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "firmware_sim", *map(str, arguments)]


def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    deep = tmp_path / ("a-folder-whose-name-alone-fills-most-of-a-unix-socket-address" * 2)
    return deep / "run"


@pytest.fixture
def process(tmp_path: Path, run_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    arguments = command("run", scenario, "--run-dir", run_dir, "--connect", "site-net=[::1]:9")
    with subprocess.Popen(arguments) as running:
        yield running
        if running.poll() is None:
            running.kill()


async def test_a_run_says_where_it_listens_takes_faults_and_leaves_nothing(
    process: subprocess.Popen[bytes], run_dir: Path
) -> None:
    file = run_dir / "endpoints.json"
    await until(file.exists)
    endpoints = json.loads(file.read_text(encoding="utf-8"))
    assert endpoints["dam-485"] == str(run_dir / "dam-485")
    assert (run_dir / "dam-485").is_char_device()
    assert endpoints["plc-lan"].startswith("127.0.0.1:")
    assert endpoints["site-net"] == "[::1]:9"

    assert call("fault", run_dir, "level", "late", "--ms", "250").returncode == 0
    assert call("fault", run_dir, "plc", "exception", "--code", "6").returncode == 0
    status = json.loads(call("status", run_dir, "--json").stdout)
    assert status["instruments"]["level"]["faults"] == ["late"]
    assert status["endpoints"] == endpoints
    assert call("fault", run_dir, "level", "late", "--off").returncode == 0
    assert "level answers 0 pending 0 intact" in call("status", run_dir).stdout

    refused = call("fault", run_dir, "plc", "bad-crc")
    assert (refused.returncode, "plc cannot have 'bad-crc'" in refused.stderr) == (2, True)
    unknown = call("fault", run_dir, "pump", "late")
    assert (unknown.returncode, "no instrument 'pump'" in unknown.stderr) == (2, True)

    second = call("run", run_dir.parents[1] / "scenario.yaml", "--run-dir", run_dir)
    assert (second.returncode, "a simulator runs here" in second.stderr) == (2, True)
    assert json.loads(file.read_text(encoding="utf-8")) == endpoints

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    assert [path.name for path in run_dir.iterdir()] == ["served.sqlite"]


def test_a_bad_scenario_exits_with_2(tmp_path: Path, run_dir: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(SCENARIO.replace("9600-8N1", "9600"), encoding="utf-8")

    done = call("run", scenario, "--run-dir", run_dir)

    assert done.returncode == 2
    assert f"{scenario}:6:11: lines.dam-485.line: 9600 is no line setting" in done.stderr
    assert not run_dir.exists()


def test_a_line_that_dials_nobody_cannot_be_connected(tmp_path: Path, run_dir: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")

    done = call("run", scenario, "--run-dir", run_dir, "--connect", "plc-lan=127.0.0.1:1")

    assert (done.returncode, "no hj212-tcp line of this name" in done.stderr) == (2, True)


def test_asking_where_nobody_runs_exits_with_2(tmp_path: Path) -> None:
    done = call("status", tmp_path)

    assert (done.returncode, "no simulator runs here" in done.stderr) == (2, True)
