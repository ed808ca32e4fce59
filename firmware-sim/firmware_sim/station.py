"""One HJ 212-2017 station: frames when due, kept and sent again until they are answered."""

import asyncio
import logging
import math
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from firmware_sim import hj212
from firmware_sim.clock import SimClock
from firmware_sim.curves import Signal
from firmware_sim.faults import Fault
from firmware_sim.formulas import World
from firmware_sim.instrument import Instrument
from firmware_sim.scenario import StationSpec

log = logging.getLogger(__name__)

OVERTIME_S = 2.0  # wall time a frame waits for its 9014 before it is sent again
STORE_FRAMES = 10_000  # beyond it the oldest frame is given up
_WINDOW = 16  # only the oldest unanswered frames are sent again, so that a deaf collector is not flooded


class Link(Protocol):
    """The station's way out."""

    @property
    def up(self) -> bool:
        """Whether anything sent now can arrive."""
        ...

    async def ready(self) -> None:
        """Wait until the link takes more bytes."""
        ...

    async def send(self, data: bytes) -> bool:
        """Send; returns in the step that wrote the last byte, false if some could not be written."""
        ...


@dataclass(slots=True, kw_only=True)
class _Frame:
    """A frame in the store."""

    qn: str
    segment: str
    counter: int | None
    event_ms: int
    values: Mapping[str, float]
    fault: str | None  # what is true of it though a fault shaped it: flag, late
    send_at_s: float  # wall time it is next to be sent
    row: int | None = None  # in the record, from its first intact transmission


