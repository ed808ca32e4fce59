"""A whole district as separate processes on simulated time: simulated instruments, gateways, servers.

The demo shows one to people; the fault tests kill its processes one by one.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from district.bus import Hj212TcpBus
from district.inventory import District
from district.load import load_district
from tocsin.broker import free_port
from tocsin.errors import ProcessError
from tocsin.fleet import Child, spawn
from tocsin.simulation import ENDPOINTS, RECORD, pending_frames, simulator_command, switch_fault
from transport.clock import Clock
from transport.session import Endpoint

_READY_S = 30.0
_HUSH_S = 10.0
_ABANDON_S = 2.0  # at Ctrl-C people wait three seconds, not more
_LEAD_S = 5.0  # the clock stands still while nine processes start
SERVERS = ("collector", "rules", "alerting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What runs; made by :func:`open_replay`."""

    district: District
    broker: Endpoint
    clock: Clock
    state: Path
    simulator: Child
    servers: Mapping[str, Child]
    gateways: Mapping[str, Child]

    @property
    def served(self) -> Path:
        """The simulator's own record of every answer."""
        return self.state / "sim" / RECORD

    async def finish(self) -> None:
        """End everything in the direction of the data, each part drained: nothing is left under way.

        Stations that report by themselves fall silent first, at a moment when all they sent is answered.
        """
        run_dir = self.state / "sim"
        await self._stations_are_answered(run_dir)
        for device in self.district.devices.values():
            if device.mn is not None:
                await switch_fault(run_dir, device.id, "silence")
        await self._stations_are_answered(run_dir)
        await asyncio.gather(*(child.stop() for child in self.gateways.values()))
        for name in ("rules", "alerting", "collector"):
            await self.servers[name].stop()
        await self.simulator.stop()

    async def _stations_are_answered(self, run_dir: Path) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_HUSH_S):
                while await pending_frames(run_dir):  # noqa: ASYNC110  (another process counts them)
                    await asyncio.sleep(0.02)

    async def abandon(self) -> None:
        """End everything at once; what is under way stays on its sender's disk."""
        await asyncio.gather(*(child.stop(grace_s=_ABANDON_S) for child in self._everyone()))

    def broken(self) -> Child | None:
        """A process that ended though nobody asked it to."""
        return next((child for child in self._everyone() if not child.running), None)

    def _everyone(self) -> tuple[Child, ...]:
        return (self.simulator, *self.servers.values(), *self.gateways.values())


@asynccontextmanager
async def open_replay(
    folder: Path,
    state: Path,
    broker: Endpoint,
    *,
    starts_at: datetime,
    speed: float,
    files: Path | None = None,
    lead_s: float = _LEAD_S,
) -> AsyncIterator[Replay]:
    """Start a district's processes on simulated time; all of them are ended when the block is left.

    Args:
        folder: The district, with its simulation.
        state: Receives the state and the logs of every process.
        broker: The broker that all speak to.
        starts_at: The event time at which the replay begins.
        speed: Event seconds a wall second.
        files: Where the four files of the district are read, if not beside its simulation.
        lead_s: Wall seconds before the clock starts, while the processes do.

    Raises:
        ProcessError: A process ended or was not ready in time; the message names its log.
        InvalidFileError: The district has mistakes.
    """
    files = files or folder
    district = load_district(files)
    clock = Clock(anchor_wall_s=time.time() + lead_s, starts_at=starts_at, speed=speed)
    listens = {bus: f"127.0.0.1:{free_port()}" for bus in _listening_buses(district)}
    logs = state / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    common = ["--district", str(files), "--state", str(state), "--broker", broker.url, "--clock", str(clock)]
    parts = {"collector": ["collect"], "rules": ["rules", "run"], "alerting": ["alerting", "run"]}
    async with AsyncExitStack() as stack:

        async def start(name: str, command: list[str]) -> Child:
            return await stack.enter_async_context(spawn(name, command, log=logs / f"{name}.log"))

        simulator = await start(
            "sim", simulator_command(folder, state / "sim", connect=listens, clock=str(clock))
        )
        servers = {name: await start(name, _tocsin(*words, *common)) for name, words in parts.items()}
        endpoints = await _endpoints(state / "sim", simulator) | listens
        gateways = {}
        for gateway in district.gateways.values():
            buses = [f"--bus={bus}={endpoints[bus]}" for bus in gateway.buses if bus in endpoints]
            words = ["edge", "--gateway", gateway.id, *buses]
            gateways[gateway.id] = await start(f"edge-{gateway.id}", _tocsin(*words, *common))
        replay = Replay(
            district=district,
            broker=broker,
            clock=clock,
            state=state,
            simulator=simulator,
            servers=servers,
            gateways=gateways,
        )
        try:
            yield replay
        finally:
            await replay.abandon()


def _tocsin(*words: str) -> list[str]:
    return [sys.executable, "-m", "tocsin", *words]


def _listening_buses(district: District) -> list[str]:
    """The buses on which our gateways wait for stations to call."""
    return [
        bus_id
        for gateway in district.gateways.values()
        for bus_id, bus in gateway.buses.items()
        if isinstance(bus, Hj212TcpBus)
    ]


async def _endpoints(run_dir: Path, simulator: Child) -> dict[str, str]:
    """Where the simulated lines are, once they are there."""
    path = run_dir / ENDPOINTS
    with suppress(TimeoutError):
        async with asyncio.timeout(_READY_S):
            while simulator.running and not path.exists():  # noqa: ASYNC110  (another process makes the file)
                await asyncio.sleep(0.02)
    if not path.exists():
        raise ProcessError(f"the simulated instruments did not start; their log: {simulator.log}")
    endpoints: dict[str, str] = json.loads(path.read_text())
    return endpoints
