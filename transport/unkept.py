"""What the disk refused: messages in memory until it takes them, or until every consumer has them."""

from collections.abc import Callable, Iterator, Sequence

from transport.acks import Ack
from transport.outbox_file import Append, Entry

_MOST_BYTES = 16 * 1024 * 1024


class Unkept:
    """Messages of one run that are on no disk, oldest first.

    Args:
        epoch: The run whose messages these are.
        consumers: Who must acknowledge each.
        given_up: Hears the bodies that no longer fit into memory: the oldest of those that are not urgent,
            then the oldest.
        most_bytes: How much memory they may take.
    """

    def __init__(
        self,
        epoch: str,
        consumers: Sequence[str],
        *,
        given_up: Callable[[Sequence[bytes]], None],
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._epoch = epoch
        self._messages: dict[int, Append] = {}
        self._lacking: dict[str, set[int]] = {consumer: set() for consumer in consumers}
        self._given_up = given_up
        self._most_bytes = most_bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Append]:
        return iter(list(self._messages.values()))

    def hold(self, message: Append) -> None:
        """Take a message that is on no disk."""
        self._messages[message.seq] = message
        self._bytes += len(message.body)
        for lacking in self._lacking.values():
            lacking.add(message.seq)
        given_up = []
        while self._bytes > self._most_bytes:
            least = next((each for each in self._messages.values() if not each.urgent), None)
            least = least or next(iter(self._messages.values()))
            self.drop(least.seq)
            given_up.append(least.body)
        if given_up:
            self._given_up(given_up)

    def drop(self, seq: int) -> None:
        """Forget a message: the disk has it, or nobody lacks it."""
        message = self._messages.pop(seq, None)
        if message is not None:
            self._bytes -= len(message.body)
            for lacking in self._lacking.values():
                lacking.discard(seq)

    def acknowledge(self, ack: Ack) -> None:
        """Note what a consumer has."""
        lacking = self._lacking.get(ack.consumer)
        if ack.epoch != self._epoch or not lacking:
            return
        for first, last in ack.ranges:
            lacking -= {seq for seq in lacking if first <= seq <= last}
        wanted = set().union(*self._lacking.values())
        for seq in self._messages.keys() - wanted:
            self.drop(seq)

    def backlog(self, consumer: str, *, most: int) -> list[Entry]:
        """The oldest messages that ``consumer`` lacks; their numbers are below those of any outbox."""
        lacking = self._lacking[consumer]
        found = (message for message in self._messages.values() if message.seq in lacking)
        return [
            Entry(-message.seq, self._epoch, message.seq, message.body)
            for message, _ in zip(found, range(most), strict=False)
        ]

    def give_up_all(self) -> None:
        """Forget every message, for the process ends."""
        bodies = [message.body for message in self._messages.values()]
        self._messages.clear()
        self._bytes = 0
        for lacking in self._lacking.values():
            lacking.clear()
        if bodies:
            self._given_up(bodies)
