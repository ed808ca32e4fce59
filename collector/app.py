"""The collector as a process: builds its parts, connects them, and ends them cleanly."""

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path

from collector.dead_letters import DeadLetters
from collector.intake import Intake
from collector.stores import open_store
from collector.writer import Tally, Writer
from district.devices import Influx1Store, InfluxStore, SqliteStore
from district.inventory import District
from transport import topics
from transport.acks import Acknowledger
from transport.beat import BEAT_EVERY_S, beat_will, keep_beating
from transport.clock import Clock
from transport.session import Endpoint, open_session

SERVICE = "collector"
CONSUMER = "store"
DEAD_LETTERS_FILE = "dead-letters.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorConfig:
    """What one collector needs to know."""

    district: District
    broker: Endpoint
    store: SqliteStore | InfluxStore | Influx1Store
    state_dir: Path
    clock: Clock
    beat_every_s: float = BEAT_EVERY_S  # wall time


async def run(config: CollectorConfig, stop: asyncio.Event) -> None:
    """Store what the gateways send and acknowledge it, until ``stop`` is set and everything is closed.

    Raises:
        StoreSettingsError: The store cannot be opened.
        EndpointError: A TLS file of the broker is missing.
    """
    clock, status = config.clock, topics.server_status(SERVICE)
    tally = Tally()
    async with (
        open_store(config.store, district=config.district, state_dir=config.state_dir) as store,
        open_session(
            config.broker,
            client_id=f"tocsin-{config.district.id}-{SERVICE}",
            subscriptions=[topics.ANY_LIVE, topics.any_replay(CONSUMER)],
            will=beat_will(status, SERVICE),
        ) as session,
    ):
        acknowledger = Acknowledger(session, CONSUMER)
        writer = Writer(store, DeadLetters(config.state_dir / DEAD_LETTERS_FILE), clock=clock, tally=tally)
        intake = Intake(session, writer, acknowledger, clock=clock, tally=tally)

        def counters() -> dict[str, float]:
            return {**asdict(tally), "dropped": session.dropped}

        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(intake.run(), name="collector:intake"),
                tasks.create_task(acknowledger.run(), name="collector:acknowledge"),
                tasks.create_task(
                    keep_beating(
                        session, status, SERVICE, clock=clock, counters=counters, every_s=config.beat_every_s
                    ),
                    name="collector:beat",
                ),
            ]
            await stop.wait()
            for task in running:
                task.cancel()
        await acknowledger.flush()  # what is stored need not come again
