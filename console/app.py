"""The console as a process: builds its parts, connects them, serves, and ends cleanly."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn

from alerting.database import FILE_NAME as LEDGER_FILE
from collector.errors import CollectorError
from collector.manual import FILE_NAME as MANUAL_FILE
from collector.manual import manual_topics, open_manual
from collector.stores import open_store
from console.administration import Administration
from console.asking import Asker
from console.drafts import Drafting
from console.errors import AddressError
from console.files import Files
from console.gate import Gate
from console.journal import open_journal
from console.newest import SUBSCRIPTIONS, Newest
from console.office import Office
from console.register import FILE_NAME, open_register
from console.stream import Stream
from console.trial import Trial
from console.web.site import build_site
from district.inventory import District
from rules.backtest import History
from rules.load import RULES
from transport import topics
from transport.beat import beat_will, keep_beating
from transport.clock import Clock
from transport.session import Endpoint, Session, open_session

log = structlog.get_logger(__name__)

SERVICE = "console"
_GRACE_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleConfig:
    """What a console needs to know."""

    folder: Path  # the district's files, which it edits
    district: District
    broker: Endpoint
    state_dir: Path
    alerting_dir: Path  # whose ledger it reads
    collector_dir: Path  # whose store it reads
    history: History  # what backtests judge
    clock: Clock
    host: str = "127.0.0.1"
    port: int = 8480  # 0: any that is free
    certificate: Path | None = None
    key: Path | None = None
    now_s: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A console that serves."""

    url: str
    office: Office
    first_word: str | None  # of the link that makes the first accounts; none once there are some

    @property
    def first_link(self) -> str | None:
        """The link that makes the first accounts; the word stands where no server logs it."""
        return f"{self.url}/begin#{self.first_word}" if self.first_word else None


@contextlib.asynccontextmanager
async def open_console(config: ConsoleConfig) -> AsyncIterator[Opening]:
    """Serve while the block runs.

    Raises:
        AddressError: The address is taken or none of ours.
        OSError: The state's folder cannot be written.
        InvalidFileError: A file of the district has mistakes.
        EndpointError: A TLS file is missing or no certificate.
        sqlite3.Error: The console's file is damaged or the disk refuses.
        CollectorError: The store cannot be opened.
    """
    async with AsyncExitStack() as stack:
        files = Files(config.folder, config.district)
        register = await stack.enter_async_context(
            open_register(config.state_dir / FILE_NAME, now_ms=config.clock.now_ms)
        )
        journal = await stack.enter_async_context(open_journal(config.alerting_dir / LEDGER_FILE))
        store = await stack.enter_async_context(
            open_store(config.district.store, district=config.district, state_dir=config.collector_dir)
        )
        newest = Newest(config.district)
        with contextlib.suppress(CollectorError):  # a store that is down is no reason to show nothing
            newest.remember(await store.latest())
        session = await stack.enter_async_context(_connect(config))
        asker = Asker(session)
        manual = await stack.enter_async_context(
            open_manual(
                config.state_dir / MANUAL_FILE,
                session,
                manual_topics(config.district.root_area),
                now_ms=config.clock.now_ms,
            )
        )
        gate = Gate(register, config.district, now_s=config.now_s)
        office = Office(
            district=config.district,
            files=files,
            state_dir=config.state_dir,
            clock=config.clock,
            store=store,
            register=register,
            gate=gate,
            administration=Administration(register, gate, config.district, now_s=config.now_s),
            journal=journal,
            stream=Stream(journal, now_ms=config.clock.now_ms),
            newest=newest,
            asker=asker,
            manual=manual,
            session=session,
            trial=Trial(config.district, files, config.history),
            drafting=Drafting(
                register, config.folder / RULES, now_ms=config.clock.now_ms, reload=asker.reload_rules
            ),
        )
        await stack.enter_async_context(_following(config, session, newest, asker, office))
        url = await stack.enter_async_context(_serving(config, office))
        yield Opening(url=url, office=office, first_word=await gate.invite_first())


async def run(config: ConsoleConfig, stop: asyncio.Event, said: Callable[[Opening], None]) -> None:
    """Serve until ``stop`` is set; ``said`` hears where.

    Raises:
        AddressError: The address is taken or none of ours.
        OSError: The state's folder cannot be written.
    """
    async with open_console(config) as opening:
        said(opening)
        await stop.wait()


def _connect(config: ConsoleConfig) -> contextlib.AbstractAsyncContextManager[Session]:
    return open_session(
        config.broker,
        client_id=f"tocsin-{config.district.id}-{SERVICE}",
        subscriptions=(*SUBSCRIPTIONS, manual_topics(config.district.root_area).ack),
        will=beat_will(topics.server_status(SERVICE), SERVICE),
    )


@contextlib.asynccontextmanager
async def _following(
    config: ConsoleConfig, session: Session, newest: Newest, asker: Asker, office: Office
) -> AsyncIterator[None]:
    tasks = [
        asyncio.create_task(newest.follow(session, asker, office.manual), name="console:newest"),
        asyncio.create_task(
            keep_beating(
                session, topics.server_status(SERVICE), SERVICE, clock=config.clock, counters=office.counters
            ),
            name="console:beat",
        ),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextlib.asynccontextmanager
async def _serving(config: ConsoleConfig, office: Office) -> AsyncIterator[str]:
    """Serve while the block runs; the address."""
    listener = _listen(config.host, config.port)
    port = listener.getsockname()[1]
    secure = config.certificate is not None
    settings = uvicorn.Config(
        build_site(office),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=str(config.certificate) if config.certificate else None,
        ssl_keyfile=str(config.key) if config.key else None,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    server = _Server(settings)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="console:serve")
    try:
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(0.01)
        host = f"[{config.host}]" if ":" in config.host else config.host
        yield f"{'https' if secure else 'http'}://{host}:{port}"
    finally:
        office.stream.close()
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        raise AddressError(host, port, exc.strerror or str(exc)) from exc
    return listener
