"""A database that is down under load: nothing lost or doubled, flat memory, the newest readings first."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from district.devices import Influx1Store
from tests.collector.conftest import influx1_settings
from tests.collector.gateways import eventually
from tests.collector.processes import SOAK, collecting, memory_mib
from tests.servers import running_influx1
from tests.transport.consumers import TOPICS, Sender, open_sender
from transport.batch import Reading, build_batch, encode_batch
from transport.measurement import Quality
from transport.session import Endpoint

pytestmark = [pytest.mark.server, pytest.mark.timeout(3600 if SOAK else 240)]

DOWN_S = 600 if SOAK else 4
POINTS_S = 5000 if SOAK else 2000
STILL_WAITING = 0.25 if SOAK else 0.0  # a short outage is stored in one write
BATCH = 100
NOON_MS = 1_528_027_200_000


async def send(sender: Sender) -> int:
    """Send one batch, a point a second of event time; its number."""
    seq = sender.outbox.next_seq()
    readings = [
        Reading(
            "gauge", NOON_MS + (seq * BATCH + row) * 1000, {"level": (float(seq * BATCH + row), Quality.GOOD)}
        )
        for row in range(BATCH)
    ]
    batch = build_batch(readings, gateway=TOPICS.gateway, epoch=sender.outbox.epoch, seq=seq)
    await sender.courier.send(seq, encode_batch(batch))
    return seq


async def send_for(sender: Sender, seconds: float) -> int:
    """Send steadily; the number of the last batch."""
    loop = asyncio.get_running_loop()
    began, last = loop.time(), 0
    for number in range(int(seconds * POINTS_S / BATCH)):
        await asyncio.sleep(began + number * BATCH / POINTS_S - loop.time())
        last = await send(sender)
    return last


async def ask(store: Influx1Store, what: str) -> float:
    """One number that the database answers; zero if there is nothing."""
    query = {"db": store.database, "q": f"SELECT {what} FROM /.*/", "epoch": "ms"}  # noqa: S608  (of this test)
    async with aiohttp.ClientSession() as http, http.get(f"{store.url}/query", params=query) as answer:
        [result] = (await answer.json())["results"]
    return float(result["series"][0]["values"][0][1]) if "series" in result else 0.0


async def test_a_database_that_was_down_has_everything_once_and_the_newest_first(
    broker: Endpoint, tmp_path: Path
) -> None:
    with running_influx1(tmp_path) as server:
        store = await influx1_settings(server.url)
        async with (
            open_sender(broker, tmp_path / "outbox", consumers=["store"]) as sender,
            collecting(tmp_path, broker, store=store) as collector,
        ):
            await send_for(sender, 1)
            await sender.drained()
            before_mib = memory_mib(collector.pid)

            server.kill()
            await send_for(sender, DOWN_S)
            waiting = await sender.outbox.depth()
            await asyncio.to_thread(server.start)
            newest = await send(sender)

            async def is_there() -> bool:
                return await ask(store, 'last("level")') >= newest * BATCH

            await eventually(is_there)
            still_waiting = await sender.outbox.depth()
            await sender.drained()

            assert waiting >= DOWN_S * POINTS_S / BATCH
            assert still_waiting >= STILL_WAITING * waiting  # when the newest was stored
            assert await ask(store, 'count("level")') == newest * BATCH
            assert await ask(store, 'count(distinct("level"))') == newest * BATCH
            assert memory_mib(collector.pid) < before_mib + 64
