"""A GSM modem on a pseudo-terminal, at the level of AT commands, with a network and telephones behind it."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from firmware_sim.pty_port import PtyPort
from firmware_sim.sms import PduMistakeError, Submitted, read_submit, write_deliver, write_report
from firmware_sim.units import LineSetting

_BYTE_CHARS = 10
_SIM_PLACES = 40
_INVALID_PDU, _NO_SIM, _MEMORY_FULL, _BAD_PLACE = 304, 310, 322, 321
_DELIVERED = 0


@dataclass
class ModemFaults:
    """What can be wrong with a modem; switched on and off while it runs."""

    sim_missing: bool = False
    cms_error: int | None = None  # how the network answers every message
    slow_network: bool = False  # the network does not answer a message for the moment
    half_answer: bool = False  # it begins to answer a message, and stops in the middle of a word
    answer_lost: bool = False  # the network takes a message, and its answer never comes
    silent: bool = False  # it says nothing at all
    takes: int | None = None  # so many messages, then the network is congested
    speechless: bool = False  # it cannot read texts out
    registration: int = 1  # in a network, as 3GPP TS 27.007 numbers it
    signal: int = 20  # as +CSQ gives it
    report_status: int | None = _DELIVERED  # what reports say; none to send no reports


class Callee(Enum):
    """What whoever is called does."""

    CONFIRMS = "picks up, listens and presses 1"
    LISTENS = "picks up, listens and presses nothing"
    PRESSES_NINE = "picks up, listens and presses 9"
    HANGS_UP = "picks up and hangs up while being spoken to"
    BUSY = "is on another call"
    AWAY = "does not pick up"


@dataclass
class Telephones:
    """What the telephones of the world have received."""

    arrived: list[Submitted] = field(default_factory=list)

    def texts(self, number: str) -> list[str]:
        """The messages that a telephone shows, those of several parts joined."""
        shown: list[str] = []
        groups: dict[int, dict[int, str]] = {}
        for one in self.arrived:
            if one.number != number:
                continue
            if one.group is None:
                shown.append(one.text)
                continue
            parts = groups.setdefault(one.group, {})
            parts[one.part] = one.text
            if len(parts) == one.parts:
                shown.append("".join(parts[part] for part in sorted(parts)))
                del groups[one.group]
        return shown


class GsmModem:
    """One modem; :meth:`plug` puts it onto a new pseudo-terminal behind the same path."""

    def __init__(self, link: Path, *, baud: int = 921_600, pin: str | None = None) -> None:
        """``pin`` is what its SIM wants before anything else."""
        self.faults = ModemFaults()
        self.telephones = Telephones()
        self.calls: list[str] = []
        self.spoken: list[str] = []
        self.callee = Callee.CONFIRMS
        self.confirmed: list[str] = []
        self.hung_up = 0
        self.pin_attempts: list[str] = []
        self.commands: list[str] = []
        self._link = link
        self._setting = LineSetting(baud=baud, bits_per_char=_BYTE_CHARS)
        self._pin = pin
        self._port: PtyPort | None = None
        self._stored: dict[int, str] = {}
        self._reference = 0
        self._group = 0
        self._answering: Callable[[str], None] | None = None
        self._tasks: set[asyncio.Task[bool]] = set()
        self._out: list[bytes] = []
        self._reset()

    @property
    def stored(self) -> int:
        """How many messages lie on the SIM."""
        return len(self._stored)

    def plug(self) -> None:
        """Plug it in; what its SIM has stored is still there, its settings are not."""
        if self._port is not None:
            return
        self._reset()
        self._port = PtyPort(self._link, self._setting, self._on_bytes)

    def unplug(self) -> None:
        """Pull it out: whoever has the port open notices."""
        if self._port is not None:
            self._port.close()
            self._port = None

    async def close(self) -> None:
        """Give the port back."""
        self.unplug()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def receive(self, number: str, text: str, *, gsm7: bool = False, only: set[int] | None = None) -> None:
        """Somebody sends a text; of several parts perhaps ``only`` some arrive."""
        self._group = (self._group + 1) % 256
        for part, pdu in enumerate(write_deliver(number, text, group=self._group, gsm7=gsm7), 1):
            if only is None or part in only:
                self._store(pdu)

    def notice(self, line: str) -> None:
        """Say something of its own accord."""
        self._say(line)

    def _store(self, pdu: str) -> None:
        place = next((place for place in range(1, _SIM_PLACES + 1) if place not in self._stored), None)
        if place is None:
            return  # the network keeps it, for longer than any test
        self._stored[place] = pdu
        if self._notices:
            self._say(f'+CMTI: "SM",{place}')

    def _reset(self) -> None:
        self._input = b""
        self._echo = True
        self._numeric_errors = False
        self._pdu_mode = False
        self._notices = False
        self._reports = False
        self._unlocked = self._pin is None
        self._announced: int | None = None

    def _on_bytes(self, data: bytes) -> None:
        for byte in data:
            self._on_byte(bytes((byte,)))

    def _on_byte(self, byte: bytes) -> None:
        if self._announced is not None:
            if byte == b"\x1b":
                self._announced, self._input = None, b""
                self._say("OK")
            elif byte == b"\x1a":
                announced, text = self._announced, self._input.decode("latin-1")
                self._announced, self._input = None, b""
                self._submit(text, announced)
            else:
                self._input += byte
            return
        if byte == b"\x1b":
            self._input = b""
        elif byte == b"\r":
            line, self._input = self._input.decode("latin-1"), b""
            if self._echo and line:
                self._send(f"{line}\r".encode())
            if line:
                self._obey(line)
        elif byte != b"\n":
            self._input += byte

    def _obey(self, line: str) -> None:
        self.commands.append(line)
        if self.faults.silent:
            return
        name, _, value = line.partition("=")
        handler = self._handlers().get(name) or (self._dial if line.startswith("ATD") else None)
        if handler is None:
            self._error(100, equipment=True)
        elif name in _NEEDS_SIM and (self.faults.sim_missing or not self._unlocked):
            self._error(_NO_SIM if self.faults.sim_missing else 311)
        else:
            handler(value if value or not line.startswith("ATD") else line[3:])

    def _handlers(self) -> dict[str, Callable[[str], None]]:
        return {
            "AT": self._fine,
            "ATE0": self._echo_off,
            "ATH": self._fine,
            "AT+CHUP": self._end_call,
            "AT+CMEE": self._errors,
            "AT+CPIN?": self._say_pin,
            "AT+CPIN": self._take_pin,
            "AT+CREG?": self._say_registration,
            "AT+CSQ": self._say_signal,
            "AT+CMGF": self._mode,
            "AT+CNMI": self._notify,
            "AT+CMGS": self._announce,
            "AT+CMGL": self._list,
            "AT+CMGD": self._delete,
            "AT+CTTS": self._speak,
            "AT+DDET": self._fine,
        }

    def _fine(self, value: str = "") -> None:
        del value
        self._say("OK")

    def _echo_off(self, value: str) -> None:
        self._echo = False
        self._fine(value)

    def _errors(self, value: str) -> None:
        self._numeric_errors = value == "1"
        self._fine()

    def _say_pin(self, value: str) -> None:
        del value
        if self.faults.sim_missing:
            self._error(10, equipment=True)
            return
        self._say("+CPIN: READY" if self._unlocked else "+CPIN: SIM PIN")
        self._fine()

    def _take_pin(self, value: str) -> None:
        self.pin_attempts.append(value)
        if value.strip('"') == self._pin:
            self._unlocked = True
            self._fine()
        else:
            self._error(16, equipment=True)

    def _say_registration(self, value: str) -> None:
        del value
        self._say(f"+CREG: 0,{self.faults.registration}")
        self._fine()

    def _say_signal(self, value: str) -> None:
        del value
        self._say(f"+CSQ: {self.faults.signal},99")
        self._fine()

    def _mode(self, value: str) -> None:
        self._pdu_mode = value == "0"
        self._fine()

    def _notify(self, value: str) -> None:
        wanted = value.split(",")
        self._notices, self._reports = wanted[1] == "1", wanted[3] == "1"
        self._fine()

    def _announce(self, value: str) -> None:
        if not self._pdu_mode or not value.isdigit():
            self._error(302)
            return
        self._announced = int(value)
        self._send(b"\r\n> ")

    def _submit(self, text: str, announced: int) -> None:
        faults = self.faults
        if faults.slow_network:
            return
        if faults.half_answer:
            self._send(b"\r\n+CMG")
            return
        if faults.takes is not None and len(self.telephones.arrived) >= faults.takes:
            self._error(42)
            return
        if faults.cms_error is not None:
            self._error(faults.cms_error)
            return
        try:
            submitted = read_submit(text, announced)
        except PduMistakeError:
            self._error(_INVALID_PDU)
            return
        self._reference = (self._reference + 1) % 256
        self.telephones.arrived.append(submitted)
        if faults.answer_lost:
            return
        self._say(f"+CMGS: {self._reference}")
        self._fine()
        if submitted.wants_report and self._reports and faults.report_status is not None:
            report = write_report(self._reference, submitted.number, faults.report_status)
            self._say(f"+CDS: {len(report) // 2 - 1}")
            self._say(report)

    def _list(self, value: str) -> None:
        if value != "4" or not self._pdu_mode:
            self._error(302)
            return
        for place, pdu in sorted(self._stored.items()):
            self._say(f"+CMGL: {place},0,,{len(pdu) // 2 - 1}")
            self._say(pdu)
        self._fine()

    def _delete(self, value: str) -> None:
        if self._stored.pop(int(value), None) is None:
            self._error(_BAD_PLACE)
        else:
            self._fine()

    def _dial(self, value: str) -> None:
        number = re.fullmatch(r"(\+?\d+);", value)
        if number is None:
            self._say("NO CARRIER")
            return
        self.calls.append(number[1])
        self._fine()
        if self.callee is Callee.BUSY:
            self._say("BUSY")
        elif self.callee is not Callee.AWAY:
            self._say("VOICE CALL: BEGIN")

    def _speak(self, value: str) -> None:
        if self.faults.speechless:
            self._error(3, equipment=True)
            return
        mode, _, text = value.partition(",")
        text = text.strip('"')
        self.spoken.append(bytes.fromhex(text).decode("utf-16-be") if mode == "1" else text)
        self._fine()
        if self.callee is Callee.HANGS_UP:
            self._say("NO CARRIER")
            return
        self._say("+CTTS: 0")
        if self.callee is Callee.CONFIRMS:
            self.confirmed.append(self.calls[-1])
            self._say("+RXDTMF: 1")
        elif self.callee is Callee.PRESSES_NINE:
            self._say("+RXDTMF: 9")

    def _end_call(self, value: str) -> None:
        self.hung_up += 1
        self._fine(value)

    def _error(self, code: int, *, equipment: bool = False) -> None:
        if not self._numeric_errors:
            self._say("ERROR")
        else:
            self._say(f"+CM{'E' if equipment else 'S'} ERROR: {code}")

    def _say(self, line: str) -> None:
        self._send(f"\r\n{line}\r\n".encode("latin-1"))

    def _send(self, data: bytes) -> None:
        self._out.append(data)
        if not self._tasks and not self.faults.silent:
            task = asyncio.create_task(self._drain(), name=f"gsm-modem:{self._link.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> bool:
        """Send what is said, one thing after the other, at the line's pace."""
        while self._out:
            data = self._out.pop(0)
            if self._port is not None:
                await self._port.send(data)
        return True


_NEEDS_SIM = frozenset({"AT+CMGS", "AT+CMGL", "AT+CMGD", "AT+CNMI"})
