"""The agent of one gateway: builds its parts, runs them, and leaves nothing behind when asked to stop."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog

from district.devices import Bus
from district.inventory import Device, District
from edge.alone import AWAY_AFTER_S, Judge
from edge.autonomy import Autonomy, open_autonomy
from edge.buses import bus_work
from edge.calendar import Calendar
from edge.configuration import Configuration
from edge.counters import Counters
from edge.crew import BusPlan, Crew, plans_of
from edge.errors import EdgeSpecError
from edge.intake import Intake
from edge.losses import Losses, is_whole
from edge.maintenance import BOOK, Maintenance
from edge.modbus.bus import ModbusBus
from edge.supervise import supervise
from edge.timekeeping import VOUCHED_FOR, Surroundings, Timekeeper
from edge.wiring import Wiring, Work
from transport.batch import decode_batch
from transport.beat import BEAT_EVERY_S, beat_will, decode_beat, keep_beating
from transport.clock import Clock
from transport.courier import Courier
from transport.errors import WireError
from transport.metrics import Facts, serve_facts
from transport.outbox import Outbox, open_outbox
from transport.outbox_file import Keeping
from transport.session import Endpoint, Message, Session, open_session
from transport.topics import ANY_SERVER_STATUS, GatewayTopics

log = structlog.get_logger(__name__)

CONSUMERS = ("store", "rules")
SPOOL = "spool.sqlite"

_ACKS_AT_ONCE = 100
_LOOK_EVERY_S = 0.5  # at the book of maintenance


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """What the agent of one gateway is told.

    Args:
        district: What people wrote; the areas are not needed.
        gateway: Which gateway of it this is.
        broker: Where batches go.
        state_dir: A folder that exists; the spool lies there.
        clock: Event time.
        bus_endpoints: Bus id to a serial port or ``HOST:PORT`` that takes the place of the configured one.
        drain_s: How long to wait for acknowledgements when stopping.
        urgent: The (device, point) pairs that go first while their bus is overloaded, and that are given up
            last when the spool is full.
        folder: Where devices.yaml is watched and applied when it changes; nowhere without it.
        trial_s: How long, on the wall, a bus that worked before has to bring a good reading after a change.
        judge: Knows the rules by which the gateway acts while the centre is away; without it, it does not.
        away_after_s: How long alerting's beat may be missing until then, on the wall.
        metrics: Where ``/metrics`` may be asked for; nowhere without it.
        machine: What the machine says about its time; nobody asks it while time is simulated.
        bus_work: The tasks of a bus: of instruments, unless somebody knows other kinds of bus.
    """

    district: District
    gateway: str
    broker: Endpoint
    state_dir: Path
    clock: Clock
    bus_endpoints: Mapping[str, str] = field(default_factory=dict)
    drain_s: float = 10.0
    urgent: frozenset[tuple[str, str]] = frozenset()
    folder: Path | None = None
    trial_s: float = 120.0
    judge: Judge | None = None
    away_after_s: float = AWAY_AFTER_S
    metrics: tuple[str, int] | None = None
    machine: Surroundings = field(default_factory=Surroundings)
    bus_work: Callable[[Bus, Wiring], list[Work]] = bus_work


async def run(config: EdgeConfig, stop: asyncio.Event) -> None:
    """Read, keep and send until ``stop``; then send what is kept, for ``drain_s`` at most, and leave.

    What is not acknowledged by then stays in the spool for the next run.

    Raises:
        EdgeSpecError: The district has no such gateway, or asks it for something impossible.
        EndpointError: A TLS file is missing or no certificate.
        sqlite3.Error: The spool cannot be opened.
    """
    gateway = config.district.gateways.get(config.gateway)
    if gateway is None:
        known = ", ".join(sorted(config.district.gateways))
        raise EdgeSpecError(f"no gateway {config.gateway!r} in the district; it has: {known}")
    topics = GatewayTopics(gateway.area, gateway.id)
    devices = config.district.gateway_devices(gateway.id)
    spool = config.state_dir / SPOOL
    timekeeper = Timekeeper(
        config.clock,
        newest_known_s=_newest_change_s(spool),
        machine=VOUCHED_FOR if config.clock.is_simulated else config.machine,
    )
    maintenance = Maintenance(config.state_dir / BOOK, now_ms=timekeeper.time.now_ms)
    maintenance.look()
    counters = Counters()
    losses = Losses(counters)
    keeping = Keeping(most_bytes=gateway.spool_bytes, given_up=losses.note, is_whole=is_whole)
    async with (
        open_outbox(spool, epoch=secrets.token_hex(8), consumers=CONSUMERS, keeping=keeping) as outbox,
        open_session(
            config.broker,
            client_id=f"tocsin-edge-{gateway.id}",
            subscriptions=[topics.ack, ANY_SERVER_STATUS],
            will=beat_will(topics.status, gateway.id),
        ) as session,
        serve_facts(
            config.metrics,
            Facts(
                "edge",
                counters.all,
                lambda: {"broker": session.connected.is_set(), "spool": not counters.unkept},
            ),
        ),
        AsyncExitStack() as stack,
    ):
        replay = {consumer: topics.replay(consumer) for consumer in CONSUMERS}
        courier = Courier(outbox, session, live_topic=topics.live, replay_topics=replay, given_up=losses.note)
        intake = Intake(
            gateway.id,
            devices,
            outbox,
            courier,
            counters,
            timekeeper=timekeeper,
            maintenance=maintenance,
            observe=config.judge.take if config.judge else lambda _batch: None,
            urgent=config.urgent,
        )
        calendar = Calendar(timekeeper, intake, courier, session, counters)
        owners: dict[str, ModbusBus] = {}
        crew = Crew(
            partial(
                _work_of_bus,
                config=config,
                intake=intake,
                counters=counters,
                timekeeper=timekeeper,
                owners=owners,
            )
        )
        autonomy = None
        if config.judge is not None:
            autonomy = await stack.enter_async_context(
                open_autonomy(
                    gateway,
                    config.judge,
                    session,
                    bus_of=owners.get,
                    state_dir=config.state_dir,
                    clock=timekeeper.time,
                    away_after_s=config.away_after_s,
                )
            )
        log.info("edge-starts", gateway=gateway.id, buses=len(gateway.buses), devices=len(devices))
        services: dict[str, Callable[[], Awaitable[None]]] = {
            "courier": courier.run,
            "messages": partial(_hear_messages, session, topics, courier, calendar, autonomy),
            "calendar": calendar.run,
            "maintenance": partial(_watch_maintenance, maintenance, counters),
            "fill": partial(_watch_fill, outbox, courier, counters, timekeeper.time),
            "beat": partial(
                keep_beating,
                session,
                topics.status,
                gateway.id,
                clock=timekeeper.time,
                counters=counters.figures,
            ),
            **(autonomy.services() if autonomy else {}),
        }
        if config.folder is not None:
            configuration = Configuration(
                config.folder,
                config.state_dir,
                gateway=gateway.id,
                district=config.district,
                crew=crew,
                intake=intake,
                trial_s=config.trial_s,
            )
            services["configuration"] = configuration.run
        async with _running({name: partial(supervise, name, service) for name, service in services.items()}):
            keeper = asyncio.create_task(supervise("intake", intake.run), name="intake")
            try:
                await crew.exchange(plans_of(config.district, gateway.id))
                await stop.wait()
            finally:
                if autonomy is not None:
                    await autonomy.rest()
                await crew.end()
                intake.finish()
                await _within(config.drain_s, _drain(keeper, courier))
        courier.give_up_unkept()
        counters.depth = await outbox.depth()
        log.info("edge-stopped", gateway=gateway.id, **counters.totals())


def _work_of_bus(
    bus: str,
    plan: BusPlan,
    *,
    config: EdgeConfig,
    intake: Intake,
    counters: Counters,
    timekeeper: Timekeeper,
    owners: dict[str, ModbusBus],
) -> list[Work]:
    """The tasks of one bus.

    Raises:
        EdgeSpecError: Something that it is asked for is impossible.
    """
    wiring = Wiring(
        bus_id=bus,
        devices=plan.devices,
        endpoint=config.bus_endpoints.get(bus),
        passwords=_passwords(plan.devices),
        timezone=config.district.timezone,
        clock=timekeeper.pace,
        calendar=timekeeper.time,
        intake=intake,
        counters=counters,
        owners=owners,
        urgent=config.urgent,
    )
    return config.bus_work(plan.spec, wiring)


def _newest_change_s(spool: Path) -> float:
    """When the spool was last written, by the clock of then: no earlier than that can it be now."""
    files = (spool, spool.with_name(spool.name + "-wal"))
    return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)


def _passwords(devices: Iterable[Device]) -> dict[str, str]:
    passwords = {}
    for device in devices:
        if device.password_env is not None:
            try:
                passwords[device.id] = os.environ[device.password_env]
            except KeyError as exc:
                raise EdgeSpecError(
                    f"{device.id}: the environment variable {device.password_env} is not set"
                ) from exc
    return passwords


async def _drain(keeper: "asyncio.Task[None]", courier: Courier) -> None:
    """Wait until everything taken is kept, and everything kept is acknowledged."""
    try:
        await keeper
        await courier.drained()
    finally:
        await _cancel([keeper])


async def _hear_messages(
    session: Session,
    topics: GatewayTopics,
    courier: Courier,
    calendar: Calendar,
    autonomy: Autonomy | None,
) -> None:
    """Take acknowledgements, those that came together in one commit, and the centre's beats."""

    async def hear(message: Message) -> None:
        if message.topic == topics.ack:
            await courier.heard(message.payload)
            if autonomy is not None:
                await autonomy.acknowledged(message.payload)
            return
        beat = decode_beat(message.payload)
        await calendar.heard(beat)
        if autonomy is not None:
            autonomy.alone.heard(beat)

    while True:
        messages = await session.receive(most=_ACKS_AT_ONCE)
        for result in await asyncio.gather(*map(hear, messages), return_exceptions=True):
            if isinstance(result, WireError):
                log.warning("message-refused", reason=str(result))
            elif result is not None:
                raise result


async def _watch_maintenance(maintenance: Maintenance, counters: Counters) -> None:
    while True:
        maintenance.look()
        counters.maintained = len(maintenance.holding)
        await asyncio.sleep(_LOOK_EVERY_S)


async def _watch_fill(outbox: Outbox, courier: Courier, counters: Counters, clock: Clock) -> None:
    while True:
        fill = await outbox.fill()
        counters.depth, counters.unkept, counters.spool_bytes = fill.messages, courier.unkept, fill.used_bytes
        counters.lacking = fill.lacking
        oldest_ms = clock.now_ms() if fill.oldest is None else decode_batch(fill.oldest).origin_ms
        counters.spool_age_s = max(0, clock.now_ms() - oldest_ms) / 1000
        await asyncio.sleep(BEAT_EVERY_S)


@asynccontextmanager
async def _running(services: Mapping[str, Callable[[], Coroutine[None, None, None]]]) -> AsyncIterator[None]:
    """Run services beside the block and end them with it."""
    tasks = [asyncio.create_task(service(), name=f"edge:{name}") for name, service in services.items()]
    try:
        yield
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Iterable["asyncio.Task[None]"]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _within(seconds: float, work: Awaitable[None]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await work
