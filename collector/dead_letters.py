"""What could not be stored, and why: a file of JSON lines for the people who find out what went wrong."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from collector.errors import StoreDownError
from transport.batch import Sample

_MOST_BYTES = 64 * 1024 * 1024


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that will never be in the store."""

    kind: Literal["message", "sample"]
    reason: str
    at_ms: int  # event time of the refusal
    topic: str | None = None
    payload: str | None = None  # of a message
    sample: Sample | None = None


class DeadLetters:
    """Appends to one file; a full one makes way and the one before it is forgotten."""

    def __init__(self, path: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep letters; they are durable on return.

        Raises:
            StoreDownError: The disk refuses; a later attempt may succeed.
        """
        body = b"".join(msgspec.json.encode(letter) + b"\n" for letter in letters)
        try:
            await asyncio.to_thread(self._append, body)
        except OSError as exc:
            raise StoreDownError(f"dead letters {self._path}: {exc}") from exc

    def _append(self, body: bytes) -> None:
        if self._path.exists() and self._path.stat().st_size + len(body) > self._most_bytes:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        with self._path.open("ab") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
