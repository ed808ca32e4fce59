"""Everything in one process, on real time: a small site, or a hub with its own gateway."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

from district.load import load_district
from tocsin import wiring
from tocsin.broker import open_broker
from tocsin.console_cli import say_where
from tocsin.wiring import Run, Surroundings


async def run_everything(at: Surroundings, listen: str, stop: asyncio.Event) -> None:
    """Run the broker (if the district leaves it to us), every gateway and every server part until ``stop``.

    Raises:
        MissingPartError: The district leaves the broker to us and none is installed.
    """
    district = load_district(at.district)
    async with AsyncExitStack() as stack:
        if at.broker is None and district.broker is None:
            client = wiring.tls_files(district, "collector")
            endpoint = await stack.enter_async_context(
                open_broker(at.state_of("broker"), certs=district.tls, client=client)
            )
            at = replace(at, broker=endpoint.url)
        servers: list[tuple[str, Run]] = [
            ("collector", wiring.collector(at)),
            ("rules", wiring.rules(at)),
            ("alerting", wiring.alerting(at, echo=True)),
            ("console", wiring.console(at, listen, say_where)),
        ]
        gateways = [
            (name, wiring.intake(at, name) if gateway.is_intake else wiring.edge(at, name, {}))
            for name, gateway in district.gateways.items()
        ]
        await _run_in_order([gateways, [servers[1]], [servers[2]], [servers[0]], [servers[3]]], stop)


async def _run_in_order(stages: list[list[tuple[str, Run]]], stop: asyncio.Event) -> None:
    """Run all stages together; end them one after the other, so that what is upstream can still drain."""
    async with asyncio.TaskGroup() as tasks:
        running: list[tuple[asyncio.Event, list[asyncio.Task[None]]]] = []
        for stage in stages:
            ended = asyncio.Event()
            running.append((ended, [tasks.create_task(run(ended), name=name) for name, run in stage]))
        await stop.wait()
        for ended, members in running:
            ended.set()
            await asyncio.wait(members)
