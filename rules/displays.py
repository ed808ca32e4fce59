"""Retained alarm states for displays: a board that is switched on late sees what stands."""

import asyncio
from collections.abc import Iterable

import msgspec

from district.inventory import District
from rules.state import Announced
from rules.transition import Level
from transport import topics
from transport.errors import NotConnectedError
from transport.session import Session


class Displays:
    """Keeps the broker's retained alarm topics as the engine has them; emptied on clear."""

    def __init__(self, session: Session, district: District) -> None:
        self._session = session
        self._district = district
        self._wanted: dict[str, bytes] = {}
        self._waiting: set[str] = set()
        self._some = asyncio.Event()

    def show(self, announced: Iterable[Announced]) -> None:
        """Note alarms that have changed; they are shown soon."""
        for each in announced:
            transition = each.transition
            site = self._district.sites.get(transition.site)
            if transition.superseded or site is None:
                continue
            topic = topics.alarm(site.area, transition.rule, transition.subject)
            cleared = transition.to is Level.NORMAL
            self._wanted[topic] = b"" if cleared else msgspec.json.encode(transition)
            self._waiting.add(topic)
        self._some.set()

    async def run(self) -> None:
        """Show what has changed, and everything anew over each new connection, until cancelled."""
        generation = 0
        while True:
            await self._session.connected.wait()
            if generation != self._session.generation:
                generation = self._session.generation
                self._waiting = set(self._wanted)
            while self._waiting:
                topic = self._waiting.pop()
                try:
                    await self._session.publish(topic, self._wanted[topic], retain=True)
                except NotConnectedError:
                    self._waiting.add(topic)
                    break
            await self._rest()

    async def _rest(self) -> None:
        self._some.clear()
        try:
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._some.wait()
        except TimeoutError:
            return


_LOOK_AGAIN_S = 1.0  # wall time; a new connection is noticed within it
