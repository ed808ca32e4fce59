"""The engine with its journal and its outbox: what comes is kept, then judged, then announced.

A restart finds the state of the moment it was killed: the snapshot, and the journal's entries judged again.
What they announced once is not announced again, for it has the same number.
"""

import asyncio
from collections.abc import Sequence

import structlog

from rules.calm import CalmEngine
from rules.journal import Entry, Journal, Kind, Snapshot
from rules.plain import Engine
from rules.rulebook import Rulebook, decode_rulebook, encode_rulebook
from rules.state import Announced, decode_state, encode_state
from rules.transition import Announcement, encode_announcement
from transport.batch import Batch, decode_batch
from transport.courier import Courier
from transport.outbox import Outbox

log = structlog.get_logger(__name__)

_SNAPSHOT_EVERY = 2000  # entries; so many are judged again at the most after a kill


class Desk:
    """One engine's business, one thing after the other; made by :func:`open_desk`."""

    def __init__(self, engine: Engine, journal: Journal) -> None:
        self.engine = engine
        self._journal = journal
        self._entries = 0  # since the snapshot

    async def keep(self, batches: Sequence[tuple[bytes, Batch]], now_ms: int) -> None:
        """Commit batches to the journal; durable on return, not judged yet.

        Raises:
            sqlite3.Error: The disk refuses; nothing was kept.
        """
        await self._journal.append([Entry(Kind.BATCH, now_ms, payload) for payload, _ in batches])
        self._entries += len(batches)

    def judge(self, batch: Batch, now_ms: int) -> list[Announced]:
        """Judge a batch that has been kept."""
        return self.engine.take(batch, now_ms)

    def tick(self, now_ms: int) -> list[Announced]:
        """Judge what passing time changes."""
        self._journal.note(Entry(Kind.TICK, now_ms))
        self._entries += 1
        return self.engine.tick(now_ms)

    def hear(self, now_ms: int) -> None:
        """Note that from now on the engine hears the broker."""
        self._journal.note(Entry(Kind.HEARING, now_ms))
        self._entries += 1
        self.engine.hear(now_ms)

    async def announce(self, announced: Sequence[Announced], courier: Courier) -> None:
        """Record transitions for good, hand them to the outbox and let them go.

        Raises:
            sqlite3.Error: The disk refuses; a restart announces what is missing.
        """
        if announced:
            await self._journal.record(announced)
            epoch = self._journal.epoch
            await asyncio.gather(*(courier.send(each.ordinal, as_message(each, epoch)) for each in announced))

    async def take_over(self, rulebook: Rulebook, now_ms: int, courier: Courier) -> list[Announced]:
        """Judge by other rules from now on; what they change at once is announced, and returned.

        Raises:
            sqlite3.Error: The disk refuses; at its next start the engine takes over what is on disk then.
        """
        before = self.engine.rulebook
        self.engine.make_up()
        self.engine = CalmEngine(rulebook, self.engine.state)
        announced = self.engine.adopt(before, now_ms)
        await self.announce(announced, courier)
        state = self.engine.state
        snapshot = Snapshot(state.ordinal, encode_state(state))
        await self._journal.keep_snapshot(snapshot, rulebook=encode_rulebook(rulebook))
        self._entries = 0
        return announced

    async def keep_snapshot(self, *, at_once: bool = False) -> None:
        """Replace the snapshot if enough has come since; to be called when everything kept is judged.

        Raises:
            sqlite3.Error: The disk refuses; the old snapshot and all entries are still there.
        """
        if self._entries >= _SNAPSHOT_EVERY or (at_once and self._entries):
            state = self.engine.state
            await self._journal.keep_snapshot(Snapshot(state.ordinal, encode_state(state)))
            self._entries = 0


async def open_desk(journal: Journal, outbox: Outbox, rulebook: Rulebook, now_ms: int) -> Desk:
    """Restore the engine from its journal and complete what a kill may have cut off.

    What was journalled under other rules is judged again by those; then the engine takes over the new ones.

    Raises:
        sqlite3.Error: The disk refuses.
        msgspec.MsgspecError: The journal is of another version.
    """
    kept = await journal.load()
    engine = CalmEngine(rulebook)
    if kept is not None:
        before = rulebook
        if kept.rulebook != encode_rulebook(rulebook):
            before = decode_rulebook(kept.rulebook)
        edited = before.fingerprint != rulebook.fingerprint
        engine = CalmEngine(before if edited else rulebook, decode_state(kept.snapshot.body))
        announced = replay(engine, kept.entries)
        if edited:
            engine.make_up()
            engine = CalmEngine(rulebook, engine.state)
            announced += engine.adopt(before, now_ms)
        await journal.record(announced)
        for each in await journal.announced_since(kept.snapshot.ordinal):
            await outbox.append(each.ordinal, as_message(each, journal.epoch))
    state = engine.state
    await journal.keep_snapshot(
        Snapshot(state.ordinal, encode_state(state)), rulebook=encode_rulebook(rulebook)
    )
    log.info("rules-restored", entries=len(kept.entries) if kept else 0, transitions=state.ordinal)
    return Desk(engine, journal)


def replay(engine: Engine, entries: Sequence[Entry]) -> list[Announced]:
    """Judge journal entries again."""
    announced = []
    for entry in entries:
        if entry.kind is Kind.BATCH:
            announced += engine.take(decode_batch(entry.body), entry.now_ms)
        elif entry.kind is Kind.TICK:
            announced += engine.tick(entry.now_ms)
        else:
            engine.hear(entry.now_ms)
    return announced


def as_message(announced: Announced, epoch: str) -> bytes:
    """A transition as it travels."""
    return encode_announcement(
        Announcement(epoch=epoch, seq=announced.ordinal, transition=announced.transition)
    )
