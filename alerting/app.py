"""The alerting process: transitions in; decisions, deliveries, receipts and displays out."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
import structlog

from alerting.answering import Answering, Attached
from alerting.archive import load_threads
from alerting.channels.channel import Channel
from alerting.channels.console import FILE_NAME as CONSOLE_FILE
from alerting.channels.email import SmtpSettings
from alerting.channels.setup import open_channels
from alerting.compose import Composer
from alerting.contacts import Contacts
from alerting.counter import Counter
from alerting.database import FILE_NAME as DATABASE_FILE
from alerting.database import Database, open_database
from alerting.decide import Decider
from alerting.deeds import Deeds
from alerting.delivery import handed_since, held_since, waiting
from alerting.desk import Desk
from alerting.dispatch import Dispatcher, Retry
from alerting.displays import Displays
from alerting.docket import Docket, load_cases
from alerting.escalate import Escalator
from alerting.intake import Intake
from alerting.links import answer_link, keep_secret
from alerting.quota import WINDOW_MS, Quota
from alerting.rollup import Roller
from alerting.shelving import Shelves, load_shelves
from alerting.targeting import Directory
from alerting.texts import Author
from alerting.watch import RULES, Watch
from district.inventory import District
from rules.rulebook import Rulebook
from transport import topics
from transport.acks import Acknowledger
from transport.beat import beat_will
from transport.clock import Clock
from transport.errors import NotConnectedError
from transport.metrics import Facts, counted, serve_facts
from transport.session import Endpoint, Session, open_session

log = structlog.get_logger(__name__)

SERVICE = "alerting"
_GRACE_S = 1.5  # wall time for what is being sent when the process is asked to end


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingConfig:
    """What alerting needs to run."""

    district: District
    contacts: Contacts
    broker: Endpoint
    state_dir: Path
    clock: Clock
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # what `*_env` in the contacts names
    rulebook: Rulebook | None = None  # for the names of rules in texts
    smtp: SmtpSettings | None = None  # in the place of the contacts' server
    retry: Retry = field(default_factory=Retry)
    echo: bool = False  # say console messages on standard output too
    metrics: tuple[str, int] | None = None  # where /metrics may be asked for


async def run(config: AlertingConfig, stop: asyncio.Event) -> None:
    """Alert until ``stop`` is set, then end cleanly: what is not sent goes on at the next start.

    Raises:
        ChannelSetupError: A secret that the contacts name is not given.
        EndpointError: A TLS file is missing or no certificate.
        OSError: The state's folder cannot be written.
        sqlite3.Error: The database is damaged or the disk refuses.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(config.state_dir / DATABASE_FILE))
        replies = Attached()
        channels = await stack.enter_async_context(
            open_channels(
                config.contacts,
                console=config.state_dir / CONSOLE_FILE,
                echo=config.echo,
                secrets=config.secrets,
                smtp=config.smtp,
                replies=replies,
            )
        )
        session = await stack.enter_async_context(_connect(config))
        await _serve(config, database, channels, session, replies=replies, stop=stop)


async def _serve(
    config: AlertingConfig,
    database: Database,
    channels: Mapping[str, Channel],
    session: Session,
    *,
    replies: Attached,
    stop: asyncio.Event,
) -> None:
    district, contacts, clock = config.district, config.contacts, config.clock
    directory = Directory(district, contacts)
    rules = {rule.id: rule.name for rule in config.rulebook.rules.values()} if config.rulebook else {}
    composer = Composer(district, contacts, Author(district, contacts, rules))
    docket = Docket(
        directory,
        await database.read(load_cases),
        last_resort=contacts.last_resort.telephone,
        close_within=contacts.close_within,
    )
    shelves = Shelves(await database.read(load_shelves))
    desk = Desk(
        district, directory, composer, await database.read(load_threads), docket=docket, shelves=shelves
    )
    since_ms = clock.now_ms() - WINDOW_MS
    held_back = asyncio.Event()
    quota = Quota(
        await database.read(partial(handed_since, since_ms=since_ms)), await database.read(held_since)
    )
    link_secret = await database.commit(keep_secret)
    dispatcher = Dispatcher(
        database,
        channels,
        directory.people,
        now_ms=clock.now_ms,
        retry=config.retry,
        last_resort=contacts.last_resort.telephone,
        quota=quota,
        held_back=held_back,
        link=partial(answer_link, contacts.console, link_secret) if contacts.console else lambda *_: "",
    )
    displays = Displays(session, database, desk)
    acknowledger = Acknowledger(session, SERVICE, linger_s=0.005)
    decider = Decider(database, desk, dispatcher, displays, now_ms=clock.now_ms)
    roller = Roller(decider, composer, quota, clock, held_back)
    counter = Counter(decider, desk, docket, directory.people, link_secret=link_secret)
    replies.attach(Answering(counter, directory.people.values(), database, now_ms=clock.now_ms))
    watch = Watch(
        session,
        database,
        clock=clock,
        service=SERVICE,
        counters=lambda: {**intake.counters(), **dispatcher.counters(), **docket.counters()},
    )
    hearers = {topics.server_status(RULES): watch.heard, topics.server_command(SERVICE): counter.take}
    intake = Intake(decider, desk, acknowledger, hearers, Deeds(database, acknowledger))
    escalator = Escalator(decider, desk, docket, clock)
    dispatcher.enqueue(await database.read(waiting))
    tasks = [
        asyncio.create_task(intake.run(session), name="alerting:intake"),
        asyncio.create_task(intake.settle_late(), name="alerting:settle"),
        asyncio.create_task(escalator.run(), name="alerting:escalate"),
        asyncio.create_task(roller.run(), name="alerting:roll-up"),
        asyncio.create_task(_answer(counter, session), name="alerting:counter"),
        asyncio.create_task(displays.run(), name="alerting:displays"),
        asyncio.create_task(acknowledger.run(), name="alerting:acks"),
        asyncio.create_task(watch.run(), name="alerting:watch"),
    ]
    ending = asyncio.create_task(stop.wait(), name="alerting:stop")
    facts = Facts(
        SERVICE,
        lambda: counted({**intake.counters(), **dispatcher.counters(), **docket.counters()}),
        lambda: {"broker": session.connected.is_set(), "rules": watch.hears},
    )
    try:
        async with serve_facts(config.metrics, facts):
            done, _ = await asyncio.wait([ending, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {ending}:
            task.result()  # none of them ends by itself: it broke, and so does the process
    finally:
        for task in (ending, *tasks):
            task.cancel()
        await asyncio.gather(ending, *tasks, return_exceptions=True)
        await acknowledger.flush()
        await dispatcher.close(_GRACE_S)


async def _answer(counter: Counter, session: Session) -> None:
    """Serve people's requests until cancelled."""
    topic = topics.server_answer(SERVICE)
    while True:
        outcome = await counter.next()
        if outcome is not None:
            with suppress(NotConnectedError):  # whoever asked asks again
                await session.publish(topic, msgspec.json.encode(outcome))


def _connect(config: AlertingConfig) -> AbstractAsyncContextManager[Session]:
    return open_session(
        config.broker,
        client_id=f"tocsin-{SERVICE}-{config.district.id}",
        subscriptions=(
            topics.ANY_TRANSITION,
            topics.ANY_DEED,
            topics.server_status(RULES),
            topics.server_command(SERVICE),
        ),
        will=beat_will(topics.server_status(SERVICE), SERVICE),
    )
