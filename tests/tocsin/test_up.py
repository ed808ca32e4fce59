"""Everything in one process, on real time, as a small site runs it."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.stores import open_store
from district.load import load_district
from tests.tocsin.floods import DISTRICT
from tocsin.fleet import Child, spawn
from tocsin.report import EARLIEST_MS, LATEST_MS
from tocsin.simulation import ENDPOINTS, simulator_command

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]

DEVICES = """\
version: 1
district:
  id: linjiang
  name: {{zh: 临江区, en: Linjiang District}}
  timezone: Asia/Shanghai
  code: "330199"
  store: {{kind: sqlite}}
gateways:
  gw-one:
    area: qingshan-town
    buses:
      river-485: {{kind: modbus-rtu, port: {port}, line: 9600-8N1, timeout: 500ms, gap: 20ms}}
profiles:
  river-level:
    points:
      level: {{table: holding, manual: 40001, type: u16, scale: 0.001, unit: m, valid: [0, 12]}}
      answers: {{table: holding, manual: 40002, type: u32, unit: "1", as: counter}}
devices:
  - id: river-01-level
    site: river-01
    gateway: gw-one
    bus: river-485
    unit: 1
    use: river-level
    every: 1s
sites:
  river-01: {{kind: river, area: xiaxi-1, name: {{zh: 下溪, en: Xiaxi Stream}}}}
"""

RULES = """\
version: 1
rules:
  - id: river-level
    name: {zh: 河道水位超限, en: River level}
    hazard: flood
    select: {site.kind: river, point: level}
    override: {river-01: {levels: {blue: {above: 0.01, for: 2 samples}}}}
"""

SIMULATION = """\
version: 1
lines:
  river-485:
    kind: modbus-rtu
    line: 9600-8N1
    units:
      - unit: 1
        name: river-01-level
        registers:
          - {table: holding, addr: 0, type: u16, scale: 0.001, value: {constant: 0.9}}
          - {table: holding, addr: 1, type: u32, value: answers}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    for name in ("areas.geojson", "contacts.yaml"):
        (folder / name).symlink_to(DISTRICT / name)
    (folder / "devices.yaml").write_text(
        DEVICES.format(port=tmp_path / "sim" / "river-485"), encoding="utf-8"
    )
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    (folder / "simulation.yaml").write_text(SIMULATION, encoding="utf-8")
    return folder


async def until(condition: Callable[[], bool], child: Child) -> None:
    async with asyncio.timeout(60):
        while not condition():
            assert child.running, child.log.read_text()[-3000:]
            await asyncio.sleep(0.05)


async def test_a_small_site_warns_and_ends_cleanly(site: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "sim"
    console = site / "state" / "alerting" / "console.jsonl"
    up_command = [sys.executable, "-m", "tocsin", "up"]
    simulator = simulator_command(site, run_dir, connect={}, clock=None)
    async with (
        spawn("sim", simulator, log=tmp_path / "sim.log") as sim,
        spawn("up", [*up_command, "-d", str(site), "--listen", "127.0.0.1:0"], log=tmp_path / "up.log") as up,
    ):
        await until((run_dir / ENDPOINTS).exists, sim)
        await until(lambda: console.exists() and console.read_text() != "", up)
        await up.stop()
        assert up.returncode == 0, up.log.read_text()[-3000:]
    assert "/begin#" in up.log.read_text()

    first = json.loads(console.read_text().splitlines()[0])
    assert "下溪" in json.dumps(first, ensure_ascii=False)
    district = load_district(site)
    async with open_store(district.store, district=district, state_dir=site / "state" / "collector") as store:
        counted = [
            row.value for row in await store.history("river-01-level", "answers", EARLIEST_MS, LATEST_MS)
        ]
    assert counted == [float(number) for number in range(1, len(counted) + 1)]
