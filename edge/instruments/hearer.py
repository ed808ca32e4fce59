"""Instruments that speak by themselves, on one line."""

from collections.abc import Sequence

from district.inventory import Device, Speech
from edge.conversation import Heard
from edge.counters import Counters
from edge.errors import FrameError
from edge.instruments.protocols import spoken
from edge.judging import readings_of, sources_of
from edge.link import Link
from edge.roll import Roll
from edge.telegram import Telegram
from transport.measurement import from_ms


class InstrumentHearer:
    """Understands the instruments of one line, all of one model's protocol.

    Args:
        devices: Who they are; one without an address is alone.
        speech: What they speak.
        link: Says when their last byte came.
        roll: Notes who has been heard.
        counters: The agent's figures.

    Raises:
        EdgeSpecError: Nothing that is known speaks so.
    """

    def __init__(
        self, devices: Sequence[Device], speech: Speech, *, link: Link, roll: Roll, counters: Counters
    ) -> None:
        self._spoken = spoken(speech)
        self._splitter = self._spoken.splitter()
        self._devices = {device.address: device for device in devices}
        self._sources = {device.id: sources_of(device) for device in devices}
        self._link = link
        self._roll = roll
        self._counters = counters

    def hear(self, data: bytes) -> list[Heard | FrameError]:
        """Take bytes; returns what each complete frame said, and an error for each that is none."""
        heard: list[Heard | FrameError] = []
        for frame in self._splitter.feed(data):
            try:
                heard.append(self._understand(self._spoken.decode(frame)))
            except FrameError as exc:
                heard.append(exc)
        return heard

    def _understand(self, telegram: Telegram) -> Heard:
        device = self._devices.get(telegram.station) or self._devices.get(None)
        if device is None:
            return Heard((), ())
        at = from_ms(self._link.heard_ms)
        readings = readings_of(device.id, telegram.said, self._sources[device.id], at)
        if readings:  # on a line of talkers, most sentences are about other things
            self._roll.note_heard(device)
            self._counters.answers += 1
        return Heard(readings, ())
