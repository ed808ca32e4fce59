"""The rules engine as a process: builds its parts, connects them, and ends them cleanly."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import msgspec
import structlog

from district.inventory import District
from rules.desk import Desk, open_desk
from rules.displays import Displays
from rules.journal import open_journal
from rules.reload import Reload, Reloaded, read_anew
from rules.rulebook import Rulebook
from rules.state import Announced
from rules.transition import Announcement, Level, encode_announcement
from transport import topics
from transport.acks import Acknowledger
from transport.batch import decode_batch
from transport.beat import BEAT_EVERY_S, beat_will, keep_beating
from transport.clock import Clock
from transport.courier import Courier
from transport.errors import NotConnectedError, WireError
from transport.metrics import Facts, counted, serve_facts
from transport.outbox import Outbox, open_outbox
from transport.session import Endpoint, Message, Session, open_session
from transport.wire import read_json

log = structlog.get_logger(__name__)

SERVICE = "rules"
CONSUMER = "rules"
ALERTING = "alerting"
JOURNAL_FILE = "journal.sqlite"
OUTBOX_FILE = "outbox.sqlite"

_STANDING_EVERY_S = 60.0  # wall time
_TICK_EVENT_S = 10.0  # event time, as far as the wall allows:
_TICK_WALL_S = (0.25, 10.0)  # at most and at least so often
_COMMANDS = topics.server_command(SERVICE)
_reload_decoder = msgspec.json.Decoder(Reload)
_RELOAD_S = 0.05  # so often rules that are being read anew are looked for
_BY_SIGNAL = "signal"
_MOST = 256  # messages journalled as one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesConfig:
    """What one rules engine needs to know."""

    district: District
    rulebook: Rulebook
    broker: Endpoint
    state_dir: Path
    clock: Clock
    load: Callable[[], Rulebook] | None = None  # reads the rules anew when somebody asks for it
    beat_every_s: float = BEAT_EVERY_S  # wall time
    standing_every_s: float = _STANDING_EVERY_S
    drain_s: float = 1.5  # how long after a stop transitions may still be acknowledged
    metrics: tuple[str, int] | None = None  # where /metrics may be asked for


async def run(config: RulesConfig, stop: asyncio.Event, edited: asyncio.Event | None = None) -> None:
    """Judge what the gateways send and announce what changes, until ``stop`` is set and all is closed.

    Each time ``edited`` is set the rules are read anew.

    Raises:
        EndpointError: A TLS file of the broker is missing.
        sqlite3.Error: The disk refuses.
    """
    district, clock = config.district, config.clock
    root = district.root_area
    status = topics.server_status(SERVICE)
    async with (
        open_journal(config.state_dir / JOURNAL_FILE) as journal,
        open_outbox(config.state_dir / OUTBOX_FILE, epoch=journal.epoch, consumers=[ALERTING]) as outbox,
    ):
        desk = await open_desk(journal, outbox, config.rulebook, clock.now_ms())
        async with open_session(
            config.broker,
            client_id=f"tocsin-{district.id}-{SERVICE}",
            subscriptions=[
                topics.ANY_LIVE,
                topics.any_replay(CONSUMER),
                topics.transition_ack(root),
                topics.server_command(SERVICE),
            ],
            will=beat_will(status, SERVICE),
        ) as session:
            topic = topics.transition(root)
            courier = Courier(outbox, session, live_topic=topic, replay_topics={ALERTING: topic})
            acknowledger = Acknowledger(session, CONSUMER)
            displays = Displays(session, district)
            displays.show(desk.engine.latest())
            office = _Office(config, desk, session, courier, acknowledger, displays)
            facts = Facts(
                SERVICE,
                lambda: counted(office.counters()),
                lambda: {"broker": session.connected.is_set()},
            )
            async with serve_facts(config.metrics, facts), asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(courier.run(), name="rules:courier"),
                    tasks.create_task(acknowledger.run(), name="rules:acknowledge"),
                    tasks.create_task(displays.run(), name="rules:displays"),
                    tasks.create_task(office.heed(edited), name="rules:edited"),
                    tasks.create_task(office.repeat_standing(topic, journal.epoch), name="rules:standing"),
                    tasks.create_task(
                        keep_beating(
                            session,
                            status,
                            SERVICE,
                            clock=clock,
                            counters=office.counters,
                            every_s=config.beat_every_s,
                        ),
                        name="rules:beat",
                    ),
                ]
                await office.work(stop)
                await office.drain(outbox)
                for task in running:
                    task.cancel()
            await acknowledger.flush()
            await desk.keep_snapshot(at_once=True)


class _Office:
    """Takes messages and ticks one after the other: the order of the journal is the order of judging."""

    def __init__(  # noqa: PLR0917  (built in one place)
        self,
        config: RulesConfig,
        desk: Desk,
        session: Session,
        courier: Courier,
        acknowledger: Acknowledger,
        displays: Displays,
    ) -> None:
        self._config = config
        self._desk = desk
        self._session = session
        self._courier = courier
        self._acknowledger = acknowledger
        self._displays = displays
        self._ack_topic = topics.transition_ack(config.district.root_area)
        self._heard = 0  # the connection over which the engine hears
        self._read: list[asyncio.Task[tuple[Rulebook | None, Reloaded]]] = []  # rules being read anew
        self._tally = {"batches": 0, "ticks": 0, "refused": 0}
        shortest_s, longest_s = _TICK_WALL_S
        self._tick_s = min(longest_s, max(shortest_s, _TICK_EVENT_S / config.clock.speed))

    def counters(self) -> dict[str, float]:
        """What the engine has done since it started."""
        engine = self._desk.engine
        return {
            **self._tally,
            "samples": engine.samples,
            "late": engine.late,
            "transitions": engine.state.ordinal,
            "dropped": self._session.dropped,
        }

    async def work(self, stop: asyncio.Event) -> None:
        """Take messages and ticks until ``stop`` is set; what has been begun is finished."""
        stopping = asyncio.create_task(stop.wait(), name="rules:stop")
        next_tick_s = monotonic() + self._tick_s
        try:
            while not stop.is_set():
                self._listen()
                wait_s = next_tick_s - monotonic()
                await self._take(
                    await self._receive(min(wait_s, _RELOAD_S) if self._read else wait_s, stopping)
                )
                await self._take_over()
                if monotonic() >= next_tick_s:
                    next_tick_s = monotonic() + self._tick_s
                    await self._tick()
                await self._desk.keep_snapshot()
        finally:
            stopping.cancel()
            for each in self._read:
                each.cancel()

    async def drain(self, outbox: Outbox) -> None:
        """Go on until alerting has everything, or for as long as is allowed."""
        deadline_s = monotonic() + self._config.drain_s
        while monotonic() < deadline_s and await outbox.depth():
            await self._take(await self._receive(0.05, None))

    async def repeat_standing(self, topic: str, epoch: str) -> None:
        """Say every active alarm again at an interval, so that alerting converges after any restart."""
        while True:
            await asyncio.sleep(self._config.standing_every_s)
            standing = [each for each in self._desk.engine.latest() if each.transition.to is not Level.NORMAL]
            for each in standing:
                again = Announcement(epoch=epoch, seq=each.ordinal, transition=each.transition, standing=True)
                with suppress(NotConnectedError):
                    await self._session.publish(topic, encode_announcement(again))

    async def _receive(self, within_s: float, stopping: asyncio.Task[bool] | None) -> list[Message]:
        """Messages that come within a time; none if it passes or the engine shall stop."""
        receiving = asyncio.create_task(self._session.receive(most=_MOST), name="rules:receive")
        awaited: set[asyncio.Task[list[Message]] | asyncio.Task[bool]] = {receiving}
        if stopping is not None:
            awaited.add(stopping)
        await asyncio.wait(awaited, timeout=max(0.0, within_s), return_when=asyncio.FIRST_COMPLETED)
        if not receiving.done():
            receiving.cancel()
        with suppress(asyncio.CancelledError):
            return await receiving
        return []

    def _listen(self) -> None:
        """Note a new connection: the time without one counts as nobody's silence."""
        if self._session.connected.is_set() and self._heard != self._session.generation:
            self._heard = self._session.generation
            self._desk.hear(self._config.clock.now_ms())

    async def _tick(self) -> None:
        if self._session.connected.is_set():
            self._tally["ticks"] += 1
            await self._announce(self._desk.tick(self._config.clock.now_ms()))

    async def _take(self, messages: list[Message]) -> None:
        """Commit, acknowledge, judge, announce."""
        kept = []
        for message in messages:
            try:
                if message.topic == self._ack_topic:
                    await self._courier.heard(message.payload)
                elif message.topic == _COMMANDS:
                    self.reload(read_json(message.payload, _reload_decoder, what="a request"))
                else:
                    kept.append((message, decode_batch(message.payload)))
            except WireError as exc:
                self._tally["refused"] += 1
                log.warning("message-refused", topic=message.topic, reason=str(exc))
        if not kept:
            return
        now_ms = self._config.clock.now_ms()
        await self._desk.keep([(message.payload, batch) for message, batch in kept], now_ms)
        for message, batch in kept:
            self._acknowledger.committed(topics.gateway_of(message.topic).ack, batch.epoch, batch.seq)
        self._tally["batches"] += len(kept)
        for _, batch in kept:
            await self._announce(self._desk.judge(batch, now_ms))

    def reload(self, request: Reload) -> None:
        """Have the rules read anew beside the judging; they are taken over between two batches."""
        if self._config.load is not None:
            before = self._desk.engine.rulebook
            reading = asyncio.to_thread(read_anew, request, self._config.load, before)
            self._read.append(asyncio.create_task(reading, name="rules:reload"))

    async def heed(self, edited: asyncio.Event | None) -> None:
        """Read the rules anew whenever somebody at this machine asks for it."""
        while edited is not None:
            await edited.wait()
            edited.clear()
            self.reload(Reload(id=_BY_SIGNAL))

    async def _take_over(self) -> None:
        """Take over rules that have been read, and say so."""
        while self._read and self._read[0].done():
            rulebook, answer = await self._read.pop(0)
            if rulebook is not None:
                now_ms = self._config.clock.now_ms()
                self._displays.show(await self._desk.take_over(rulebook, now_ms, self._courier))
            say = log.info if answer.ok else log.error
            say("rules-taken-over" if answer.ok else "rules-refused", what=answer.en)
            with suppress(NotConnectedError):  # whoever asked asks again
                await self._session.publish(topics.server_answer(SERVICE), msgspec.json.encode(answer))

    async def _announce(self, announced: list[Announced]) -> None:
        await self._desk.announce(announced, self._courier)
        self._displays.show(announced)
