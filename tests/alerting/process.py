"""The alerting process of the demo district, for tests that kill it: HOST PORT STATE-DIR."""

import asyncio
import signal
import sys
from pathlib import Path

from alerting.app import AlertingConfig, run
from tests.alerting.samples import demo_contacts, demo_district
from transport.clock import real_clock
from transport.session import Endpoint


async def main(host: str, port: str, state_dir: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    config = AlertingConfig(
        district=demo_district(),
        contacts=demo_contacts(),
        broker=Endpoint(host=host, port=int(port)),
        state_dir=Path(state_dir),
        clock=real_clock(),
    )
    await run(config, stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
