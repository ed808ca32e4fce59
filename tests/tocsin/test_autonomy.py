"""A gateway that is cut off acts by itself: once, not for long, and the centre learns of it afterwards."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient

from alerting.app import AlertingConfig
from alerting.app import run as run_alerting
from alerting.database import FILE_NAME
from alerting.ledger import Kind, read_entries
from alerting.load import load_contacts
from district.load import load_district
from edge.app import EdgeConfig
from edge.app import run as run_edge
from tests.edge.field import DISTRICT, instruments, until
from tocsin.edge_judge import EdgeJudge, edge_judge
from transport.beat import Beat, encode_beat
from transport.clock import real_clock
from transport.session import Endpoint, Session, open_session
from transport.topics import server_status

pytestmark = pytest.mark.server

DEVICES = (
    DISTRICT
    + """
gateways:
  gw:
    area: town
    buses:
      line: {kind: modbus-tcp, host: 192.0.2.1, timeout: 300ms}
    sirens:
      dam-siren: {bus: line, unit: 9, coil: 3, most_on: 2s}
    alone:
      - {levels: [orange, red], sound: [dam-siren]}
profiles:
  gauge:
    points: {level: {table: holding, addr: 0, type: u16, scale: 0.01, unit: m, valid: [0, 10]}}
devices:
  - {id: gauge, site: dam, gateway: gw, bus: line, unit: 1, use: gauge, every: 200ms}
sites:
  dam: {kind: river, area: cell, name: {zh: 坝, en: Dam}}
"""
)
RULES = """
version: 1
defaults: {clear_for: 300ms}
rules:
  - id: level
    name: {zh: 水位, en: Level}
    hazard: flood
    at: edge
    select: {device: gauge, point: level}
    override: {gauge: {levels: {yellow: {above: 2}, red: {above: 4}}}}
"""
CONTACTS = """
version: 1
sender: {id: w@x.example, name: {zh: 甲, en: A}, industry: "110", unit: "001"}
roles: {duty: {zh: 值班, en: Duty}}
people: [{id: duty, name: {zh: 值班, en: Duty}, roles: [{role: duty, area: test}], channels: {console: true}}]
routes: [{levels: [blue, yellow, orange, red], to: [role:duty], via: [console]}]
last_resort: {telephone: "+8657112345678"}
"""
SQUARE = [[[120, 30], [121, 30], [121, 31], [120, 31], [120, 30]]]
GRID = {
    "test": ("district", None),
    "town": ("town", "test"),
    "vale": ("village", "town"),
    "cell": ("cell", "vale"),
}
AREAS = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"id": name, "name": {"zh": name, "en": name}, "rank": rank, "parent": parent},
            "geometry": {"type": "Polygon", "coordinates": SQUARE},
        }
        for name, (rank, parent) in GRID.items()
    ],
}
INSTRUMENTS = """
version: 1
lines:
  line:
    kind: modbus-tcp
    listen: "127.0.0.1:0"
    units:
      - unit: 1
        name: gauge
        registers: [{table: holding, addr: 0, type: u16, scale: 0.01, value: {constant: 1.0}}]
      - unit: 9
        name: relay
        registers: [{table: coil, addr: 3, type: bool, value: {constant: 0}}]
"""


@dataclass
class Here:
    """A gateway, its gauge and its siren, and the way to the broker."""

    folder: Path
    master: AsyncModbusTcpClient  # another one than the gateway
    session: Session
    judge: EdgeJudge

    async def water(self, level_m: float, level: str | None) -> None:
        """Let the water stand so high, and wait until the gateway knows what that means."""
        await self.master.write_register(0, round(level_m * 100), device_id=1)
        known = [] if level is None else [level]
        await until(lambda: [danger.level for danger in self.judge.dangers()] == known, f"level {level}")

    async def sounds(self) -> bool:
        return bool((await self.master.read_coils(3, count=1, device_id=9)).bits[0])

    async def hears(self, *, siren: bool, within_s: float = 15.0) -> None:
        """Wait until the siren sounds, or does not."""
        deadline_s = time.monotonic() + within_s
        while await self.sounds() is not siren:
            assert time.monotonic() < deadline_s, f"waited in vain for the siren to be {siren}"
            await asyncio.sleep(0.05)

    async def beat(self, until_set: asyncio.Event) -> None:
        """Be the centre's alerting until told to be away."""
        while not until_set.is_set():
            told = Beat(service="alerting", state="up", wall_s=time.time())
            await self.session.publish(server_status("alerting"), encode_beat(told))
            await asyncio.sleep(0.2)

    def deeds(self) -> list[dict[str, Any]]:
        if not (self.folder / "alerting" / FILE_NAME).exists():
            return []
        return [
            body
            for _, kind, _, body in read_entries(self.folder / "alerting" / FILE_NAME)
            if kind == Kind.DEED
        ]


