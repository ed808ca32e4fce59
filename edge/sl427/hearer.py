"""SL/T 427 stations on one line or connection: whose a frame is, what it says, how it is answered."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from district.inventory import Device
from edge.conversation import Heard
from edge.counters import Counters
from edge.errors import FrameError, Sl427Error
from edge.judging import readings_of, sources_of
from edge.roll import Roll
from edge.sl427.frames import LINK_TEST, Frame, Splitter, encode_frame
from edge.sl427.telegrams import TAGGED, read_telegram
from transport.clock import Clock

_MODES = {True: b"\x00", False: b"\x01"}  # the terminal's mode: answers and reports, or reports only
_NO_DELAY = b"\x00"


class Sl427Hearer:
    """Understands what SL/T 427 stations report.

    Args:
        devices: The stations of the bus.
        roll: Notes who has been heard.
        timezone: Where their clocks stand.
        clock: Event time, by which stations may set theirs.
        counters: The agent's figures.
        online: Whether stations are told that they may be asked, too.
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
        self._mode = _MODES[online]
        self._splitter = Splitter()

    def hear(self, data: bytes) -> list[Heard | FrameError]:
        """Take bytes; returns what each complete frame said, and an error for each stretch that is none."""
        heard: list[Heard | FrameError] = []
        for item in self._splitter.feed(data):
            try:
                if isinstance(item, Sl427Error):
                    raise item
                heard.append(self._understand(item))
            except Sl427Error as exc:
                heard.append(exc)
        return heard

    def _understand(self, frame: Frame) -> Heard:
        device = self._devices.get(frame.station_id)
        if device is None:
            raise Sl427Error(f"no station {frame.station_id} on this bus", frame.data)
        if not frame.up:
            return Heard((), ())  # an echo, or another centre on the same radio
        self._roll.note_heard(device)
        telegram = read_telegram(frame, self._timezone)
        self._counters.answers += 1
        answers = (self._answer(frame),) if frame.function in TAGGED | {LINK_TEST} else ()
        if telegram.at is None:
            return Heard((), answers)
        sources = self._sources[device.id]
        readings = readings_of(device.id, telegram.said, sources, telegram.at, now=self._clock.now())
        return Heard(readings, answers)

    def _answer(self, frame: Frame) -> bytes:
        """The confirmation: the terminal's mode and our time; a link test is confirmed with its own data."""
        data = frame.data
        if frame.function != LINK_TEST:
            now = self._clock.now().astimezone(self._timezone)
            data = self._mode + bytes.fromhex(f"{now:%S%M%H%d%m%y}") + _NO_DELAY
        return encode_frame(
            Frame(
                up=False,
                kind=0,
                count=frame.count,
                left=frame.left,
                address=frame.address,
                function=frame.function,
                data=data,
            )
        )
