"""The technician's commands, on simulated lines: plan, scan, sniff, read, decode."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from district.load import load_district
from firmware_sim import Simulator
from tests.edge.field import agent, centre, clock_text, district_of, instruments, until
from tests.edge.test_modbus_bus import pty_instrument
from tests.edge.test_modbus_framing import rtu
from tocsin.check import check
from transport.session import Endpoint

DEMO = Path(__file__).parents[2]
FILES = ("devices.yaml", "areas.geojson", "rules.yaml", "contacts.yaml")
WITHIN_S = 60.0

LINES = """
version: 1
lines:
  line-a:
    kind: modbus-rtu
    line: 9600-8N1
    strict: true
    units:
      - unit: 3
        name: a
        registers:
          - {table: holding, addr: 0, type: u16, value: {constant: 1234}}
          - {table: input, addr: 4, type: f32, value: {constant: 2.5}}
  line-b:
    kind: modbus-rtu
    line: 19200-8N2
    strict: true
    units: [{unit: 1, name: b, registers: [{table: input, addr: 0, type: u16, value: {constant: 7}}]}]
  line-c:
    kind: modbus-rtu
    line: 4800-8N1
    strict: true
    units: [{unit: 7, name: c, registers: [{table: holding, addr: 2, type: u16, value: {constant: 9}}]}]
"""

GAUGE = """
gateways:
  gw: {area: town, buses: {line: {kind: modbus-rtu, port: /nowhere, line: 38400-8N1, timeout: 300ms}}}
profiles:
  gauge:
    points:
      level: {table: holding, addr: 0, type: u16, scale: 0.01, unit: m, valid: [0, 10]}
      spill: {table: holding, addr: 1, type: i16, unit: m, valid: [0, 10]}
      state: {table: holding, addr: 2, type: u16, unit: "1", enum: {0: boot, 1: ready}}
      gone: {table: holding, addr: 9, type: u16, unit: m}
devices:
  - {id: gauge, site: dam, gateway: gw, bus: line, unit: 1, use: gauge, every: 20s}
sites:
  dam: {kind: weather, area: cell, name: {zh: 坝, en: Dam}}
"""

GAUGE_INSTRUMENT = """
version: 1
lines:
  line:
    kind: modbus-rtu
    line: 38400-8N1
    units:
      - unit: 1
        name: gauge
        registers:
          - {table: holding, addr: 0, type: u16, scale: 0.01, value: {constant: 3.21}}
          - {table: holding, addr: 1, type: i16, value: {constant: 12}}
          - {table: holding, addr: 2, type: u16, value: {constant: 1}}
"""


async def tocsin(*words: str | Path) -> tuple[int, str]:
    """Run a command; its exit code and what it wrote to stdout."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tocsin", *map(str, words)),
        cwd=DEMO,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode in {0, 1}, err.decode()
    return process.returncode, out.decode()


@asynccontextmanager
async def gauge(folder: Path) -> AsyncIterator[tuple[Path, str, Simulator]]:
    """A district with one gauge, the port it hangs on, and the instrument."""
    district_of(folder / "district", GAUGE)
    async with instruments(folder / "sim", GAUGE_INSTRUMENT) as sim:
        yield folder / "district", sim.endpoints["line"], sim


async def test_a_plan_says_each_request_its_time_and_the_load() -> None:
    code, out = await tocsin("bus", "plan", "--json", "--bus", "dam-485")

    (bus,) = json.loads(out)["buses"]
    requests = [each for device in bus["devices"] for cycle in device["cycles"] for each in cycle["requests"]]
    assert code == 0
    assert 0 < bus["load"] < 1
    assert {tuple(each["points"]) for each in requests} == {("level", "answers"), ("rain", "answers")}
    for each in requests:
        parts = [each[part] for part in ("request_s", "turnaround_s", "answer_s", "rest_s")]
        assert each["seconds"] == pytest.approx(sum(parts), abs=1e-3)


@pytest.mark.server
async def test_a_scan_finds_devices_of_any_setting_and_what_it_writes_is_checked_and_read(
    tmp_path: Path, broker: Endpoint
) -> None:
    folder = tmp_path / "district"
    folder.mkdir()
    for name in FILES:
        shutil.copy(DEMO / name, folder)
    async with instruments(tmp_path / "sim", LINES) as sim:
        ports = [sim.endpoints[name] for name in ("line-a", "line-b", "line-c")]
        sweep = ["--units", "1-8", "--format", "8N1", "--format", "8N2", "--wait-ms", "60"]
        rates = ["--baud", "4800", "--baud", "9600", "--baud", "19200"]
        written = folder / "devices.yaml"

        code, out = await tocsin(
            "bus", "scan", *ports, *sweep, *rates, "--district", folder, "--write", written, "--json"
        )

        found = json.loads(out)["found"]
        assert code == 0
        assert [(each["port"], each["line"], each["unit"]) for each in found] == [
            (ports[0], "9600-8N1", 3),
            (ports[1], "19200-8N2", 1),
            (ports[2], "4800-8N1", 7),
        ]
        assert found[0]["registers"]["holding"] == {"0": 1234}
        assert found[0]["registers"]["input"].keys() == {"4", "5"}
        assert check(folder) == []
        district = load_district(folder, areas=False)
        device = next(each.id for each in district.devices.values() if each.unit == 7)
        clock = clock_text(100)
        async with (
            centre(broker) as there,
            agent(district, broker, tmp_path / "state", gateway="gw-qingshan", clock=clock, drain_s=1.0),
        ):
            await until(lambda: there.values(device, "holding-2") != [], "a reading of what was found")
        assert there.values(device, "holding-2")[0] == 9.0


