"""SL 651 stations on one line or connection: whose a frame is, what it says, how it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from district.inventory import Device
from edge.conversation import Heard
from edge.counters import Counters
from edge.errors import FrameError, Sl651Error
from edge.judging import readings_of, sources_of
from edge.roll import Roll
from edge.sl651.bodies import KEEP_ALIVE, TEST, Message, decode_body
from edge.sl651.frames import End, Frame, Splitter, encode_frame
from edge.sl651.packets import Assembler
from transport.batch import Reading
from transport.clock import Clock


class Sl651Hearer:
    """Understands what SL 651 stations report.

    Args:
        devices: The stations of the bus.
        roll: Notes who has been heard.
        timezone: Where their clocks stand.
        clock: Event time, by which stations may set theirs.
        counters: The agent's figures.
        online: Whether stations are told to stay on line.
    """

    def __init__(
        self,
        devices: Sequence[Device],
        roll: Roll,
        *,
        timezone: ZoneInfo,
        clock: Clock,
        counters: Counters,
        online: bool,
    ) -> None:
        self._devices: Mapping[str, Device] = {str(device.station): device for device in devices}
        self._sources = {device.id: sources_of(device) for device in devices}
        self._roll = roll
        self._timezone = timezone
        self._clock = clock
        self._counters = counters
        self._end = End.ESC if online else End.EOT
        self._splitter = Splitter()
        self._assembler = Assembler()

    def hear(self, data: bytes) -> list[Heard | FrameError]:
        """Take bytes; returns what each complete frame said, and an error for each stretch that is none."""
        heard: list[Heard | FrameError] = []
        for item in self._splitter.feed(data):
            try:
                if isinstance(item, Sl651Error):
                    raise item
                heard.append(self._understand(item))
            except Sl651Error as exc:
                heard.append(exc)
        return heard

    def _understand(self, frame: Frame) -> Heard:
        device = self._devices.get(frame.station_id)
        if device is None:
            raise Sl651Error(f"no station {frame.station_id} on this bus", frame.body)
        if frame.down:
            return Heard((), ())  # an echo, or another centre on the same radio
        self._roll.note_heard(device)
        whole = self._assembler.take(frame)
        if whole is None:
            missing = self._assembler.missing(frame)
            return Heard((), () if missing is None else (self._answer(frame, b"\0\0", End.NAK, missing),))
        message = decode_body(whole, self._timezone)
        self._counters.answers += 1
        if frame.function == KEEP_ALIVE:
            return Heard((), ())  # by the standard it has no answer
        end = End.ACK if frame.end is End.ETB and not frame.split else self._end
        answer = self._answer(frame, message.serial, end, frame.packets)
        return Heard(() if frame.function == TEST else self._readings(message), (answer,))

    def _readings(self, message: Message) -> list[Reading]:
        readings: list[Reading] = []
        now = self._clock.now()
        for section in message.sections:
            device = self._devices.get(section.station)
            if device is not None:  # a message may speak for stations that are not ours
                sources = self._sources[device.id]
                readings += readings_of(device.id, section.said, sources, section.at, now=now)
        return readings

    def _answer(self, frame: Frame, serial: bytes, end: End, packet: int) -> bytes:
        """The answer: serial number, our time, and what the station is to do next."""
        sent_at = self._clock.now().astimezone(self._timezone)
        body = serial + bytes.fromhex(f"{sent_at:%y%m%d%H%M%S}")
        return encode_frame(replace(frame, down=True, body=body, end=end, packet=packet))
