"""The agent as a process of its own, on a machine that fails it: a full disk, a torn spool, a sudden end."""

import asyncio
import json
import os
import random
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.app import SPOOL
from firmware_sim import Simulator
from tests.edge.field import Centre, centre, district_of, instruments, until
from tests.servers import missing, running_mosquitto
from tests.transport.test_metrics import asked
from transport.beat import decode_beat
from transport.session import Endpoint, open_session
from transport.topics import GatewayTopics

pytestmark = pytest.mark.server

KILLS = 100 if os.environ.get("TOCSIN_SOAK") else 5
DEVICES = ("one", "two")

GAUGES = """
gateways:
  gw:
    area: town
    buses:
      one: {kind: modbus-tcp, host: 192.0.2.1, timeout: 500ms}
      two: {kind: modbus-tcp, host: 192.0.2.2, timeout: 500ms}
profiles:
  gauge:
    points:
      level: {table: input, addr: 0, type: u16, scale: 0.001, unit: m}
      answers: {table: input, addr: 1, type: u32, unit: "1", as: counter}
devices:
  - {id: one, site: dam, gateway: gw, bus: one, unit: 1, use: gauge, every: 50ms}
  - {id: two, site: dam, gateway: gw, bus: two, unit: 1, use: gauge, every: 50ms}
sites:
  dam: {kind: weather, area: cell, name: {zh: 坝, en: Dam}}
"""

INSTRUMENTS = "version: 1\nlines:\n" + "".join(
    f"""
  {name}:
    kind: modbus-tcp
    listen: "127.0.0.1:0"
    units:
      - unit: 1
        name: {name}
        registers:
          - {{table: input, addr: 0, type: u16, scale: 0.001, value: {{constant: 1.234}}}}
          - {{table: input, addr: 1, type: u32, value: answers}}
"""
    for name in DEVICES
)


class Agent:
    """One life of the agent's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self.log: list[dict[str, Any]] = []
        self._process = process
        self._reading = asyncio.create_task(self._read_log())

    def said(self, event: str) -> bool:
        """Whether the log has such an event."""
        return any(line["event"] == event for line in self.log)

    def refuse_writes(self) -> None:
        """Let no file grow, as a full disk does."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

    def allow_writes(self) -> None:
        """Free the disk."""
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()
        await self._reading

    async def stop(self) -> int:
        self._process.terminate()
        code = await asyncio.wait_for(self._process.wait(), 30)
        await self._reading
        return code

    async def _read_log(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.log.append(json.loads(line) if line.startswith(b"{") else {"event": line.decode()})


class Site:
    """Instruments, a broker and the place of one gateway's state; agents come and go."""

    def __init__(self, folder: Path, sim: Simulator, there: Centre, broker: Endpoint) -> None:
        self.sim = sim
        self.there = there
        self.broker = broker
        self.spool = folder / "state" / "edge-gw" / SPOOL
        self._command = [
            *(sys.executable, "-m", "tocsin", "edge", "--district", str(folder / "district")),
            *("--state", str(folder / "state"), "--broker", broker.url, "--metrics", "127.0.0.1:0"),
            *(part for bus, endpoint in sim.endpoints.items() for part in ("--bus", f"{bus}={endpoint}")),
        ]

    @asynccontextmanager
    async def agent(self, **environment: str) -> AsyncIterator[Agent]:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | environment,
        )
        agent = Agent(process)
        try:
            yield agent
        finally:
            if process.returncode is None:
                await agent.kill()

    def served(self, name: str) -> int:
        return int(self.sim.status()["instruments"][name]["answers"])

    async def more(self, extra: int) -> None:
        """Wait until so many more answers of each device have arrived."""
        for name in DEVICES:
            wanted = len(self.there.counters(name)) + extra
            await until(
                lambda name=name, wanted=wanted: len(self.there.counters(name)) >= wanted,  # type: ignore[misc]
                f"{extra} more answers of {name}",
            )

    def missing(self, name: str) -> set[int]:
        """The answers between the first and the last that did not arrive."""
        counters = self.there.counters(name)
        assert len(counters) == len(set(counters))
        return set(range(counters[0], counters[-1] + 1)) - set(counters)