async def test_a_scan_that_finds_nothing_says_so(tmp_path: Path) -> None:
    async with instruments(tmp_path / "sim", LINES) as sim:
        code, out = await tocsin(
            "bus",
            "scan",
            sim.endpoints["line-a"],
            "--units",
            "9",
            "--baud",
            "9600",
            "--wait-ms",
            "30",
            "--json",
        )

    assert (code, json.loads(out)) == (1, {"found": []})


def by_point(out: str) -> dict[str, Any]:
    return {each["point"]: each for each in json.loads(out)["points"]}


async def test_a_device_is_read_with_frames_values_and_verdicts(tmp_path: Path) -> None:
    async with gauge(tmp_path) as (folder, port, _):
        code, out = await tocsin("device", "read", "gauge", "--district", folder, "--port", port, "--json")

    points = by_point(out)
    answered = [each for each in json.loads(out)["requests"] if each["error"] is None]
    assert code == 1
    assert (points["level"]["value"], points["level"]["verdict"]) == (3.21, "within range")
    assert (points["spill"]["value"], points["spill"]["verdict"]) == (12.0, "outside 0 to 10")
    assert (points["state"]["value"], points["state"]["verdict"]) == (1.0, "ready")
    assert (points["gone"]["value"], points["gone"]["quality"]) == (None, "bad:exception")
    assert all(each["answer"].startswith("01 03") and each["ms"] > 0 for each in answered)


async def test_one_point_is_read_alone(tmp_path: Path) -> None:
    async with gauge(tmp_path) as (folder, port, _):
        code, out = await tocsin(
            "device", "read", "gauge", "level", "--district", folder, "--port", port, "--json"
        )

    assert (code, list(by_point(out))) == (0, ["level"])


async def test_a_silent_device_is_said_to_be_silent(tmp_path: Path) -> None:
    async with gauge(tmp_path) as (folder, port, sim):
        await sim.set_fault("gauge", "silence")

        code, out = await tocsin("device", "read", "gauge", "--district", folder, "--port", port, "--json")

    assert code == 1
    assert {each["quality"] for each in by_point(out).values()} == {"bad:timeout"}


async def test_registers_are_read_in_every_way_and_the_plausible_one_is_marked() -> None:
    _, out = await tocsin("device", "decode", "0x999A", "0x41CD", "--json")

    readings = json.loads(out)["readings"]
    assert [(each["type"], each["order"], each["value"]) for each in readings if each["plausible"]] == [
        ("f32", "CDAB", 25.7)
    ]
    assert len(readings) > 10


async def test_registers_of_a_device_are_decoded_by_what_it_shows(tmp_path: Path) -> None:
    async with gauge(tmp_path) as (folder, port, _):
        where: list[str | Path] = ["--district", folder, "--port", port, "--count", "1"]
        _, out = await tocsin("device", "decode", "--device", "gauge", *where, "--near", "3.21", "--json")

    first = json.loads(out)["readings"][0]
    assert (first["type"], first["order"], first["value"], first["plausible"]) == ("u16", "ABCD", 321, True)


async def test_what_others_say_on_a_line_is_told_frame_by_frame() -> None:
    asked, answered = rtu(3, b"\x03\x00\x10\x00\x01"), rtu(3, b"\x03\x02\x04\xd2")
    with pty_instrument() as (others, port):
        listening = asyncio.create_task(tocsin("bus", "sniff", port, "--seconds", "8", "--json"))
        while not listening.done():
            others.say(asked)
            await asyncio.sleep(0.2)
            others.say(answered)
            await asyncio.sleep(0.2)
        _, out = await listening

    heard = [json.loads(line) for line in out.splitlines()]
    answer = next(each for each in heard if each["kind"] == "answer" and "address" in each)
    assert (answer["unit"], answer["address"], answer["data"]) == (3, 16, "04d2")
    assert {each["kind"] for each in heard} <= {"request", "answer", "noise"}


async def test_a_broken_district_is_shown_by_its_own_lines(tmp_path: Path) -> None:
    district_of(tmp_path, GAUGE)
    text = (tmp_path / "devices.yaml").read_text(encoding="utf-8")
    (tmp_path / "devices.yaml").write_text(text.replace("use: gauge", "use: gage"), encoding="utf-8")
    command = [sys.executable, "-m", "tocsin", "bus", "plan", "-d", str(tmp_path)]

    done = await asyncio.to_thread(
        subprocess.run, command, cwd=DEMO, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "{id: gauge, site: dam, gateway: gw, bus: line, unit: 1, use: gage, every: 20s}" in done.stderr
