"""What the agent needs, and what it refuses to start with."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from edge.app import EdgeConfig, run
from edge.errors import EdgeSpecError
from tests.edge.field import district_of
from transport.clock import real_clock
from transport.session import Endpoint

NOBODY = Endpoint(host="127.0.0.1", port=1)

FIELD = """
gateways:
  gw:
    area: town
    buses:
      air: {kind: hj212-serial, port: /nowhere, line: 9600-8N1}
      plc: {kind: modbus-tcp, host: 192.0.2.1}
profiles:
  station: {codes: {a34004: {point: pm25, unit: ug/m3}}}
devices:
  - id: air
    site: air
    gateway: gw
    bus: air
    mn: "A1"
    use: station
    expect: 60s
    password_env: AIR_PASSWORD
sites:
  air: {kind: air, area: cell, name: {zh: 站, en: Station}}
"""


def config(folder: Path, **changes: object) -> EdgeConfig:
    settings: dict[str, object] = {
        "district": district_of(folder / "district", FIELD),
        "gateway": "gw",
        "broker": NOBODY,
        "state_dir": folder,
        "clock": real_clock(),
        "drain_s": 0.1,
    }
    return EdgeConfig(**(settings | changes))  # type: ignore[arg-type]  # settings by name, one test each


async def test_an_unknown_gateway_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(EdgeSpecError, match="no gateway 'gv' in the district; it has: gw"):
        await run(config(tmp_path, gateway="gv"), asyncio.Event())


async def test_a_missing_password_is_refused_by_its_variables_name(tmp_path: Path) -> None:
    with pytest.raises(EdgeSpecError, match="AIR_PASSWORD is not set"):
        await run(config(tmp_path), asyncio.Event())


async def test_an_impossible_endpoint_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIR_PASSWORD", "hush-hush")

    with pytest.raises(EdgeSpecError, match="plc") as refused:
        await run(config(tmp_path, bus_endpoints={"plc": "no port"}), asyncio.Event())
    assert "hush-hush" not in str(refused.value)


async def test_without_broker_and_ports_it_starts_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIR_PASSWORD", "hush-hush")
    stop = asyncio.Event()
    task = asyncio.create_task(run(config(tmp_path), stop))
    await asyncio.sleep(0.1)

    stop.set()

    await asyncio.wait_for(task, 20)


def test_a_gateway_loads_no_numpy_web_or_xml_library() -> None:
    code = "import sys, edge.app; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not {"numpy", "aiohttp", "lxml", "shapely", "influxdb_client", "fastapi", "typer"} & set(
        loaded.split()
    )
