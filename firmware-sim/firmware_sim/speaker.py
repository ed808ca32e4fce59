"""One station or instrument with a protocol of its own: its values, its counter, its record."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from firmware_sim.curves import Signal
from firmware_sim.dialects import TALKERS, Words, sdi12_data
from firmware_sim.faults import Fault
from firmware_sim.formulas import World
from firmware_sim.instrument import Instrument
from firmware_sim.scenario import SpeakerSpec

CONFIRMED = frozenset({"sl651", "sl427"})  # reports are repeated until the centre has confirmed them


@dataclass(slots=True, kw_only=True)
class Telegram:
    """One telegram that is about to be sent, perhaps again."""

    data: bytes
    counter: int | None
    event_ms: int
    values: Mapping[str, float]
    row: int | None = None  # in the record, from its first intact transmission


class Speaker:
    """Makes telegrams; independent of the wire it hangs on."""

    def __init__(self, spec: SpeakerSpec, protocol: str, instrument: Instrument, world: World) -> None:
        """Build the values' formulas."""
        self.spec = spec
        self.protocol = protocol
        self.instrument = instrument
        self.clock = world.clock
        self._made = instrument.answers
        self._signals: dict[str, Signal] = {
            code: world.signal(value.value, f"{spec.name}/{code}") for code, value in spec.values.items()
        }

    @property
    def is_silent(self) -> bool:
        """Whether it says nothing at all now."""
        return self.instrument.faults.get("silence") is not None

    def telegram(self, event_ms: int, *, crc: bool = False) -> Telegram:
        """What it says at an event time."""
        spec = self.spec
        values = {
            code: (round(self._signals[code].at(event_ms / 1000), value.decimals), value.decimals)
            for code, value in spec.values.items()
        }
        counter = None
        if spec.answers is not None:
            self._made = counter = max(self._made, self.instrument.answers) + 1
            values[spec.answers] = (float(counter), 0)
        words = Words(
            address=spec.address,
            values=values,
            event_ms=event_ms,
            utc_offset_s=spec.utc_offset,
            number=self._made,
        )
        match self.protocol:
            case "sdi12":
                data = sdi12_data(words, crc=crc)
            case "lines":
                numbers = {code: f"{value:.{decimals}f}" for code, (value, decimals) in values.items()}
                data = ((spec.says or "").format_map(numbers) + "\r\n").encode()
            case protocol:
                data = TALKERS[protocol](words)
        return Telegram(
            data=data,
            counter=counter,
            event_ms=event_ms,
            values={code: value for code, (value, _) in values.items()},
        )

    def garbled(self, telegram: Telegram) -> bytes:
        """The bytes as the faults of the moment leave them."""
        fault = self.instrument.faults.falsifying
        match fault.name if fault else None:
            case "garbage":
                return random.randbytes(len(telegram.data))
            case "bad-crc":
                return _spoilt(telegram.data)
            case _:
                return telegram.data

    def note(self, telegram: Telegram, *, delivered: bool) -> None:
        """Record a telegram right after its last byte went out (or could not)."""
        falsified: Fault | None = self.instrument.faults.falsifying
        fault: str | None = falsified.name if falsified else None
        if fault is None and not delivered:
            fault = "disconnect"
        if fault is None and telegram.row is not None:
            return
        counter = telegram.counter if fault is None else None
        if counter is not None:
            self.instrument.answers = max(self.instrument.answers, counter)
        row = self.instrument.record.note(
            self.instrument.name,
            counter=counter,
            wall_s=self.clock.wall(),
            event_ms=telegram.event_ms,
            values=telegram.values,
            fault=fault,
        )
        if fault is None:
            telegram.row = row


def _spoilt(data: bytes) -> bytes:
    """A frame whose check no longer holds: one bit in its middle is another."""
    middle = len(data) // 2
    return data[:middle] + bytes((data[middle] ^ 1,)) + data[middle + 1 :]
