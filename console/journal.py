"""Follows alerting's ledger: what is new goes to every screen, and each entry is known by its story.

The ledger is the one truth; here stand only the numbers of its entries. Number = event id: whoever comes back
after sleep names the last one they have, and gets what follows, once.
"""

import asyncio
import sqlite3
from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import structlog

from alerting.ledger import Kind
from alerting.threads import MessageKind

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 0.1  # wall time
_MOST = 2000  # entries read at once
_MOST_SINCE = 200_000  # that a report counts
_Result = TypeVar("_Result")
_Row = tuple[int, int, str, str, bytes]


class Fact(NamedTuple):
    """One entry of the ledger, and the story it belongs to (none: no story's)."""

    seq: int
    at_ms: int
    kind: str
    name: str
    body: bytes
    thread: str
    episode: int


class Mark(NamedTuple):
    """One message of a story, for the timeline."""

    at_ms: int
    seq: int
    thread: str
    episode: int
    level: str
    kind: str


class _Body(msgspec.Struct):
    """What of an entry says where it belongs."""

    thread: str = ""
    kind: str = ""
    level: str = ""


_body_decoder = msgspec.json.Decoder(_Body)


class Journal:
    """What the ledger holds, by story; made by :func:`open_journal`."""

    def __init__(self, path: Path, thread: ThreadPoolExecutor) -> None:
        self._path = path
        self._thread = thread
        self._connection: sqlite3.Connection | None = None
        self._last = 0
        self._ill = False  # said once
        self._episodes: dict[str, int] = {}
        self._over: set[str] = set()  # threads whose episode has ended
        self._messages: dict[str, tuple[str, int]] = {}  # identifier to its story
        self._seqs: dict[tuple[str, int], list[int]] = {}
        self._stories: list[tuple[str, int]] = []
        self._numbers: dict[tuple[str, int], int] = {}  # of each story in that list
        self._placed = array("L")  # the story's number of each entry; entries are numbered from 1 on
        self._marks: list[Mark] = []
        self._news: list[Callable[[Sequence[Fact]], None]] = []
        self._moved = asyncio.Condition()

    @property
    def is_there(self) -> bool:
        """Whether there is a ledger that can be read."""
        return self._connection is not None and not self._ill

    @property
    def last(self) -> int:
        """The number of the newest entry that is known."""
        return self._last

    @property
    def marks(self) -> Sequence[Mark]:
        """Every message of every story, oldest first."""
        return self._marks

    def episodes(self, thread: str) -> int:
        """How many episodes a thread has had."""
        return self._episodes.get(thread, 0)

    def stories(self) -> Iterable[tuple[str, int]]:
        """Every story: a thread and the number of its episode."""
        return self._seqs

    def story_of(self, identifier: str) -> tuple[str, int] | None:
        """The story that a message belongs to."""
        return self._messages.get(identifier)

    def on_news(self, hear: Callable[[Sequence[Fact]], None]) -> None:
        """Have what is new told to ``hear``, in the order of the ledger."""
        self._news.append(hear)

    async def reached(self, seq: int, within_s: float) -> bool:
        """Wait until an entry is known; whether it came in time."""
        try:
            async with asyncio.timeout(within_s), self._moved:
                await self._moved.wait_for(lambda: self._last >= seq)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Look for new entries until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Take what is new."""
        while self._connection is not None or self._path.exists():  # alerting makes it at its first start
            try:
                rows = await self._in_thread(partial(self._rows, "seq > ?", (self._last,)))
            except sqlite3.Error as exc:  # alerting is only just making it, or the disk is ill
                if not self._ill:
                    log.warning("ledger-unreadable", ledger=str(self._path), reason=str(exc))
                self._ill = True
                return
            self._ill = False
            facts = [self._place(row) for row in rows]
            if facts:
                for hear in self._news:
                    hear(facts)
                async with self._moved:
                    self._moved.notify_all()
            if len(rows) < _MOST:
                return

    async def after(self, seq: int, most: int = _MOST) -> list[Fact]:
        """Entries that follow number ``seq``, oldest first."""
        rows = await self._in_thread(partial(self._rows, "seq > ?", (seq,), most=most))
        return [self._known(row) for row in rows if row[0] <= self._last]

    async def since(self, from_ms: int) -> list[Fact]:
        """Entries of stories from an instant on, oldest first; what people's copies came to is left out."""
        where = "at_ms >= ? AND kind IN ('transition', 'warning', 'case')"
        rows = await self._in_thread(partial(self._rows, where, (from_ms,), most=_MOST_SINCE))
        facts = (self._known(row) for row in rows if row[0] <= self._last)
        return [fact for fact in facts if fact.thread]

    async def story(self, thread: str, episode: int) -> list[Fact]:
        """All of one story, oldest first; none if there is no such story."""
        seqs = self._seqs.get((thread, episode), [])
        return await self._in_thread(partial(self._named, seqs, thread, episode))

    async def read(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Read alerting's database.

        Raises:
            sqlite3.Error: There is none yet, or it cannot be read.
        """
        return await self._in_thread(lambda: work(self._opened()))

    def close(self) -> None:
        """Close the file; on the thread that reads."""
        if self._connection is not None:
            self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        return self._connection

    def _rows(self, where: str, values: tuple[int, ...], *, most: int = _MOST) -> list[_Row]:
        query = f"SELECT seq, at_ms, kind, name, body FROM entry WHERE {where} ORDER BY seq LIMIT ?"  # noqa: S608
        return self._opened().execute(query, (*values, most)).fetchall()

    def _named(self, seqs: Sequence[int], thread: str, episode: int) -> list[Fact]:
        connection = self._opened()
        query = "SELECT seq, at_ms, kind, name, body FROM entry WHERE seq = ?"
        rows: list[_Row] = [connection.execute(query, (seq,)).fetchone() for seq in seqs]
        return [Fact(*row, thread, episode) for row in rows]

    def _place(self, row: _Row) -> Fact:
        """Find the story of a new entry, and remember it."""
        seq, at_ms, kind, name, body = row
        said = _body_decoder.decode(body)
        thread, episode = self._story(kind, name, said)
        if kind == Kind.WARNING:
            if said.kind == MessageKind.ALERT:
                episode = self._episodes[thread] = self._episodes.get(thread, 0) + 1
                self._over.discard(thread)
            elif said.kind == MessageKind.ALL_CLEAR:
                self._over.add(thread)
            self._messages[name] = (thread, episode)
            self._marks.append(Mark(at_ms, seq, thread, episode, said.level, said.kind))
        story = (thread, episode)
        self._seqs.setdefault(story, []).append(seq)
        if story not in self._numbers:
            self._numbers[story] = len(self._stories)
            self._stories.append(story)
        self._placed.append(self._numbers[story])
        self._last = seq
        return Fact(seq, at_ms, kind, name, body, thread, episode)

    def _known(self, row: _Row) -> Fact:
        thread, episode = self._stories[self._placed[row[0] - 1]]
        return Fact(*row, thread, episode)

    def _story(self, kind: str, name: str, said: _Body) -> tuple[str, int]:
        if kind in (Kind.RECEIPT, Kind.ATTEMPT):
            return self._messages.get(name, ("", 0))
        if kind == Kind.CASE:
            thread, _, number = name.rpartition(".")
            return (thread, int(number)) if number.isdecimal() else (name, self._episodes.get(name, 0))
        thread = name if kind == Kind.SHELF else said.thread
        episode = self._episodes.get(thread, 0)
        begins = kind == Kind.TRANSITION and (thread in self._over or not episode)
        return (thread, episode + 1) if begins and thread else (thread, episode)

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@asynccontextmanager
async def open_journal(path: Path) -> AsyncIterator[Journal]:
    """Follow the ledger at ``path`` while the block runs; it need not be there yet."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="console-ledger")
    journal = Journal(path, thread)
    following: asyncio.Task[None] | None = None
    try:
        await journal.look()
        following = asyncio.create_task(journal.run(), name="console:journal")
        yield journal
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(thread, journal.close)
        thread.shutdown()
