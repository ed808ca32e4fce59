"""An outage test: the agent's way to the broker is really cut, and what was read meanwhile must arrive.

The agent runs with its own spool and its own buses; between it and the broker stands a small relay that is
cut and mended. What the spool took during the cut is named by sequence, and the consumers' own
acknowledgements, heard on another connection, say when they had it.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from edge.app import CONSUMERS, SPOOL, EdgeConfig, run
from transport.acks import decode_ack
from transport.batch import Batch, decode_batch
from transport.errors import WireError
from transport.measurement import to_ms
from transport.session import Endpoint, Session, open_session
from transport.topics import GatewayTopics

_LOOK_EVERY_S = 0.05
_CONNECT_WITHIN_S = 5.0
_CHUNK = 65536
_SINCE = "SELECT body FROM message WHERE id > ? ORDER BY id"
_LAST = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'message'"


@dataclass(slots=True, kw_only=True)
class Outage:
    """What an outage test showed."""

    cut_at: datetime | None = None  # none: nothing was acknowledged before, so nothing could be shown
    mended_at: datetime | None = None
    epoch: str = ""
    sequences: list[int] = field(default_factory=list)
    readings: Mapping[str, int] = field(default_factory=dict)  # taken during the cut, by device
    arrived_after_s: dict[str, float] = field(default_factory=dict)  # by consumer, once it had all of them
    missing: dict[str, list[int]] = field(default_factory=dict)  # by consumer, what it never acknowledged

    @property
    def is_passed(self) -> bool:
        """Whether something was read during the cut, and every consumer has all of it."""
        return bool(self.sequences) and set(self.arrived_after_s) == set(CONSUMERS)


class Acknowledged:
    """What one consumer has said that it has."""

    def __init__(self) -> None:
        self.ranges: list[tuple[str, int, int]] = []

    def lacks(self, batches: Sequence[Batch]) -> list[int]:
        """The sequence numbers of those that it has not acknowledged."""
        return [
            batch.seq
            for batch in batches
            if not any(epoch == batch.epoch and low <= batch.seq <= high for epoch, low, high in self.ranges)
        ]


class Relay:
    """A way to the broker that can be cut; made by :func:`open_relay`."""

    def __init__(self, target: Endpoint) -> None:
        self.port = 0
        self._target = target
        self._is_cut = False
        self._lines: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break what is connected, and refuse everybody until :meth:`mend`."""
        self._is_cut = True
        for line in list(self._lines):
            line.transport.abort()

    def mend(self) -> None:
        """Let them through again."""
        self._is_cut = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to the broker, both ways, until either side ends it."""
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                there, back = await asyncio.open_connection(self._target.host, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        self._lines |= {writer, back}
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            self._lines -= {writer, back}
            writer.transport.abort()
            back.transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def open_relay(target: Endpoint) -> AsyncIterator[Relay]:
    """A relay to ``target`` on a free port of the loopback, while the block runs."""
    relay = Relay(target)
    server = await asyncio.start_server(relay.carry, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        relay.cut()
        server.close()


async def try_outage(config: EdgeConfig, *, lasting_s: float, patience_s: float) -> Outage:
    """Run the agent, cut its way to the broker for so long, mend it, and wait for what was read meanwhile.

    Args:
        config: The agent; it must not run already.
        lasting_s: How long the way is cut.
        patience_s: How long the consumers may take to acknowledge: before the cut anything, after it all.

    Raises:
        EdgeSpecError: The district asks the agent for something impossible.
        EndpointError: A TLS file is missing or no certificate.
    """
    area = config.district.gateways[config.gateway].area
    topics = GatewayTopics(area, config.gateway)
    acknowledged = {consumer: Acknowledged() for consumer in CONSUMERS}
    outage = Outage()
    async with (
        open_relay(config.broker) as relay,
        open_session(
            config.broker, client_id=f"tocsin-report-{config.gateway}", subscriptions=[topics.ack]
        ) as witness,
        _background(_listen(witness, acknowledged)),
    ):
        through = replace(config.broker, host="127.0.0.1", port=relay.port)
        async with _agent(replace(config, broker=through)):
            if not await _until(lambda: all(has.ranges for has in acknowledged.values()), patience_s):
                return outage
            relay.cut()
            outage.cut_at = cut_at = datetime.now(UTC)
            mark = await asyncio.to_thread(_last_number, config.state_dir / SPOOL)
            await asyncio.sleep(lasting_s)
            kept = await asyncio.to_thread(_kept_since, config.state_dir / SPOOL, mark)
            relay.mend()
            outage.mended_at = datetime.now(UTC)
            outage.epoch = kept[0].epoch if kept else ""
            outage.sequences = [batch.seq for batch in kept]
            outage.readings = _readings_since(to_ms(cut_at), kept)
            await _await_arrival(outage, kept, acknowledged, patience_s)
    return outage


def _readings_since(began_ms: int, kept: Sequence[Batch]) -> dict[str, int]:
    return Counter(sample.device for batch in kept for sample in batch.samples() if sample.at_ms >= began_ms)


async def _await_arrival(
    outage: Outage, kept: Sequence[Batch], acknowledged: Mapping[str, Acknowledged], patience_s: float
) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    def all_have() -> bool:
        for consumer, has in acknowledged.items():
            if consumer not in outage.arrived_after_s and not has.lacks(kept):
                outage.arrived_after_s[consumer] = loop.time() - began_s
        return len(outage.arrived_after_s) == len(acknowledged)

    await _until(all_have, patience_s)
    outage.missing = {consumer: lacks for consumer, has in acknowledged.items() if (lacks := has.lacks(kept))}


async def _listen(witness: Session, acknowledged: Mapping[str, Acknowledged]) -> None:
    while True:
        for message in await witness.receive(most=100):
            with suppress(WireError):
                ack = decode_ack(message.payload)
                if ack.consumer in acknowledged:
                    acknowledged[ack.consumer].ranges += [(ack.epoch, *ends) for ends in ack.ranges]


@asynccontextmanager
async def _agent(config: EdgeConfig) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(config, stop), name="agent")
        try:
            yield
        finally:
            stop.set()


@asynccontextmanager
async def _background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name="acknowledgements")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _until(condition: Callable[[], bool], within_s: float) -> bool:
    deadline_s = asyncio.get_running_loop().time() + within_s
    while not condition():
        if asyncio.get_running_loop().time() > deadline_s:
            return False
        await asyncio.sleep(_LOOK_EVERY_S)
    return True


def _last_number(spool: Path) -> int:
    with closing(sqlite3.connect(f"file:{spool}?mode=ro", uri=True)) as connection:
        return int(connection.execute(_LAST).fetchone()[0])


def _kept_since(spool: Path, mark: int) -> list[Batch]:
    with closing(sqlite3.connect(f"file:{spool}?mode=ro", uri=True)) as connection:
        return [decode_batch(body) for (body,) in connection.execute(_SINCE, (mark,))]
