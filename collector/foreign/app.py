"""The intake: a gateway that takes other people's readings instead of asking instruments.

It is the same agent with other buses: spool, courier, quality, maintenance, changes of devices.yaml while it
runs, and signs of life are those of every gateway.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from collector.app import dead_letters_file
from collector.dead_letters import DeadLetters
from collector.foreign.works import Premises, foreign_work
from edge.app import EdgeConfig
from edge.app import run as run_agent


async def run(config: EdgeConfig, folder: Path, secrets: Mapping[str, str], stop: asyncio.Event) -> None:
    """Take, keep and send until ``stop``; then send what is kept.

    Args:
        config: As for any gateway.
        folder: Of devices.yaml.
        secrets: The environment.
        stop: Ends it.

    Raises:
        EdgeSpecError: The district has no such gateway, or a secret or a file is missing.
        EndpointError: A TLS file is missing or no certificate.
        sqlite3.Error: The spool cannot be opened.
    """
    premises = Premises(
        gateway=config.gateway,
        broker=config.broker,
        folder=folder,
        secrets=secrets,
        dead_letters=DeadLetters(config.state_dir / dead_letters_file(None)),
    )
    await run_agent(replace(config, bus_work=partial(foreign_work, premises)), stop)
