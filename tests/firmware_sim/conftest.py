from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from textwrap import dedent

import pytest

from firmware_sim import Simulator

Simulate = Callable[..., Awaitable[Simulator]]


@pytest.fixture
async def simulate(tmp_path: Path) -> AsyncIterator[Simulate]:
    """Start simulators from the text of a scenario; all end with the test."""
    async with AsyncExitStack() as stack:

        async def start(scenario: str, *, clock: str | None = None) -> Simulator:
            file = tmp_path / "scenario.yaml"
            file.write_text("version: 1\n" + dedent(scenario), encoding="utf-8")
            simulator = Simulator(file, run_dir=tmp_path / "run", clock=clock)
            return await stack.enter_async_context(simulator)

        yield start