@asynccontextmanager
async def gateway(folder: Path, broker: Endpoint) -> AsyncIterator[Here]:
    (folder / "devices.yaml").write_text(DEVICES, encoding="utf-8")
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    (folder / "contacts.yaml").write_text(CONTACTS, encoding="utf-8")
    (folder / "areas.geojson").write_text(json.dumps(AREAS), encoding="utf-8")
    for part in ("edge", "alerting"):
        (folder / part).mkdir(exist_ok=True)
    district = load_district(folder)
    async with (
        instruments(folder / "sim", INSTRUMENTS) as sim,
        open_session(broker, client_id="centre") as session,
    ):
        await session.connected.wait()
        clock = real_clock()
        judge = edge_judge(folder, district, "gw", clock.now_ms)
        assert judge is not None
        config = EdgeConfig(
            district=district,
            gateway="gw",
            broker=broker,
            state_dir=folder / "edge",
            clock=clock,
            bus_endpoints=sim.endpoints,
            drain_s=0.1,
            judge=judge,
            away_after_s=1.0,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(run_edge(config, stop))
        try:
            host, _, port = sim.endpoints["line"].rpartition(":")
            async with AsyncModbusTcpClient(host, port=int(port)) as master:
                yield Here(folder, master, session, judge)
            stop.set()
            await task
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_cut_off_it_sounds_once_not_for_long_and_the_centre_learns_of_it(
    tmp_path: Path, broker: Endpoint
) -> None:
    async with gateway(tmp_path, broker) as here:
        await here.water(2.5, "yellow")  # yellow: nothing is to be done
        await asyncio.sleep(1.5)
        assert not await here.sounds()
        await here.water(4.5, "red")
        await here.hears(siren=True)
        await here.hears(siren=False)
        await asyncio.sleep(1.0)
        assert not await here.sounds()  # the water still stands, and everybody has heard it

        district = load_district(tmp_path)
        config = AlertingConfig(
            district=district,
            contacts=load_contacts(tmp_path, district),
            broker=broker,
            state_dir=tmp_path / "alerting",
            clock=real_clock(),
        )
        stop = asyncio.Event()
        centre = asyncio.create_task(run_alerting(config, stop))
        await until(
            lambda: (tmp_path / "alerting" / FILE_NAME).exists() and here.deeds(), "the deed to be told"
        )
        await asyncio.sleep(2.5)  # long enough for it to be told again, were it not acknowledged
        stop.set()
        await centre

        (deed,) = here.deeds()
        assert (deed["what"], deed["siren"], deed["level"], deed["value"]) == (
            "siren-sounds",
            "dam-siren",
            "red",
            4.5,
        )


async def test_while_the_centre_is_there_it_leaves_the_siren_alone(tmp_path: Path, broker: Endpoint) -> None:
    away = asyncio.Event()
    async with gateway(tmp_path, broker) as here:
        centre = asyncio.create_task(here.beat(away))
        await here.water(4.5, "red")
        await asyncio.sleep(2.0)
        assert not await here.sounds()
        away.set()  # what the centre has seen to is not begun anew
        await centre
        await asyncio.sleep(2.0)
        assert not await here.sounds()

        await here.water(1.0, None)
        await here.water(4.5, "red")  # another flood, and nobody there
        await here.hears(siren=True)


async def test_a_siren_of_a_life_before_is_switched_off(tmp_path: Path, broker: Endpoint) -> None:
    async with gateway(tmp_path, broker) as here:
        await here.water(4.5, "red")
        await here.hears(siren=True)
        note = (tmp_path / "edge" / "sirens.json").read_bytes()
    (tmp_path / "edge" / "sirens.json").write_bytes(note)  # as if it had been killed in the midst of it
    async with gateway(tmp_path, broker) as here:
        await here.master.write_coil(3, True, device_id=9)
        await here.hears(siren=False)
