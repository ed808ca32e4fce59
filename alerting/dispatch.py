"""The dispatcher: brings queued deliveries to people, by channels that fail independently of each other.

One lane a person and thread: its messages go one after another, in order. A channel that is down is tried
again with jitter, up to a bound; then, or when it refuses, the person's next channel is tried.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from alerting.archive import read_message
from alerting.channels.channel import Channel, Receipt, ReceiptState, Recipient, WarningMessage
from alerting.contacts import PersonSpec
from alerting.database import Database
from alerting.delivery import Delivery, finish, note_failure, note_held, note_refusal
from alerting.errors import ChannelDownError, ChannelRefusedError
from alerting.quota import ROLL_UP, Quota
from alerting.texts import ask_for_answer

log = structlog.get_logger(__name__)

_AT_ONCE = 32  # messages that one channel carries at the same time
_SLOT_S = 1.0  # wall time between looks whether a roll-up may go
_MESSAGES_KEPT = 256  # rendered messages in memory; older ones are read from the ledger again


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How long a channel that is down is tried for one message; wall time."""

    attempts: int = 5
    first_s: float = 0.5
    longest_s: float = 30.0

    def pause_s(self, attempt: int) -> float:
        """How long to wait after the given attempt, counted from 1."""
        return min(self.longest_s, self.first_s * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)


