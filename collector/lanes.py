"""Two lanes between the wire and the store: live readings pass those that come again."""

import asyncio
from collections import deque
from collections.abc import Iterable

from transport.session import Message

_MOST_BYTES = 8 * 1024 * 1024  # in each lane


class _Lane:
    """Messages in the order they came; when it is full the oldest make way."""

    def __init__(self, most_bytes: int) -> None:
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._most_bytes = most_bytes

    def put(self, message: Message) -> int:
        """Add a message; how many made way for it."""
        self._messages.append(message)
        self._bytes += len(message.payload)
        dropped = 0
        while self._bytes > self._most_bytes and len(self._messages) > 1:
            self._bytes -= len(self._messages.popleft().payload)
            dropped += 1
        return dropped

    def take(self, most: int) -> list[Message]:
        """Remove the newest messages; they stay in their order."""
        taken = [self._messages.pop() for _ in range(min(most, len(self._messages)))]
        self._bytes -= sum(len(message.payload) for message in taken)
        return taken[::-1]


class Lanes:
    """What has been received and waits for the store.

    While the store is down the lanes fill and the oldest messages are dropped: the gateways keep what is not
    acknowledged and send it again, so the newest readings are the ones worth keeping here.
    """

    def __init__(self, *, most_bytes: int = _MOST_BYTES) -> None:
        self.dropped = 0
        self._live = _Lane(most_bytes)
        self._again = _Lane(most_bytes)
        self._some = asyncio.Event()

    def put(self, messages: Iterable[Message]) -> None:
        """Add messages in the order they came."""
        for message in messages:
            lane = self._live if message.topic.endswith("/live") else self._again
            self.dropped += lane.put(message)
        self._some.set()

    async def take(self, most: int) -> list[Message]:
        """Wait for messages, then take at most so many, the live and newest ones first."""
        while True:
            await self._some.wait()
            live = self._live.take(most)
            messages = live + self._again.take(most - len(live))
            if messages:
                return messages
            self._some.clear()
