"""One decision at a time: what it comes to is committed first, and then happens."""

import asyncio
from collections.abc import Callable, Iterable
from sqlite3 import Connection

from alerting.database import Database
from alerting.desk import Desk
from alerting.dispatch import Dispatcher
from alerting.displays import Displays
from alerting.sitting import Sitting


class Decider:
    """Runs decisions, each starting from what the last one committed."""

    def __init__(
        self,
        database: Database,
        desk: Desk,
        dispatcher: Dispatcher,
        displays: Displays,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._desk = desk
        self._dispatcher = dispatcher
        self._displays = displays
        self._now_ms = now_ms
        self._deciding = asyncio.Lock()
        self._changed = asyncio.Event()
        self.issued = 0  # messages since the start

    async def decide(self, lanes: Iterable[str], decide: Callable[[Sitting], object]) -> Sitting:
        """Take one decision; nothing new is begun in ``lanes`` meanwhile.

        Raises:
            sqlite3.Error: The disk refuses; nothing of it holds.
        """
        async with self._deciding:
            in_flight = self._dispatcher.hold(lanes)
            try:
                sitting = await self._database.commit(
                    lambda connection: self._sit(connection, in_flight, decide)
                )
                self._desk.adopt(sitting)
                self._dispatcher.drop(sitting.replaced)
                self._dispatcher.enqueue(sitting.queued.values(), sitting.messages)
            finally:
                self._dispatcher.release()
        self._displays.show(sitting.messages)
        self.issued += len(sitting.messages)
        if sitting.cases or sitting.shelves or sitting.threads:
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()
        return sitting

    @property
    def changed(self) -> asyncio.Event:
        """Set, once, when a case changes after this was asked for."""
        return self._changed

    def _sit(
        self, connection: Connection, in_flight: frozenset[int], decide: Callable[[Sitting], object]
    ) -> Sitting:
        sitting = Sitting(connection=connection, now_ms=self._now_ms(), in_flight=in_flight)
        decide(sitting)
        return sitting
