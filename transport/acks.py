"""End-to-end acknowledgement: what a consumer has durably committed, as ranges of sequence numbers."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from transport.errors import NotConnectedError, WireError
from transport.session import Session
from transport.wire import read_json

_LARGEST = 2**63 - 1  # what an outbox can count


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """``consumer`` has committed these messages of ``epoch``; both ends of a range belong to it."""

    consumer: str
    epoch: str
    ranges: list[tuple[int, int]]


_decoder = msgspec.json.Decoder(Ack)


def to_ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The fewest closed ranges that hold exactly ``numbers``, ascending."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def encode_ack(ack: Ack) -> bytes:
    """The acknowledgement as it travels."""
    return msgspec.json.encode(ack)


def decode_ack(payload: bytes) -> Ack:
    """Read an acknowledgement from the wire.

    Raises:
        WireError: The payload is none.
    """
    ack = read_json(payload, _decoder, what="an acknowledgement")
    if any(first < 0 or last > _LARGEST for first, last in ack.ranges):
        raise WireError(f"not an acknowledgement: {ack.ranges} are no sequence numbers")
    return ack


class Acknowledger:
    """Tells senders what one consumer has committed, several messages in one acknowledgement.

    An acknowledgement that is lost does no harm: the sender sends again and is answered again.
    """

    def __init__(self, session: Session, consumer: str, *, linger_s: float = 0.01) -> None:
        self._session = session
        self._consumer = consumer
        self._linger_s = linger_s
        self._committed: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        self._some = asyncio.Event()

    def committed(self, ack_topic: str, epoch: str, seq: int) -> None:
        """Note that a message is durably committed; it is acknowledged within the linger time."""
        self._committed[ack_topic, epoch].add(seq)
        self._some.set()

    async def run(self) -> None:
        """Send what has been noted, until cancelled."""
        while True:
            await self._some.wait()
            await asyncio.sleep(self._linger_s)
            await self.flush()

    async def flush(self) -> None:
        """Send what has been noted now; without a connection it is dropped, for the sender will ask again."""
        self._some.clear()
        noted, self._committed = self._committed, defaultdict(set)
        for (topic, epoch), numbers in noted.items():
            ack = Ack(consumer=self._consumer, epoch=epoch, ranges=to_ranges(numbers))
            try:
                await self._session.publish(topic, encode_ack(ack))
            except NotConnectedError:
                return
