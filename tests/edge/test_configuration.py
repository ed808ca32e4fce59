"""A changed devices.yaml is applied while the agent runs, and taken back if it fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from district.load import DEVICES
from edge.app import EdgeConfig, run
from edge.configuration import choose
from firmware_sim import Simulator
from tests.edge.field import Centre, centre, clock_text, district_of, instruments, until
from tests.edge.test_faults import MODBUS, MODBUS_INSTRUMENTS
from transport.clock import parse_clock
from transport.session import Endpoint

pytestmark = pytest.mark.server

SPEED = 100


@dataclass
class Here:
    """A gateway whose devices.yaml the test edits."""

    folder: Path
    sim: Simulator
    there: Centre
    logs: list[Any]

    def edit(self, *changes: tuple[str, str]) -> None:
        path = self.folder / "district" / DEVICES
        text = path.read_text(encoding="utf-8")
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        draft = path.with_suffix(".new")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)

    async def said(self, event: str, times: int = 1) -> dict[str, Any]:
        await until(lambda: self._count(event) >= times, event)
        return next(dict(entry) for entry in reversed(self.logs) if entry["event"] == event)

    def _count(self, event: str) -> int:
        return sum(entry["event"] == event for entry in self.logs)

    async def more(self, device: str, extra: int = 3) -> None:
        wanted = len(self.there.counters(device)) + extra
        await until(lambda: len(self.there.counters(device)) >= wanted, f"{extra} more of {device}")


@asynccontextmanager
async def gateway(folder: Path, broker: Endpoint, *, trial_s: float = 60.0) -> AsyncIterator[Here]:
    clock = clock_text(SPEED)
    state = folder / "state"
    state.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(instruments(folder / "sim", MODBUS_INSTRUMENTS, clock=clock))
        there = await stack.enter_async_context(centre(broker))
        district_of(folder / "district", MODBUS)
        logs = stack.enter_context(capture_logs())
        config = EdgeConfig(
            district=choose(folder / "district", state),
            gateway="gw",
            broker=broker,
            state_dir=state,
            clock=parse_clock(clock),
            bus_endpoints=sim.endpoints,
            folder=folder / "district",
            trial_s=trial_s,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(run(config, stop))
        try:
            here = Here(folder, sim, there, logs)
            for device in ("one", "two", "plc"):
                await here.more(device)
            yield here
            stop.set()
            await task
        finally:
            task.cancel()
            await asyncio.wait([task])


def gaps(counters: list[int]) -> set[int]:
    return set(range(counters[0], counters[-1] + 1)) - set(counters)


async def test_a_new_device_is_read_and_unchanged_ones_miss_no_poll(tmp_path: Path, broker: Endpoint) -> None:
    async with gateway(tmp_path, broker) as here:
        here.edit(("bus: plc, unit: 1, use: gauge, every: 20s", "bus: plc, unit: 1, use: gauge, every: 10s"))
        applied = await here.said("configuration-applied")
        await here.said("configuration-works")
        await here.more("plc", 10)
        await here.more("one", 5)

        assert applied["buses"] == ["plc"]
        for device in ("one", "two"):
            assert gaps(here.there.counters(device)) == set()
        taken = [sample.at_ms for sample in here.there.samples("plc", "level")]
        assert min(b - a for a, b in zip(taken[-6:], taken[-5:], strict=False)) < 15_000


async def test_a_file_with_mistakes_changes_nothing_and_is_told_of(tmp_path: Path, broker: Endpoint) -> None:
    async with gateway(tmp_path, broker) as here:
        here.edit(("use: gauge, every: 20s}\nsites", "use: gage, every: 20x}\nsites"))
        refused = await here.said("configuration-refused")
        await here.more("plc")

    assert any("devices.yaml:" in finding and "gage" in finding for finding in refused["findings"])
    assert gaps(here.there.counters("plc")) == set()


async def test_a_device_that_is_taken_out_is_asked_no_more(tmp_path: Path, broker: Endpoint) -> None:
    async with gateway(tmp_path, broker) as here:
        here.edit(("unit: 2, use: gauge, every: 20s}", "unit: 2, use: gauge, every: 20s, disabled: true}"))
        await here.said("configuration-works")
        count = len(here.there.counters("two"))
        await here.more("one", 5)

        assert len(here.there.counters("two")) <= count + 1


async def test_a_change_by_which_a_bus_falls_silent_is_taken_back_and_stays_so_after_a_restart(
    tmp_path: Path, broker: Endpoint
) -> None:
    async with gateway(tmp_path, broker, trial_s=2.0) as here:
        here.edit(("bus: plc, unit: 1", "bus: plc, unit: 77"))
        taken_back = await here.said("configuration-taken-back")
        await here.more("plc")

        assert taken_back["buses"] == ["plc"]
        for device in ("one", "two"):
            assert gaps(here.there.counters(device)) == set()
        assert "unit: 77" in (tmp_path / "district" / DEVICES).read_text(encoding="utf-8")
        assert choose(tmp_path / "district", tmp_path / "state").devices["plc"].unit == 1

        here.edit(("unit: 77, use: gauge, every: 20s", "unit: 1, use: gauge, every: 40s"))
        await here.said("configuration-works")
        assert choose(tmp_path / "district", tmp_path / "state").devices["plc"].interval.total_seconds() == 40


async def test_an_agent_that_starts_with_a_broken_file_goes_on_with_the_last_that_worked(
    tmp_path: Path, broker: Endpoint
) -> None:
    async with gateway(tmp_path, broker) as here:
        here.edit(("every: 20s}\nsites", "evry: 20s}\nsites"))
        await here.said("configuration-refused")

    with capture_logs() as logs:
        district = choose(tmp_path / "district", tmp_path / "state")

    assert set(district.devices) == {"one", "two", "plc"}
    assert "the last file that worked goes on" in logs[-1]["remedy"]
