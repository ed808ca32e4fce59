"""From the wire to the store: many messages are decoded, written together, then acknowledged."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

import msgspec

from collector.block import Block, blocks_of, size_of
from collector.dead_letters import DeadLetter
from collector.lanes import Lanes
from collector.salvage import Refusal, salvage
from collector.watchdog import Watchdog
from collector.writer import Tally, Writer
from transport.acks import Acknowledger
from transport.batch import decode_batch
from transport.beat import decode_beat
from transport.clock import Clock
from transport.errors import WireError
from transport.session import Message, Session
from transport.topics import gateway_of
from transport.wire import read_json

_MOST_MESSAGES = 256  # taken at once
_MOST_SAMPLES = 20_000  # written at once, unless one message holds more
_WRITES = 2  # under way at once: the store has its next while it answers to the last


class _Name(msgspec.Struct, frozen=True):
    """By what a message is acknowledged, if at least that can be read of it."""

    epoch: str
    seq: int


_name_decoder = msgspec.json.Decoder(_Name)


class _Delivery(NamedTuple):
    """What one message asks: to keep its samples and its dead letters, then to acknowledge it."""

    ack_topic: str
    name: _Name | None
    blocks: list[Block]
    letters: Sequence[DeadLetter] = ()


class Intake:
    """Takes batches from a session into the store."""

    def __init__(
        self,
        session: Session,
        writer: Writer,
        acknowledger: Acknowledger,
        *,
        clock: Clock,
        tally: Tally,
        watchdog: Watchdog,
    ) -> None:
        self._session = session
        self._writer = writer
        self._acknowledger = acknowledger
        self._clock = clock
        self._tally = tally
        self._watchdog = watchdog
        self._lanes = Lanes()

    async def run(self) -> None:
        """Take batches until cancelled.

        While groups are being stored the next is decoded, and no more: when the store is down, messages wait
        in the lanes as far as these have room.
        """
        groups: asyncio.Queue[list[_Delivery]] = asyncio.Queue(1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive(), name="collector:receive")
            tasks.create_task(self._decode(groups), name="collector:decode")
            for number in range(_WRITES):
                tasks.create_task(self._store(groups), name=f"collector:store-{number}")

    async def _receive(self) -> None:
        while True:
            self._lanes.put(self._without_beats(await self._session.receive(most=_MOST_MESSAGES)))
            self._tally.dropped = self._lanes.dropped + self._session.dropped

    def _without_beats(self, messages: Iterable[Message]) -> list[Message]:
        """The messages that may be batches; gateways' signs of life are for the watchdog."""
        left = []
        for message in messages:
            gateway = gateway_of(message.topic)
            if message.topic != gateway.status:
                left.append(message)
                continue
            with suppress(WireError):  # of no batch; the gateway beats again
                self._watchdog.beat(gateway.gateway, decode_beat(message.payload))
        return left

    async def _decode(self, groups: asyncio.Queue[list[_Delivery]]) -> None:
        while True:
            messages = await self._lanes.take(_MOST_MESSAGES)
            for group in _grouped(map(self._opened, messages)):
                await groups.put(group)

    async def _store(self, groups: asyncio.Queue[list[_Delivery]]) -> None:
        while True:
            deliveries = await groups.get()
            for delivery in deliveries:
                if delivery.letters:
                    await self._writer.bury(delivery.letters)
            await self._writer.write([block for delivery in deliveries for block in delivery.blocks])
            self._acknowledge(deliveries)

    def _acknowledge(self, deliveries: list[_Delivery]) -> None:
        newest_ms = 0
        for ack_topic, name, blocks, _ in deliveries:
            if name is not None:
                self._acknowledger.committed(ack_topic, name.epoch, name.seq)
                self._tally.batches += 1
            if blocks:
                newest_ms = max(newest_ms, *blocks[-1].at_ms[-1:])
        if newest_ms:
            self._tally.lag_s = (self._clock.now_ms() - newest_ms) / 1000

    def _opened(self, message: Message) -> _Delivery:
        """What a message asks; what is wrong in it becomes dead letters.

        It is acknowledged all the same if its name can be read: it would come again for ever and in the end
        hold up what its gateway has to say.
        """
        ack_topic = gateway_of(message.topic).ack
        try:
            batch = decode_batch(message.payload)
            blocks = blocks_of(batch)
        except WireError as exc:
            return self._taken_apart(message, ack_topic, str(exc))
        self._watchdog.heard(batch.gateway, blocks)
        self._watchdog.vouched(batch.good_until_ms)
        return _Delivery(ack_topic, _Name(batch.epoch, batch.seq), blocks)

    def _taken_apart(self, message: Message, ack_topic: str, reason: str) -> _Delivery:
        saved = salvage(message.payload)
        if saved is None:
            letter = self._letter(message, "message", reason, message.payload.decode(errors="replace"))
            return _Delivery(ack_topic, _name_in(message.payload), [], [letter])
        refused = saved.refused or [Refusal(reason, "")]
        letters = [self._letter(message, "sample", each.reason, each.part) for each in refused]
        return _Delivery(ack_topic, _Name(saved.epoch, saved.seq), saved.blocks, letters)

    def _letter(
        self, message: Message, kind: Literal["message", "sample"], reason: str, payload: str
    ) -> DeadLetter:
        at_ms = self._clock.now_ms()
        return DeadLetter(kind=kind, reason=reason, at_ms=at_ms, topic=message.topic, payload=payload)


def _name_in(payload: bytes) -> _Name | None:
    """The name of a message that is no batch, if it has one."""
    try:
        return read_json(payload, _name_decoder, what="a name")
    except WireError:
        return None


def _grouped(deliveries: Iterable[_Delivery]) -> Iterator[list[_Delivery]]:
    """Deliveries in portions that one write can hold."""
    group: list[_Delivery] = []
    size = 0
    for delivery in deliveries:
        samples = size_of(delivery.blocks)
        if group and size + samples > _MOST_SAMPLES:
            yield group
            group, size = [], 0
        group.append(delivery)
        size += samples
    if group:
        yield group
