"""From the wire to the store: many messages are decoded, written together, then acknowledged."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from collector.dead_letters import DeadLetter
from collector.writer import Tally, Writer
from transport.acks import Acknowledger
from transport.batch import Sample, decode_batch
from transport.clock import Clock
from transport.errors import WireError
from transport.session import Message, Session
from transport.topics import gateway_of
from transport.wire import read_json

_MOST_MESSAGES = 256  # taken at once
_MOST_SAMPLES = 20_000  # written at once, unless one message holds more


class _Name(msgspec.Struct, frozen=True):
    """By what a message is acknowledged, if at least that can be read of it."""

    epoch: str
    seq: int


_name_decoder = msgspec.json.Decoder(_Name)


class _Delivery(NamedTuple):
    """What one message asks: to store its samples, then to acknowledge it."""

    ack_topic: str
    name: _Name
    samples: list[Sample]


class Intake:
    """Takes batches from a session into the store."""

    def __init__(
        self, session: Session, writer: Writer, acknowledger: Acknowledger, *, clock: Clock, tally: Tally
    ) -> None:
        self._session = session
        self._writer = writer
        self._acknowledger = acknowledger
        self._clock = clock
        self._tally = tally

    async def run(self) -> None:
        """Take batches until cancelled.

        While the store is down nothing is taken: the session's bounded queue fills and drops, for the
        gateways keep what is not acknowledged and send it again.
        """
        while True:
            messages = await self._session.receive(most=_MOST_MESSAGES)
            deliveries = [delivery for message in messages if (delivery := await self._opened(message))]
            for group in _grouped(deliveries):
                await self._store(group)

    async def _store(self, deliveries: list[_Delivery]) -> None:
        samples = [sample for delivery in deliveries for sample in delivery.samples]
        await self._writer.write(samples)
        for delivery in deliveries:
            self._acknowledger.committed(delivery.ack_topic, delivery.name.epoch, delivery.name.seq)
        self._tally.batches += len(deliveries)
        if samples:
            newest_ms = max(sample.at_ms for sample in samples)
            self._tally.lag_s = (self._clock.now_ms() - newest_ms) / 1000

    async def _opened(self, message: Message) -> _Delivery | None:
        """The delivery in a message; one that is no batch becomes a dead letter.

        It is acknowledged all the same if its name can be read: it would come again for ever and in the end
        hold up what its gateway has to say.
        """
        topics = gateway_of(message.topic)
        try:
            batch = decode_batch(message.payload)
        except WireError as exc:
            await self._writer.bury(
                DeadLetter(
                    kind="message",
                    reason=str(exc),
                    at_ms=self._clock.now_ms(),
                    topic=message.topic,
                    payload=message.payload.decode(errors="replace"),
                )
            )
            try:
                name = read_json(message.payload, _name_decoder, what="a name")
            except WireError:
                return None
            return _Delivery(topics.ack, name, [])
        return _Delivery(topics.ack, _Name(batch.epoch, batch.seq), list(batch.samples()))


def _grouped(deliveries: list[_Delivery]) -> Iterator[list[_Delivery]]:
    """Deliveries in portions that one write can hold."""
    group: list[_Delivery] = []
    size = 0
    for delivery in deliveries:
        if group and size + len(delivery.samples) > _MOST_SAMPLES:
            yield group
            group, size = [], 0
        group.append(delivery)
        size += len(delivery.samples)
    if group:
        yield group
