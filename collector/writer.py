"""Putting samples into a store that may be down for a while or refuse some of them."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from collector.block import Block, size_of
from collector.dead_letters import DeadLetter, DeadLetters
from collector.errors import StoreDownError, StoreRefusedError
from collector.store import Store
from transport.batch import Sample
from transport.clock import Clock

log = structlog.get_logger(__name__)

_BACKOFF_S = (0.2, 10.0)


@dataclass(slots=True)
class Tally:
    """What the collector has done since it started."""

    batches: int = 0  # acknowledged, repeats included
    stored: int = 0  # samples, repeats included
    refused: int = 0  # samples that are none, or that the store will never take
    dead_letters: int = 0  # of those and of messages that are no batches
    lag_s: float = 0.0  # event time from the taking of the newest message's last sample to its commit
    store_down: int = 0  # 1 while the store is down
    dropped: int = 0  # messages that found no room while the store was down; they come again


class Writer:
    """Writes to one store until everything is kept: there or, refused, among the dead letters."""

    def __init__(self, store: Store, dead_letters: DeadLetters, *, clock: Clock, tally: Tally) -> None:
        self._store = store
        self._dead_letters = dead_letters
        self._clock = clock
        self._tally = tally

    async def write(self, blocks: Sequence[Block]) -> None:
        """Keep samples, however long it takes; each is durable on return.

        What the store refuses is halved until the poison is alone: it becomes a dead letter, the rest is
        stored. The attempts are logarithmic in the size: first between blocks, then inside one.
        """
        parts = [blocks]
        while parts:
            part = parts.pop()
            try:
                await self._until_up(partial(self._store.write, part))
            except StoreRefusedError as exc:
                if len(part) > 1:
                    half = len(part) // 2
                    parts += [part[half:], part[:half]]
                elif part[0].size > 1:
                    first, second = part[0].halves()
                    parts += [[second], [first]]
                else:
                    [sample] = part[0].samples()
                    await self._bury(sample, str(exc))
            else:
                self._tally.stored += size_of(part)

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep the dead letters of one message, however long it takes; they are durable on return."""
        first = letters[0]
        log.warning(
            "dead-letter", kind=first.kind, reason=first.reason, topic=first.topic, letters=len(letters)
        )
        await self._until_up(partial(self._dead_letters.put, letters))
        self._tally.dead_letters += len(letters)
        self._tally.refused += sum(letter.kind == "sample" for letter in letters)

    async def _bury(self, sample: Sample, reason: str) -> None:
        letter = DeadLetter(kind="sample", reason=reason, at_ms=self._clock.now_ms(), sample=sample)
        await self.bury([letter])

    async def _until_up(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Try until the attempt ends in another way than that the store is down."""
        backoff_s, longest_s = _BACKOFF_S
        while True:
            try:
                await attempt()
            except StoreDownError as exc:
                if not self._tally.store_down:
                    log.warning("store-down", reason=str(exc))
                self._tally.store_down = 1
                await asyncio.sleep(max(exc.retry_after_s, backoff_s * random.uniform(0.5, 1.0)))
                backoff_s = min(longest_s, backoff_s * 2)
            else:
                break
        if self._tally.store_down:
            log.info("store-back")
        self._tally.store_down = 0
