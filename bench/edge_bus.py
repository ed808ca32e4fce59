"""A saturated 9600-baud RS-485 line with ten instruments, beside its physical limit and pymodbus's client.

The instruments run in a process of their own and keep the record that is judged: how much of the time the
line carried wanted bytes, the silences that the standard asks for and the instruments' turnarounds. Then one
of the ten falls silent, and the cycle of the nine others is measured: on the saturated line, and on one that
is asked every second.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from pymodbus.client import AsyncModbusSerialClient
from rich.console import Console
from rich.table import Table

from district.inventory import Device
from district.load import load_district
from edge.counters import Counters
from edge.modbus.build import build_bus
from edge.modbus.poller import BusPoller
from edge.modbus.unit import ModbusUnit
from firmware_sim import Served, read_served
from transport.batch import Reading
from transport.clock import real_clock
from transport.measurement import Quality

UNITS = 10
WORDS = 20  # registers of each instrument, all wanted
BAUD, CHAR_BITS = 9600, 10
TURNAROUND_S = 0.010
CHAR_S = CHAR_BITS / BAUD
WANTED_S = (8 + 5 + 2 * WORDS) * CHAR_S + TURNAROUND_S + 3.5 * CHAR_S  # one answer's worth of the line
WARM_UP_S, MEASURED_S = 3.0, 40.0
SATURATING, COMFORTABLE = timedelta(milliseconds=100), timedelta(seconds=1)
DEAD = "unit-5"

DISTRICT = f"""
version: 1
district: {{id: bench, name: {{zh: 测, en: Bench}}, timezone: UTC, code: "330199", broker: auto}}
gateways:
  gw:
    area: town
    buses: {{line: {{kind: modbus-rtu, port: /nowhere, line: {BAUD}-8N1, timeout: 500ms, turnaround: 10ms}}}}
profiles:
  gauge:
    points:
"""


def devices_yaml() -> str:
    points = [
        f"      p{n}: {{table: holding, addr: {2 * n}, type: f32, unit: m}}" for n in range(WORDS // 2 - 1)
    ]
    points.append(f'      answers: {{table: holding, addr: {WORDS - 2}, type: u32, unit: "1", as: counter}}')
    devices = [
        f"  - {{id: unit-{n}, site: dam, gateway: gw, bus: line, unit: {n}, use: gauge, every: 1s}}"
        for n in range(1, UNITS + 1)
    ]
    sites = "sites: {dam: {kind: weather, area: cell, name: {zh: 坝, en: Dam}}}"
    return "\n".join([DISTRICT.rstrip(), *points, "devices:", *devices, sites, ""])


def simulation_yaml() -> str:
    registers = [
        f"{{table: holding, addr: {2 * n}, type: f32, value: {{constant: {n}.5}}}}"
        for n in range(WORDS // 2 - 1)
    ]
    registers.append(f"{{table: holding, addr: {WORDS - 2}, type: u32, value: answers}}")
    units = [
        f"      - {{unit: {n}, name: unit-{n}, turnaround: 10ms, registers: [{', '.join(registers)}]}}"
        for n in range(1, UNITS + 1)
    ]
    head = ["version: 1", "lines:", "  line:", "    kind: modbus-rtu", f"    line: {BAUD}-8N1", "    units:"]
    return "\n".join([*head, *units, ""])


class Counted:
    """Takes what instruments say, and keeps only how much of it was good."""

    def __init__(self) -> None:
        self.good = 0
        self.bad = 0

    def take(self, reading: Reading) -> None:
        self.good += sum(quality.is_good for _, quality in reading.values.values())

    def fail(self, device: Device, points: Iterable[str], quality: Quality, at_ms: int) -> None:
        del device, quality, at_ms
        self.bad += len(list(points))


@contextlib.contextmanager
def instruments(folder: Path) -> Iterator[Path]:
    """The ten instruments, in a process of their own; yields its run directory."""
    folder.mkdir()
    (folder / "simulation.yaml").write_text(simulation_yaml(), encoding="utf-8")
    run = folder / "run"
    command = [
        sys.executable,
        "-m",
        "firmware_sim",
        "run",
        str(folder / "simulation.yaml"),
        "--run-dir",
        str(run),
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while not (run / "endpoints.json").exists():
                assert time.monotonic() < deadline, "the instruments did not start"
                time.sleep(0.05)
            yield run
        finally:
            process.terminate()


def silence(run: Path, *options: str) -> None:
    command = [sys.executable, "-m", "firmware_sim", "fault", str(run), DEAD, "silence", *options]
    subprocess.run(command, check=True, capture_output=True)


async def polled(folder: Path, run: Path, every: timedelta, then: Callable[[], float]) -> Counted:
    """Poll every instrument so often for as long as ``then`` says; the second half with one silent."""
    (folder / "devices.yaml").write_text(devices_yaml(), encoding="utf-8")
    district = load_district(folder, areas=False)
    spec = district.gateways["gw"].buses["line"]
    assert spec.kind == "modbus-rtu"
    devices = [replace(device, interval=every) for device in district.devices.values()]
    clock, taken = real_clock(), Counted()
    bus = build_bus(spec, "line", now_ms=clock.now_ms, endpoint=str(run / "line"))
    poller = BusPoller(
        "line",
        bus,
        [ModbusUnit(device, spec) for device in devices],
        attempt_s=spec.timeout.total_seconds(),
        clock=clock,
        intake=taken,
        counters=Counters(),
    )
    stop = asyncio.Event()
    task = asyncio.create_task(poller.run(stop))
    await asyncio.sleep(then())
    await asyncio.to_thread(silence, run)
    await asyncio.sleep(then())
    stop.set()
    await task
    return taken


async def peer(run: Path, seconds: float) -> float:
    """The part of the line's time that pymodbus's own client puts to use, reading the same blocks in turn."""
    client = AsyncModbusSerialClient(str(run / "line"), baudrate=BAUD, timeout=0.5, retries=0)
    assert await client.connect()
    began, answers = time.time(), 0
    while time.time() - began < seconds:
        for unit in range(1, UNITS + 1):
            answers += not (await client.read_holding_registers(0, count=WORDS, device_id=unit)).isError()
    client.close()
    return answers * WANTED_S / (time.time() - began)


def utilisation(rows: list[Served]) -> float:
    """The part of the time between the first and the last answer that the line was put to use."""
    instants = sorted(row.wall_s for row in rows)
    return (len(instants) - 1) * WANTED_S / (instants[-1] - instants[0])


def cycles_s(rows: list[Served]) -> list[float]:
    """The times between two answers of each instrument but the dead one, ascending."""
    found: list[float] = []
    for name in {row.instrument for row in rows} - {DEAD}:
        instants = sorted(row.wall_s for row in rows if row.instrument == name)
        found += [later - earlier for earlier, later in pairwise(instants)]
    return sorted(found)


def p95(values: list[float]) -> float:
    return values[round(0.95 * (len(values) - 1))]


def measured(folder: Path, every: timedelta) -> dict[str, float]:
    """One run: all alive, then one dead."""
    with instruments(folder) as run:
        marks: list[float] = []

        def then() -> float:
            marks.append(time.time())
            return MEASURED_S + (WARM_UP_S if len(marks) == 1 else 0.0)

        taken = asyncio.run(polled(folder, run, every, then))
        ended = time.time()
        rows = [row for row in read_served(run) if row.counter is not None]
        alive = [row for row in rows if marks[0] + WARM_UP_S < row.wall_s < marks[1]]
        bereft = [row for row in rows if marks[1] < row.wall_s < ended]
        figures = {
            "busy": utilisation(alive),
            "cycle_p95_s": p95(cycles_s(alive)),
            "cycle_p95_one_dead_s": p95(cycles_s(bereft)),
            "good_values": taken.good,
        }
        figures["growth"] = figures["cycle_p95_one_dead_s"] / figures["cycle_p95_s"] - 1
        if every == SATURATING:
            silence(run, "--off")
            figures["busy_pymodbus"] = asyncio.run(peer(run, 10.0))
        return figures


def main() -> dict[str, object]:
    """Run it and return the figures."""
    with tempfile.TemporaryDirectory() as scratch:
        saturated = measured(Path(scratch) / "saturated", SATURATING)
        comfortable = measured(Path(scratch) / "comfortable", COMFORTABLE)
    table = Table("9600 baud, ten instruments", "saturated", "every second")
    for label, key, form in (
        ("line put to use (limit 100 %)", "busy", "{:.1%}"),
        ("by pymodbus's client, which keeps no silence", "busy_pymodbus", "{:.1%}"),
        ("cycle, p95", "cycle_p95_s", "{:.3f} s"),
        ("cycle with one dead, p95", "cycle_p95_one_dead_s", "{:.3f} s"),
        ("growth", "growth", "{:+.1%}"),
    ):
        cells = [form.format(each[key]) if key in each else "" for each in (saturated, comfortable)]
        table.add_row(label, *cells)
    Console().print(table)
    return {"saturated": saturated, "comfortable": comfortable}


if __name__ == "__main__":
    print(json.dumps(main()))
