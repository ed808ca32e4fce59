"""The agent's calendar: notices when the time becomes known, and has dated anew what was dated before."""

import asyncio

from edge.counters import Counters
from edge.intake import Intake
from edge.timekeeping import Timekeeper
from transport.beat import Beat
from transport.courier import Courier
from transport.session import Session

_LOOK_EVERY_S = 1.0
_CENTRE_WITHIN_S = 12.0  # two beats of the centre, and some


class Calendar:
    """Watches over one agent's time.

    While the time is in doubt nothing is sent until the centre could tell it: what nobody was sent can still
    be dated anew. A centre that says nothing delays readings no longer than two of its beats would take.
    """

    def __init__(
        self, timekeeper: Timekeeper, intake: Intake, courier: Courier, session: Session, counters: Counters
    ) -> None:
        self._timekeeper = timekeeper
        self._intake = intake
        self._courier = courier
        self._session = session
        self._counters = counters
        if timekeeper.is_doubtful:
            courier.hold()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look(), name="calendar:look")
            tasks.create_task(self._wait_for_centre(), name="calendar:centre")

    async def heard(self, beat: Beat) -> None:
        """Take a beat of a server process."""
        if beat.state == "up" and beat.wall_s:
            await self._correct(self._timekeeper.hear(beat))

    async def _look(self) -> None:
        while True:
            await self._correct(self._timekeeper.look())
            self._counters.clock_offset_s = round(self._timekeeper.offset_s, 3)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _wait_for_centre(self) -> None:
        await self._session.connected.wait()
        await asyncio.sleep(_CENTRE_WITHIN_S)
        self._intake.keep_doubts()
        self._courier.release()

    async def _correct(self, by_ms: int | None) -> None:
        if by_ms is not None:
            await self._intake.date_anew(by_ms)
            self._courier.release()
