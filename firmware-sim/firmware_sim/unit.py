"""One Modbus unit: a request in, an answer out, with its faults and its record."""

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_sim.clock import SimClock
from firmware_sim.errors import ModbusRefusalError
from firmware_sim.faults import Fault
from firmware_sim.formulas import World
from firmware_sim.instrument import Instrument
from firmware_sim.modbus import Write, exception_answer, parse_request, read_answer
from firmware_sim.registers import RegisterMap
from firmware_sim.scenario import UnitSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a unit is about to say."""

    unit: int
    pdu: bytes
    values: Mapping[str, float]
    counter: int | None
    event_ms: int
    falsified: Fault | None  # says nothing true: no counter advances
    late: bool


class ModbusUnit:
    """A slave, independent of the wire it hangs on."""

    def __init__(self, spec: UnitSpec, instrument: Instrument, world: World) -> None:
        """Build the unit's registers."""
        self.number = spec.unit
        self.turnaround_s = spec.turnaround
        self.instrument = instrument
        self._registers = RegisterMap(spec, world)
        self._clock: SimClock = world.clock

    def answer(self, pdu: bytes) -> Answer:
        """Answer a request with the values of this instant."""
        faults = self.instrument.faults
        fault = faults.falsifying
        event_ms = self._clock.event_ms()
        values: Mapping[str, float] = {}
        counter = None
        try:
            request = parse_request(pdu)
            if isinstance(request, Write):
                self._registers.write(request.table, request.addr, request.words)
                answer = request.echo
            else:
                block = self._registers.read(
                    request.table,
                    request.addr,
                    request.count,
                    event_s=event_ms / 1000,
                    counter=self.instrument.answers + 1,
                )
                answer, values = read_answer(request.function, block.words), block.values
                counter = self.instrument.answers + 1 if block.carries_counter else None
        except ModbusRefusalError as exc:
            answer = exception_answer(pdu[0], exc.code)
        unit = self.number
        if fault is not None:
            counter = None
            unit += fault.name == "wrong-unit"
            if fault.name == "exception":
                answer = exception_answer(pdu[0], fault.code)
        return Answer(
            unit=unit,
            pdu=answer,
            values=values,
            counter=counter,
            event_ms=event_ms,
            falsified=fault,
            late=faults.delay_s > 0,
        )

    def note(self, answer: Answer, *, delivered: bool = True) -> None:
        """Record an answer right after its last byte went out (or could not)."""
        fault: str | None = answer.falsified.name if answer.falsified else None
        if fault is None and not delivered:
            fault = "disconnect"
        counter = answer.counter if delivered else None
        if counter is not None:
            self.instrument.answers = counter
        if fault is None and answer.late:
            fault = "late"
        self.instrument.record.note(
            self.instrument.name,
            counter=counter,
            wall_s=self._clock.wall(),
            event_ms=answer.event_ms,
            values=answer.values,
            fault=fault,
        )


def garble(frame: bytes, fault: Fault | None) -> bytes:
    """Return the frame as a fault of the wire leaves it; the CRC is the last two bytes."""
    match fault.name if fault else None:
        case "bad-crc" if frame.startswith(b":"):  # two digits of check, CR, LF
            return frame[:-4] + (b"0" if frame[-4:-3] != b"0" else b"1") + frame[-3:]
        case "bad-crc":
            return frame[:-1] + bytes((frame[-1] ^ 0xFF,))
        case "collision":  # a twin answers one character later; where either sends a 0, the wire shows it
            return bytes(own & twin for own, twin in zip(frame + b"\xff", b"\xff" + frame, strict=True))
        case "garbage":
            return random.randbytes(len(frame))
        case _:
            return frame
