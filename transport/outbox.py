"""The outbox: messages kept on disk until every consumer has acknowledged them.

Edge spools batches in one, the rules engine its transitions. Appends and acknowledgements that wait together
are committed together.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from transport.acks import Ack
from transport.outbox_file import Append, Entry, Keeping, OutboxFile

_Result = TypeVar("_Result")


class Fill(NamedTuple):
    """How full an outbox is."""

    messages: int  # that some consumer lacks
    lacking: dict[str, int]  # by consumer
    used_bytes: int  # of the file
    oldest: bytes | None  # the body of the oldest message


class Outbox:
    """Messages of one sender, numbered ``seq`` within ``epoch``; made by :func:`open_outbox`."""

    def __init__(
        self, file: OutboxFile, consumers: Sequence[str], given_up: Callable[[Sequence[bytes]], None]
    ) -> None:
        self.epoch = file.epoch
        self.path = str(file.path)
        self.consumers = tuple(consumers)
        self.appended = asyncio.Event()
        self.acknowledged = asyncio.Event()
        self._file = file
        self._given_up = given_up
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._last_seq = file.appended_before
        self._waiting: list[tuple[Append | Ack, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None

    def next_seq(self) -> int:
        """Reserve the number of the next message."""
        self._last_seq += 1
        return self._last_seq

    async def append(self, seq: int, body: bytes, *, urgent: bool = False) -> None:
        """Keep a message; it is durable on return.

        One numbered at or below the highest that earlier runs appended in this epoch changes nothing: a
        sender that restarts and comes to the same messages again sends each once.

        Raises:
            sqlite3.Error: The disk refuses or the number is taken; the message is not kept.
        """
        await self._commit(Append(seq, body, urgent))
        self.appended.set()

    async def acknowledge(self, ack: Ack) -> None:
        """Note what a consumer has; a message that all consumers have is deleted.

        Raises:
            sqlite3.Error: The disk refuses; the message will be sent and acknowledged again.
        """
        if ack.consumer in self.consumers:
            await self._commit(ack)
            self.acknowledged.set()

    async def rewrite(self, numbers: Iterable[int], change: Callable[[int, bytes], bytes]) -> None:
        """Change the bodies of messages of this run that no consumer has, all or none of them.

        Raises:
            sqlite3.Error: The disk refuses; nothing is changed.
        """
        await self._in_thread(partial(self._file.rewrite, list(numbers), change))

    async def backlog(self, consumer: str, *, most: int) -> list[Entry]:
        """The oldest messages that ``consumer`` lacks."""
        return await self._in_thread(partial(self._file.backlog, consumer, most))

    async def depth(self) -> int:
        """How many messages some consumer lacks."""
        return await self._in_thread(self._file.depth)

    async def fill(self) -> Fill:
        """How full it is, and of what."""
        return await self._in_thread(self._measure)

    def _measure(self) -> Fill:
        file = self._file
        return Fill(
            messages=file.depth(),
            lacking={consumer: file.depth(consumer) for consumer in self.consumers},
            used_bytes=file.used_bytes(),
            oldest=file.oldest(),
        )

    async def _commit(self, operation: Append | Ack) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((operation, done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_waiting())
        await done

    async def _commit_waiting(self) -> None:
        """Commit whatever waits as one transaction, until nothing waits."""
        while self._waiting:
            group, self._waiting = self._waiting, []
            operations = [operation for operation, _ in group]
            try:
                given_up = await self._in_thread(partial(self._file.write, operations))
                if given_up:
                    self._given_up(given_up)
            except Exception as exc:  # noqa: BLE001  (whatever it is, those who wait must hear of it)
                for _, done in group:
                    if not done.done():
                        done.set_exception(exc)
            else:
                for _, done in group:
                    if not done.done():
                        done.set_result(None)
        self._committing = None

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Commit what waits and close the file."""
        if self._committing is not None:
            await self._committing
        await self._in_thread(self._file.close)
        self._thread.shutdown()


@asynccontextmanager
async def open_outbox(
    path: Path, *, epoch: str, consumers: Sequence[str], keeping: Keeping | None = None
) -> AsyncIterator[Outbox]:
    """Open or make the outbox at ``path``.

    Args:
        path: The SQLite file.
        epoch: Names this run of the sender; a new random one where the sender starts counting anew, the old
            one where it goes on with its numbers.
        consumers: Who must acknowledge each message. One that is no longer named here is waited for no more.
        keeping: How large it may grow, and whether a broken file is mended; else it grows with what is not
            acknowledged, and a broken file is an error.

    Raises:
        sqlite3.Error: The file is no outbox or the disk refuses.
    """
    keeping = keeping or Keeping()
    file = OutboxFile(path, epoch=epoch, consumers=consumers, keeping=keeping)
    outbox = Outbox(file, consumers, keeping.given_up)
    try:
        yield outbox
    finally:
        await outbox.close()
