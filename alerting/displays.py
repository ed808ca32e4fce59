"""Displays: each thread's newest warning, retained at the broker as JSON; sirens and LED boards obey it."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from alerting.archive import read_message
from alerting.cap import write_json
from alerting.channels.channel import WarningMessage
from alerting.database import Database
from alerting.desk import Desk
from transport import topics
from transport.errors import NotConnectedError
from transport.session import Session

_LOOK_AGAIN_S = 1.0  # wall time between looks whether the broker is a new one


class Displays:
    """Keeps the broker's retained warnings equal to what was issued, also over a broker that forgot all."""

    def __init__(self, session: Session, database: Database, desk: Desk) -> None:
        self._session = session
        self._database = database
        self._desk = desk
        self._changed: dict[str, WarningMessage | None] = {}  # by thread; none: read it from the ledger
        self._some = asyncio.Event()

    def show(self, messages: Iterable[WarningMessage]) -> None:
        """Note messages that have been committed; each thread's newest is shown."""
        for message in messages:
            if message.thread in self._desk.threads and message.cap.scope == "Public":
                self._changed[message.thread] = message
        self._some.set()

    async def run(self) -> None:
        """Show what changes, and everything at each new connection, until cancelled."""
        generation = 0
        while True:
            await self._session.connected.wait()
            if generation != self._session.generation:
                generation = self._session.generation
                for name, thread in self._desk.threads.items():
                    if thread.issued:
                        self._changed.setdefault(name, None)
            self._some.clear()
            await self._publish()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN_S):
                    await self._some.wait()

    async def _publish(self) -> None:
        while self._changed:
            name, noted = next(iter(self._changed.items()))
            thread, message = self._desk.threads[name], noted
            if message is None:
                newest = thread.issued[-1].identifier
                message = await self._database.read(partial(read_message, identifier=newest))
            topic = topics.warning(self._desk.topic_area(thread), name)
            try:
                await self._session.publish(topic, write_json(message.cap), retain=True)
            except NotConnectedError:
                return
            if self._changed[name] is noted:  # else a newer one came meanwhile
                del self._changed[name]