@dataclass(slots=True)
class _Lane:
    """What waits for one person in one lane."""

    name: str
    waiting: deque[Delivery] = field(default_factory=deque)
    sending: int | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Dispatcher:
    """Sends what is queued; every step is in the database before the next."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        people: Mapping[str, PersonSpec],
        *,
        now_ms: Callable[[], int],
        retry: Retry,
        last_resort: str,
        quota: Quota | None = None,
        held_back: asyncio.Event | None = None,
        link: Callable[[str, str], str] = lambda _case, _person: "",
    ) -> None:
        self._link = link  # by which a person answers a case; empty where no console is named
        self._delivered = 0
        self._failed_attempts = 0
        self._unreachable = 0
        self._database = database
        self._channels = channels
        self._people = people
        self._now_ms = now_ms
        self._retry = retry
        self._last_resort = last_resort
        self._quota = quota if quota is not None else Quota()
        self._held_back = held_back or asyncio.Event()  # set when something waits for a roll-up
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._limits = {name: asyncio.Semaphore(_AT_ONCE) for name in channels}
        self._down: set[str] = set()
        self._held: frozenset[str] = frozenset()
        self._released = asyncio.Event()
        self._messages: dict[str, WarningMessage] = {}
        self._closing = False

    def counters(self) -> Mapping[str, float]:
        """What has been delivered since the start, and how much waits."""
        waiting = sum(len(lane.waiting) for lane in self._lanes.values())
        return {
            "delivered": self._delivered,
            "failed_attempts": self._failed_attempts,
            "unreachable": self._unreachable,
            "waiting": waiting,
        }

    def hold(self, lanes: Iterable[str]) -> frozenset[int]:
        """Begin nothing new in these lanes until :meth:`release`; say which deliveries are being sent."""
        self._held = frozenset(lanes)
        self._released.clear()
        return frozenset(
            lane.sending
            for lane in self._lanes.values()
            if lane.name in self._held and lane.sending is not None
        )

    def release(self) -> None:
        """Let the held lanes go on."""
        self._held = frozenset()
        self._released.set()

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget deliveries that newer ones replaced."""
        gone = set(numbers)
        for lane in self._lanes.values() if gone else ():
            kept = deque(one for one in lane.waiting if one.id not in gone)
            if len(kept) < len(lane.waiting):
                for one in lane.waiting:
                    if one.id in gone:
                        self._quota.ended(one, handed_ms=None)
                lane.waiting = kept
                lane.changed.set()

    def enqueue(self, deliveries: Iterable[Delivery], messages: Iterable[WarningMessage] = ()) -> None:
        """Take committed deliveries, and the messages they bring, so far as they are at hand."""
        for message in messages:
            self._remember(message)
        for delivery in deliveries:
            key = (delivery.lane, delivery.person)
            lane = self._lanes.setdefault(key, _Lane(delivery.lane))
            lane.waiting.append(delivery)
            if lane.task is None:
                lane.task = asyncio.create_task(self._serve(key, lane), name=f"deliver:{'/'.join(key)}")

    async def close(self, grace_s: float) -> None:
        """Begin nothing new; what is being sent has ``grace_s`` (wall time) to end."""
        self._closing = True
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        sending = [lane.task for lane in self._lanes.values() if lane.task is not None and lane.sending]
        if sending:
            await asyncio.wait(sending, timeout=grace_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, key: tuple[str, str], lane: _Lane) -> None:
        while lane.waiting and not self._closing:
            lane.changed.clear()
            try:
                pause_s = await self._advance(lane, lane.waiting[0])
            except (
                Exception
            ):  # one person's trouble must not become everybody's: it is logged and tried again
                log.exception("delivery-failed", delivery=lane.waiting[0].key if lane.waiting else None)
                pause_s = self._retry.longest_s
            finally:
                lane.sending = None
            if pause_s:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await lane.changed.wait()
        lane.task = None
        if not lane.waiting:
            del self._lanes[key]

    async def _advance(self, lane: _Lane, delivery: Delivery) -> float:
        """Take the foremost delivery one step on; say how long to wait before the next."""
        person = self._people.get(delivery.person)
        if person is None or delivery.step >= len(delivery.via):
            if await self._begin(lane, delivery):
                reason = "no channel is left" if person is not None else "no longer among the contacts"
                await self._give_up(lane, delivery, reason)
            return 0.0
        channel = self._channels.get(delivery.channel)
        address = person.channels.address(delivery.channel)
        if channel is None or address is None:
            if await self._begin(lane, delivery):
                await self._refused(lane, delivery, "this channel is not set up")
            return 0.0
        to = Recipient(
            person=person.id,
            name=person.name.zh if person.language == "zh" else person.name.en,
            language=person.language,
            address=address,
            key=delivery.key,
        )
        async with self._limits[delivery.channel]:
            if not await self._begin(lane, delivery):
                return 0.0
            if not self._quota.admits(delivery, self._now_ms()):
                return await self._hold_back(lane, delivery)
            return await self._hand_over(lane, delivery, channel, to)

    async def _hand_over(self, lane: _Lane, delivery: Delivery, channel: Channel, to: Recipient) -> float:
        """Try the channel once; say how long to wait before the next step."""
        message = self._asking(await self._message(delivery.identifier), delivery)
        try:
            receipt = await channel.send(message, to)
        except ChannelRefusedError as exc:
            await self._refused(lane, delivery, str(exc))
            return 0.0
        except ChannelDownError as exc:
            return await self._failed(lane, delivery, str(exc))
        await self._done(lane, delivery, receipt)
        return 0.0

    async def _begin(self, lane: _Lane, delivery: Delivery) -> bool:
        """Wait while a decision on the lane is being made; then it is ours, unless it was replaced."""
        while lane.name in self._held:
            await self._released.wait()
        if self._closing or not lane.waiting or lane.waiting[0] is not delivery:
            return False
        lane.sending = delivery.id
        return True

    async def _done(self, lane: _Lane, delivery: Delivery, receipt: Receipt) -> None:
        await self._finish(lane, delivery, receipt.state, receipt.reason)
        self._delivered += 1
        if delivery.channel in self._down:
            self._down.discard(delivery.channel)
            log.info("channel-returned", channel=delivery.channel)

    async def _refused(self, lane: _Lane, delivery: Delivery, reason: str) -> None:
        log.warning("delivery-refused", delivery=delivery.key, reason=reason)
        await self._database.commit(
            partial(note_refusal, delivery=delivery, reason=reason, now_ms=self._now_ms())
        )
        lane.waiting[0] = replace(delivery, step=delivery.step + 1, attempts=0)

    async def _failed(self, lane: _Lane, delivery: Delivery, reason: str) -> float:
        """Note a failure; a message that a newer one outranks is not tried again."""
        self._failed_attempts += 1
        if delivery.channel not in self._down:  # once when it goes, not at every attempt
            self._down.add(delivery.channel)
            log.warning("channel-down", channel=delivery.channel, reason=reason)
        newer = lane.waiting[-1]
        if newer is not delivery and newer.level >= delivery.level:
            await self._finish(lane, delivery, ReceiptState.REPLACED, f"by {newer.identifier}")
            return 0.0
        attempts = delivery.attempts + 1
        give_up = attempts >= self._retry.attempts
        await self._database.commit(
            partial(note_failure, delivery=delivery, reason=reason, give_up=give_up, now_ms=self._now_ms())
        )
        if give_up:
            lane.waiting[0] = replace(delivery, step=delivery.step + 1, attempts=0)
            return 0.0
        lane.waiting[0] = replace(delivery, attempts=attempts)
        return self._retry.pause_s(attempts)

    async def _hold_back(self, lane: _Lane, delivery: Delivery) -> float:
        """Leave a message to a roll-up: the person has had as many as anybody can read."""
        if delivery.lane.startswith(ROLL_UP):
            return _SLOT_S
        now_ms = self._now_ms()
        reason = "held back: ten messages in ten minutes; a roll-up follows"
        await self._database.commit(partial(note_held, delivery=delivery, reason=reason, now_ms=now_ms))
        self._quota.hold(delivery.person, now_ms)
        lane.waiting.popleft()
        self._held_back.set()
        return 0.0

    async def _give_up(self, lane: _Lane, delivery: Delivery, reason: str) -> None:
        self._unreachable += 1
        log.error(
            "person-unreachable", person=delivery.person, warning=delivery.identifier, call=self._last_resort
        )
        await self._finish(lane, delivery, ReceiptState.UNREACHABLE, f"{reason}; call {self._last_resort}")

    async def _finish(self, lane: _Lane, delivery: Delivery, state: ReceiptState, reason: str) -> None:
        now_ms = self._now_ms()
        await self._database.commit(
            partial(finish, delivery=delivery, state=state, reason=reason, now_ms=now_ms)
        )
        handed = state in (ReceiptState.SENT, ReceiptState.DELIVERED)
        self._quota.ended(delivery, handed_ms=now_ms if handed else None)
        lane.waiting.popleft()

    async def _message(self, identifier: str) -> WarningMessage:
        known = self._messages.get(identifier)
        if known is None:
            known = await self._database.read(partial(read_message, identifier=identifier))
            self._remember(known)
        return known

    def _asking(self, message: WarningMessage, delivery: Delivery) -> WarningMessage:
        """The message as it goes to people who are to answer; the CAP message stays as it was issued."""
        if not delivery.code:
            return message
        link = self._link(delivery.case, delivery.person)
        texts = {
            language: ask_for_answer(words, language, delivery.code, link)
            for language, words in message.texts.items()
        }
        return replace(message, texts=texts)

    def _remember(self, message: WarningMessage) -> None:
        self._messages[message.identifier] = message
        if len(self._messages) > _MESSAGES_KEPT:
            del self._messages[next(iter(self._messages))]