class Station:
    """Makes, sends, keeps; independent of the wire it hangs on."""

    def __init__(self, spec: StationSpec, instrument: Instrument, world: World) -> None:
        """Build the factors' formulas."""
        self.mn = spec.mn
        self.instrument = instrument
        self._spec = spec
        self._clock: SimClock = world.clock
        self._signals: dict[str, Signal] = {
            code: world.signal(factor.value, f"{spec.name}/{code}") for code, factor in spec.factors.items()
        }
        self._made = instrument.answers
        self._fresh: deque[_Frame] = deque()
        self._store: dict[str, _Frame] = {}
        self._replies: deque[str] = deque()
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """Look again at what there is to send: the link came up, or a fault went."""
        self._awake.set()

    async def make_frames(self) -> None:
        """Make a frame at every multiple of ``every`` in event time, from now on."""
        every_s = self._spec.every
        due = math.ceil(self._clock.event_s() / every_s)
        while True:
            await self._clock.until_event(due * every_s)
            self._make(round(due * every_s * 1000))
            due += 1

    def _make(self, event_ms: int) -> None:
        faults = self.instrument.faults
        values = {
            code: round(self._signals[code].at(event_ms / 1000), factor.decimals)
            for code, factor in self._spec.factors.items()
        }
        if faults.get("silence") is not None:  # a dead station makes nothing it could send later
            self._note(None, event_ms, values, "silence")
            return
        counter = None
        if self._spec.answers is not None:
            self._made += 1
            counter = self._made
        carried = values if counter is None else {**values, str(self._spec.answers): float(counter)}
        qn = hj212.query_number(event_ms, self._spec.utc_offset)
        flag, delay_s = faults.get("flag"), faults.delay_s
        frame = _Frame(
            qn=qn,
            segment=self._segment(qn, event_ms, values, counter, flag),
            counter=counter,
            event_ms=event_ms,
            values=carried,
            fault="late" if delay_s else ("flag" if flag else None),
            send_at_s=self._clock.wall() + delay_s,
        )
        self._keep(frame)
        if not delay_s:
            self._fresh.append(frame)
        self._awake.set()

    def _segment(
        self, qn: str, event_ms: int, values: Mapping[str, float], counter: int | None, flag: Fault | None
    ) -> str:
        spec = self._spec
        items = [f"DataTime={hj212.data_time(event_ms, spec.utc_offset)}"]
        for code, value in values.items():
            flagged = flag is not None and (not flag.factors or code in flag.factors)
            letter = flag.flag if flag is not None and flagged else "N"
            items.append(f"{code}-Rtd={value:.{spec.factors[code].decimals}f},{code}-Flag={letter}")
        if counter is not None:
            items.append(f"{spec.answers}-Rtd={counter},{spec.answers}-Flag=N")
        fields: dict[str, str | int] = {
            "QN": qn,
            "ST": spec.st,
            "CN": hj212.REAL_TIME_DATA,
            "PW": spec.password,
            "MN": spec.mn,
            "Flag": hj212.VERSION_2017 | hj212.ANSWER_WANTED,
        }
        return hj212.encode_segment(fields, ";".join(items))

    def _keep(self, frame: _Frame) -> None:
        if len(self._store) >= STORE_FRAMES:
            oldest = next(iter(self._store))
            del self._store[oldest]
            log.warning("%s: store full, frame %s given up", self.instrument.name, oldest)
        self._store[frame.qn] = frame
        self.instrument.pending = len(self._store)

    async def send_frames(self, link: Link) -> None:
        """Send replies first, then new frames, then those whose answer is overdue, oldest first."""
        while True:
            self._awake.clear()
            await link.ready()
            if not link.up or self.instrument.faults.get("silence") is not None:
                await self._awake.wait()
                self._fresh.clear()  # what was made meanwhile waits in the store with the others
            elif self._replies:
                await link.send(hj212.encode_frame(self._replies.popleft()))
            elif (frame := self._next()) is not None:
                await self._transmit(link, frame)
            else:
                await self._until_overdue()

    def _next(self) -> _Frame | None:
        while self._fresh:
            frame = self._fresh.popleft()
            if frame.qn in self._store:
                return frame
        now_s = self._clock.wall()
        return next((frame for frame in self._window() if frame.send_at_s <= now_s), None)

    def _window(self) -> list[_Frame]:
        return list(islice(self._store.values(), _WINDOW))

    async def _until_overdue(self) -> None:
        next_s = min((frame.send_at_s for frame in self._window()), default=None)
        wait_s = None if next_s is None else max(0.0, next_s - self._clock.wall())
        try:
            async with asyncio.timeout(wait_s):
                await self._awake.wait()
        except TimeoutError:
            return

    async def _transmit(self, link: Link, frame: _Frame) -> None:
        fault = self.instrument.faults.falsifying
        delivered = await link.send(_garble(frame.segment, self.mn, fault))
        now_s = self._clock.wall()
        frame.send_at_s = now_s + OVERTIME_S
        if fault is not None:
            self._note(None, frame.event_ms, frame.values, fault.name)
        elif delivered and frame.row is None:
            if frame.counter is not None:
                self.instrument.answers = max(self.instrument.answers, frame.counter)
            frame.row = self._note(frame.counter, frame.event_ms, frame.values, frame.fault)

    def _note(
        self, counter: int | None, event_ms: int, values: Mapping[str, float], fault: str | None
    ) -> int:
        return self.instrument.record.note(
            self.instrument.name,
            counter=counter,
            wall_s=self._clock.wall(),
            event_ms=event_ms,
            values=values,
            fault=fault,
        )

    def hear(self, message: hj212.Message) -> None:
        """Take a message of the collector."""
        fields = message.fields
        if fields.get("CN") == hj212.DATA_ANSWER:
            frame = self._store.pop(fields.get("QN", ""), None)
            self.instrument.pending = len(self._store)
            if frame is not None and frame.row is not None:
                self.instrument.record.note_answered(frame.row, self._clock.wall())
        elif fields.get("Flag", "0").isdigit() and int(fields.get("Flag", "0")) & hj212.ANSWER_WANTED:
            self._replies.extend(self._obey(message))
            self._awake.set()

    def _obey(self, message: hj212.Message) -> list[str]:
        """Return the replies to a command: 9011, and for one we know its data and 9012."""
        qn, command = message.fields.get("QN", ""), message.fields.get("CN")
        if message.fields.get("PW") != self._spec.password:
            return [self._reply(qn, hj212.REQUEST_ANSWER, f"QnRtn={hj212.WRONG_PASSWORD}")]
        if command != hj212.GET_TIME:
            return [self._reply(qn, hj212.REQUEST_ANSWER, f"QnRtn={hj212.REFUSED}")]
        now = hj212.data_time(self._clock.event_ms(), self._spec.utc_offset)
        return [
            self._reply(qn, hj212.REQUEST_ANSWER, f"QnRtn={hj212.READY}"),
            self._reply(qn, hj212.GET_TIME, f"SystemTime={now}", system=self._spec.st),
            self._reply(qn, hj212.RESULT, "ExeRtn=1"),
        ]

    def _reply(self, qn: str, command: str, content: str, system: int = hj212.SYSTEM) -> str:
        fields: dict[str, str | int] = {
            "QN": qn,
            "ST": system,
            "CN": command,
            "PW": self._spec.password,
            "MN": self._spec.mn,
            "Flag": hj212.VERSION_2017,
        }
        return hj212.encode_segment(fields, content)


def _garble(segment: str, mn: str, fault: Fault | None) -> bytes:
    match fault.name if fault else None:
        case "wrong-unit":
            stranger = mn[:-1] + ("1" if mn[-1] == "0" else "0")
            return hj212.encode_frame(segment.replace(f";MN={mn};", f";MN={stranger};"))
        case "bad-crc":
            frame = hj212.encode_frame(segment)
            wrong = f"{int(frame[-6:-2], 16) ^ 0xFFFF:04X}".encode()
            return frame[:-6] + wrong + frame[-2:]
        case "garbage":
            return random.randbytes(len(segment))
        case _:
            return hj212.encode_frame(segment)
