"""The console channel: one line of JSON a message in a file that duty's screen shows.

The file is its own memory: a message whose key it holds is not written again, so a kill at any instant
neither loses nor repeats one. Messages that wait together are written together.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from alerting.cap import format_time
from alerting.channels.channel import Receipt, ReceiptState, Recipient, WarningMessage
from alerting.errors import ChannelDownError

FILE_NAME = "console.jsonl"


class _Line(msgspec.Struct, frozen=True):
    key: str


class ConsoleChannel:
    """Appends messages to one file; made by :func:`open_console`."""

    def __init__(self, file: BinaryIO, written: set[str], end: int, *, echo: bool) -> None:
        self._file = file
        self._written = written
        self._end = end
        self._echo = echo
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="console")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def send(self, warning: WarningMessage, to: Recipient) -> Receipt:
        """Write the message; it is on disk on return.

        Raises:
            ChannelDownError: The disk refuses.
        """
        if to.key in self._written:
            return Receipt(ReceiptState.DELIVERED, "written before")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((_format_line(warning, to), done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting(), name="console:write")
        await done
        self._written.add(to.key)
        if self._echo:
            texts = warning.texts[to.language]
            sys.stdout.write(f"{format_time(warning.sent)} {to.name}: {texts.headline}\n")
        return Receipt(ReceiptState.DELIVERED)

    async def close(self) -> None:
        """Write what waits and close the file."""
        if self._writing is not None:
            await self._writing
        self._thread.shutdown()
        self._file.close()

    async def _write_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            block = b"".join(line for line, _ in group)
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, partial(self._append, block))
            except OSError as exc:
                for _, done in group:
                    if not done.done():
                        done.set_exception(ChannelDownError(f"console: {exc}"))
            else:
                for _, done in group:
                    if not done.done():
                        done.set_result(None)
        self._writing = None

    def _append(self, block: bytes) -> None:
        try:
            if self._file.write(block) != len(block):
                raise OSError("the disk took only a part")  # noqa: TRY301
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(self._end)  # half a block must not stand before the next attempt
            raise
        self._end += len(block)


@asynccontextmanager
async def open_console(path: Path, *, echo: bool = False) -> AsyncIterator[ConsoleChannel]:
    """Open or make the file; a line that a kill cut short is taken away.

    Args:
        path: The file of JSON lines.
        echo: Whether each message is also said on standard output.

    Raises:
        OSError: The file cannot be written.
    """
    file = await asyncio.to_thread(path.open, "a+b", buffering=0)
    channel = ConsoleChannel(file, *await asyncio.to_thread(_recover, file), echo=echo)
    try:
        yield channel
    finally:
        await channel.close()


def _recover(file: BinaryIO) -> tuple[set[str], int]:
    """The keys that the file holds, and its length once a torn last line is taken away."""
    file.seek(0)
    content = file.read()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        file.truncate(end)
    keys = set()
    for line in content[:end].splitlines():
        with suppress(msgspec.MsgspecError):  # not ours: somebody wrote a note into the file
            keys.add(msgspec.json.decode(line, type=_Line).key)
    return keys, end


def _format_line(warning: WarningMessage, to: Recipient) -> bytes:
    texts = warning.texts[to.language]
    content = {
        "key": to.key,
        "sent": format_time(warning.sent),
        "identifier": warning.identifier,
        "thread": warning.thread,
        "msgType": warning.cap.msg_type,
        "level": warning.level.word,
        "person": to.person,
        "name": to.name,
        "headline": texts.headline,
        "description": texts.description,
        "instruction": texts.instruction,
    }
    return msgspec.json.encode(content) + b"\n"
