"""The intake: takes what the engine announces, decides in one transaction a burst, acknowledges after it."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import structlog

from alerting.decide import Decider
from alerting.deeds import Deeds
from alerting.desk import Desk
from rules.transition import Announcement, decode_announcement
from transport import topics
from transport.acks import Acknowledger
from transport.errors import WireError
from transport.session import Message, Session

log = structlog.get_logger(__name__)

_AT_ONCE = 200  # announcements in one transaction
_QUIET_S = 2.0  # wall time without news after which catching up is over


class _Arrival(NamedTuple):
    """An announcement and the area whose engine waits for the acknowledgement."""

    area: str
    announcement: Announcement


class Intake:
    """Moves announcements from the broker into the database and their consequences out of it."""

    def __init__(
        self,
        decider: Decider,
        desk: Desk,
        acknowledger: Acknowledger,
        hearers: Mapping[str, Callable[[bytes], None]],
        deeds: Deeds,
    ) -> None:
        self._decider = decider
        self._desk = desk
        self._acknowledger = acknowledger
        self._hearers = hearers  # who takes what comes on other topics
        self._deeds = deeds
        self._news = asyncio.Event()
        self._disk_refuses = False
        self._received = 0
        self._unreadable = 0

    def counters(self) -> Mapping[str, float]:
        """What has been taken and issued since the start."""
        return {"received": self._received, "issued": self._decider.issued, "unreadable": self._unreadable}

    async def run(self, session: Session) -> None:
        """Take messages until cancelled."""
        while True:
            arrivals = []
            for message in await session.receive(most=_AT_ONCE):
                if (hearer := self._hearers.get(message.topic)) is not None:
                    hearer(message.payload)
                elif message.topic == topics.gateway_of(message.topic).deed:
                    await self._deeds.take(message)
                elif (arrival := self._decode(message)) is not None:
                    arrivals.append(arrival)
            if arrivals:
                await self._take(arrivals)

    async def settle_late(self) -> None:
        """Tell duty of late peaks once catching up is over, until cancelled."""
        while True:
            while self._desk.catching_up():
                self._news.clear()
                try:
                    async with asyncio.timeout(_QUIET_S):
                        await self._news.wait()
                except TimeoutError:
                    await self._settle()
            self._news.clear()
            await self._news.wait()

    def _decode(self, message: Message) -> _Arrival | None:
        try:
            announcement = decode_announcement(message.payload)
        except WireError as exc:
            self._unreadable += 1
            log.warning("transition-unreadable", topic=message.topic, reason=str(exc))
            return None
        self._received += 1
        return _Arrival(message.topic.split("/")[2], announcement)

    async def _take(self, arrivals: list[_Arrival]) -> None:
        announcements = [arrival.announcement for arrival in arrivals]
        lanes = {self._desk.thread_of(announcement.transition) for announcement in announcements}
        try:
            await self._decider.decide(lanes, lambda sitting: self._desk.take(sitting, announcements))
        except sqlite3.Error:  # the engine sends again until we acknowledge
            if not self._disk_refuses:  # once when it goes, not for every message
                log.exception("ledger-refuses")
            self._disk_refuses = True
            return
        if self._disk_refuses:
            log.info("ledger-takes-again")
            self._disk_refuses = False
        for area, announcement in arrivals:
            if not announcement.standing:  # a repeat carries no number of its own
                self._acknowledger.committed(
                    topics.transition_ack(area), announcement.epoch, announcement.seq
                )
        self._news.set()

    async def _settle(self) -> None:
        names = self._desk.catching_up()
        with suppress(sqlite3.Error):  # it is tried again after the next quiet
            await self._decider.decide(names, lambda sitting: self._desk.settle(sitting, names))