@asynccontextmanager
async def site(folder: Path, *, answering: bool = True) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        mosquitto = stack.enter_context(running_mosquitto(folder))
        sim = await stack.enter_async_context(instruments(folder / "sim", INSTRUMENTS))
        there = await stack.enter_async_context(centre(mosquitto.endpoint, answering=answering))
        district_of(folder / "district", GAUGES)
        yield Site(folder, sim, there, mosquitto.endpoint)


async def test_a_full_disk_delays_nothing_and_loses_nothing(tmp_path: Path) -> None:
    async with site(tmp_path) as here, here.agent() as agent:
        await here.more(10)

        agent.refuse_writes()
        await until(lambda: agent.said("spool-refuses"), "the full disk to be noticed")
        await here.more(20)
        agent.allow_writes()
        await until(lambda: agent.said("spool-accepts-again"), "the disk to be used again")
        await here.more(10)

        assert await agent.stop() == 0
        assert not agent.said("task-failed")
        assert not agent.said("readings-given-up")
        for name in DEVICES:
            assert here.missing(name) == set()


async def test_the_agent_says_how_its_buses_devices_and_lanes_are(tmp_path: Path) -> None:
    async with site(tmp_path) as here, here.agent() as agent:
        await here.more(10)
        url = next(line["url"] for line in agent.log if line["event"] == "metrics")
        _, text = await asked(url)
        ready, _ = await asked(url.replace("/metrics", "/readyz"))
        status = GatewayTopics("town", "gw").status
        async with open_session(here.broker, client_id="listener", subscriptions=[status]) as session:
            told: dict[str, float] = {}
            while "round_trip_ms{bus=one,device=one}" not in told:
                (message,) = await asyncio.wait_for(session.receive(), 20)
                told = decode_beat(message.payload).counters

        assert await agent.stop() == 0
    found = {
        (sample.name.removeprefix("tocsin_edge_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert ready == 200
    assert told["answers"] >= 20
    assert found["answers_total",] >= 20
    assert 0 < found["bus_load", "one"] < 1
    assert 0 <= found["round_trip_ms", "one", "one"] < 500
    assert found["device_silent", "two", "two"] == 0
    assert {"spool_bytes", "clock_offset_s", "spool_age_s", "unkept"} <= {name[0] for name in found}


async def test_a_power_cut_that_tears_the_spool_costs_no_reading_that_comes_after(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        async with here.agent() as agent:
            await here.more(10)
            await agent.kill()
        with here.spool.open("r+b") as file:
            file.write(random.Random(1).randbytes(4096))
        for companion in ("-wal", "-shm"):
            here.spool.with_name(SPOOL + companion).unlink()
        before = {name: here.there.counters(name)[-1] for name in DEVICES}
        async with here.agent() as agent:
            await here.more(20)
            assert agent.said("spool-mended")
            assert await agent.stop() == 0

        for name in DEVICES:
            missing = here.missing(name)
            assert all(counter <= before[name] + 10 for counter in missing)  # of the cut itself


@pytest.mark.parametrize("step", ["+1h", "-1h"])
async def test_a_clock_that_is_set_by_an_hour_moves_no_reading(tmp_path: Path, step: str) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        missing("libfaketime is not installed; on Debian: apt install faketime")
    shift = tmp_path / "shift"
    shift.write_text("+0")
    faked = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(shift),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
    }
    async with site(tmp_path) as here, here.agent(**faked) as agent:
        await here.more(10)
        shift.write_text(step)
        await until(
            lambda: agent.said("clock-set") or agent.said("clock-corrected"), "the step to be noticed"
        )
        await here.more(20)

        assert await agent.stop() == 0
        for name in DEVICES:
            assert here.missing(name) == set()
            if agent.said("clock-set"):  # nothing vouches for it
                newest_ms = here.there.samples(name, "level")[-1].at_ms
                assert abs(time.time() - newest_ms / 1000) < 60


async def test_kills_under_load_lose_no_more_than_the_answers_under_way(tmp_path: Path) -> None:
    dice = random.Random(7)
    async with site(tmp_path) as here:
        for _ in range(KILLS):
            async with here.agent() as agent:
                await here.more(2)
                await asyncio.sleep(dice.uniform(0.0, 0.5))
                await agent.kill()
        async with here.agent() as agent:
            await here.more(5)
            assert await agent.stop() == 0

        for name in DEVICES:
            missing = here.missing(name)
            assert len(missing) <= 10 * KILLS  # half a second before a kill is ten polls
            assert all(len(run) <= 10 for run in _runs(missing))


def _runs(numbers: set[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs
