"""The reception of a foreign bus: what came becomes readings of a gateway, or dead letters with a reason."""

from collections.abc import Iterable, Sequence
from typing import Literal

import structlog

from collector.dead_letters import DeadLetter, DeadLetters
from collector.errors import StoreDownError
from collector.foreign.mapping import Mapped, Mapper, Now
from collector.foreign.statement import Told
from district.inventory import Device
from edge.roll import Roll
from edge.wiring import Wiring
from transport.batch import Reading
from transport.measurement import Quality

log = structlog.get_logger(__name__)

_SHOWN_BYTES = 64 * 1024  # of a message that is none
_MOST_BURIED = 1000  # letters that wait for the disk; what is more is counted and forgotten


class Reception:
    """Takes what messages say.

    Args:
        wiring: The bus's.
        dead_letters: Keeps what becomes no reading.
    """

    def __init__(self, wiring: Wiring, dead_letters: DeadLetters) -> None:
        self.mapper = Mapper(wiring.devices)
        self.roll = Roll(wiring.devices, clock=wiring.clock, intake=wiring.intake, counters=wiring.counters)
        self._wiring = wiring
        self._devices: dict[str, Device] = {device.id: device for device in wiring.devices}
        self._dead_letters = dead_letters
        self._waiting: list[DeadLetter] = []

    def map(self, told: Told, place: str, *, allowed: frozenset[str] | None = None) -> Mapped:
        """The readings that one message holds; the rest becomes letters that wait for :meth:`bury`.

        Args:
            told: What it says.
            place: Where it came: a topic, a line of a file, a sender.
            allowed: The devices for which whoever sent it may speak; all of them if none.
        """
        now = Now(self._wiring.calendar.now_ms(), self._wiring.clock.now_ms())
        mapped = self.mapper.map(told, now, allowed=allowed)
        for reading in mapped.readings:
            if not _is_silence(reading):
                self.roll.note_heard(self._devices[reading.device])
        self._wiring.counters.answers += bool(mapped.readings)
        self._wiring.counters.frames_refused += bool(mapped.refused)
        for refused in mapped.refused:
            self._add("sample", refused.reason, place, refused.part)
        return mapped

    def take(self, readings: Iterable[Reading]) -> None:
        """Take readings whose sender waits for no answer."""
        for reading in readings:
            self._wiring.intake.take(reading)

    async def keep(self, readings: Sequence[Reading]) -> None:
        """Take readings and bury letters; returns once all of them are kept durably.

        Raises:
            NotKeptError: The disk refuses.
        """
        if readings:
            await self._wiring.intake.keep(readings)
        await self.bury()

    def refuse(self, reason: str, place: str, payload: bytes) -> None:
        """A whole message becomes a dead letter."""
        self._wiring.counters.frames_refused += 1
        self._add("message", reason, place, payload[:_SHOWN_BYTES].decode(errors="replace"))

    async def bury(self) -> None:
        """Keep the letters that wait; a disk that refuses them gets them next time."""
        letters, self._waiting = self._waiting, []
        if letters:
            try:
                await self._dead_letters.put(letters)
            except StoreDownError as exc:
                log.error("dead-letters-refused", reason=str(exc))  # noqa: TRY400  (the disk's reason)
                self._waiting = letters + self._waiting

    def _add(self, kind: Literal["message", "sample"], reason: str, place: str, payload: str) -> None:
        log.warning("foreign-refused", bus=self._wiring.bus_id, reason=reason, place=place)
        at_ms = self._wiring.calendar.now_ms()
        if len(self._waiting) < _MOST_BURIED:
            self._waiting.append(
                DeadLetter(kind=kind, reason=reason, at_ms=at_ms, topic=place, payload=payload)
            )


def _is_silence(reading: Reading) -> bool:
    """Whether it only says that nothing will come."""
    return all(quality is Quality.TIMEOUT for _, quality in reading.values.values())
