"""The collector as a process: builds its parts, connects them, and ends them cleanly."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from collector.dead_letters import DeadLetters
from collector.intake import Intake
from collector.stores import open_store
from collector.watchdog import Watchdog
from collector.writer import Tally, Writer
from district.devices import Influx1Store, InfluxStore, SqliteStore
from district.inventory import District
from transport import topics
from transport.acks import Acknowledger
from transport.beat import BEAT_EVERY_S, beat_will, keep_beating
from transport.clock import Clock
from transport.metrics import Facts, counted, serve_facts
from transport.session import Endpoint, open_session

SERVICE = "collector"
CONSUMER = "store"
_NOW = ("lag_s", "store_down")
_LOOK_EVERY_S = 5.0
_GARBAGE_THRESHOLDS = (50_000, 20, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorConfig:
    """What one collector needs to know."""

    district: District
    broker: Endpoint
    store: SqliteStore | InfluxStore | Influx1Store
    state_dir: Path
    clock: Clock
    member: str | None = None  # of a group of collectors that share the work, by a name of its own
    beat_every_s: float = BEAT_EVERY_S  # wall time
    metrics: tuple[str, int] | None = None  # where /metrics may be asked for


def dead_letters_file(member: str | None) -> str:
    """The name of the file that one collector appends its dead letters to."""
    return "dead-letters.jsonl" if member is None else f"dead-letters-{member}.jsonl"


@asynccontextmanager
async def _rare_garbage_collection() -> AsyncIterator[None]:
    """Look for cyclic garbage less often: batches are trees, and walking them is a sixth of the work."""
    before = gc.get_threshold()
    gc.freeze()  # what there is at the start stays
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


async def run(config: CollectorConfig, stop: asyncio.Event) -> None:
    """Store what the gateways send and acknowledge it, until ``stop`` is set and everything is closed.

    Raises:
        StoreSettingsError: The store cannot be opened.
        EndpointError: A TLS file of the broker is missing.
    """
    clock, tally = config.clock, Tally()
    service = SERVICE if config.member is None else f"{SERVICE}-{config.member}"
    status = topics.server_status(service)
    batches = [topics.ANY_LIVE, topics.any_replay(CONSUMER)]
    if config.member is not None:  # the broker gives each message to one member of the group
        batches = [f"$share/{CONSUMER}/{topic}" for topic in batches]
    watchdog = Watchdog(config.district, wall_s=clock.wall, now_ms=clock.now_ms)
    async with (
        _rare_garbage_collection(),
        open_store(config.store, district=config.district, state_dir=config.state_dir) as store,
        open_session(
            config.broker,
            client_id=f"tocsin-{config.district.id}-{service}",
            subscriptions=[*batches, topics.ANY_STATUS],
            will=beat_will(status, service),
        ) as session,
    ):
        acknowledger = Acknowledger(session, CONSUMER)
        writer = Writer(
            store, DeadLetters(config.state_dir / dead_letters_file(config.member)), clock=clock, tally=tally
        )
        intake = Intake(session, writer, acknowledger, clock=clock, tally=tally, watchdog=watchdog)

        def counters() -> dict[str, float]:
            return asdict(tally)

        facts = Facts(
            SERVICE,
            lambda: [*counted(counters(), _NOW), *watchdog.figures()],
            lambda: {"broker": session.connected.is_set(), "store": not tally.store_down},
        )

        async with serve_facts(config.metrics, facts), asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(intake.run(), name="collector:intake"),
                tasks.create_task(acknowledger.run(), name="collector:acknowledge"),
                tasks.create_task(_watch(watchdog), name="collector:watchdog"),
                tasks.create_task(
                    keep_beating(
                        session, status, service, clock=clock, counters=counters, every_s=config.beat_every_s
                    ),
                    name="collector:beat",
                ),
            ]
            await stop.wait()
            for task in running:
                task.cancel()
        await acknowledger.flush()  # what is stored need not come again


async def _watch(watchdog: Watchdog) -> None:
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        watchdog.look()
