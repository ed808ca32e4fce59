"""The owner of a modem: opens its port, readies it, and opens it again when it is lost.

Whatever the modem has stored, replies that came while nobody listened among it, is read at each opening, at
each notice and now and then. It is deleted only once it has been taken.
"""

import asyncio
import itertools
import random
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

import serial
import serial_asyncio_fast
import structlog

from alerting.channels.modem.at import AtLine, Notice
from alerting.channels.modem.pdu import Incoming, StatusReport, decode_incoming
from alerting.errors import ModemLostError, ModemRefusedError, PduError

log = structlog.get_logger(__name__)

_STORED = re.compile(r"\+CMGL: *(?P<index>\d+),")
_SENT = re.compile(r"\+CMGS: *(?P<reference>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemSettings:
    """One modem."""

    port: str  # a path that stays the same, as in /dev/serial/by-id/
    baud: int = 115200
    pin: str | None = field(default=None, repr=False)  # of its SIM
    answer_s: float = 5.0  # for commands that the modem answers by itself
    network_s: float = 60.0  # for those that wait for the network
    look_every_s: float = 30.0  # at what is stored, and whether the modem is still there
    settle_s: float = 0.3  # for what an earlier dialogue left unanswered, when the port has been opened
    reopen_s: tuple[float, float] = (0.5, 15.0)  # pause before opening again: at first, at most


class Inbox(Protocol):
    """Takes what a modem receives."""

    async def messages(self, stored: Mapping[int, Incoming]) -> Collection[int]:
        """Take the messages that are stored, by their places; which of them may be forgotten now."""
        ...

    async def report(self, report: StatusReport) -> None:
        """Take what became of a message."""
        ...


class Modem:
    """Sends short messages and calls; made by :func:`open_modem`."""

    def __init__(
        self, settings: ModemSettings, inbox: Inbox, on_call: Callable[[str], None] | None = None
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._on_call = on_call
        self._line: AtLine | None = None
        self._reason = "not opened yet"
        self._pin_tried = False
        self._wake = asyncio.Event()
        self._reports: list[str] = []
        self._is_ready = asyncio.Event()

    async def ready(self) -> None:
        """Wait until the modem can be used."""
        await self._is_ready.wait()

    async def submit(self, pdu: bytes) -> int:
        """Send one short message; the reference under which its report will come.

        Raises:
            ModemRefusedError: The modem or the network refuses.
            ModemLostError: There is no modem for the moment; it may have sent the message all the same.
        """
        length = len(pdu) - 1 - pdu[0]  # the service centre is not counted
        said = await self.ask(
            f"AT+CMGS={length}", timeout_s=self._settings.network_s, pdu=pdu.hex().upper().encode()
        )
        sent = next(filter(None, map(_SENT.match, said)), None)
        if sent is None:
            raise ModemLostError("AT+CMGS: an answer without a reference")
        return int(sent["reference"])

    async def ask(
        self, command: str, *, timeout_s: float | None = None, pdu: bytes | None = None
    ) -> list[str]:
        """Say one command to the modem as it is open now.

        Raises:
            ModemRefusedError: It was answered with an error.
            ModemLostError: There is no modem for the moment.
        """
        if self._line is None:
            raise ModemLostError(self._reason)
        return await self._line.ask(command, timeout_s=timeout_s or self._settings.answer_s, pdu=pdu)

    async def run(self) -> None:
        """Own the modem until cancelled."""
        pause_s, longest_s = self._settings.reopen_s
        down = False
        while True:
            try:
                async with self._open() as line:
                    await self._make_ready(line)
                    if down:
                        log.info("modem-returned", port=self._settings.port)
                    down, pause_s = False, self._settings.reopen_s[0]
                    self._line = line
                    self._is_ready.set()
                    await self._serve(line)
            except (OSError, ModemLostError, ModemRefusedError) as exc:  # SerialException is an OSError
                self._reason = f"{self._settings.port}: {exc}"
                if not down:
                    log.warning("modem-down", port=self._settings.port, reason=str(exc))
                down = True
            except Exception:  # whoever takes replies is in trouble: they wait in the modem for the next try
                log.exception("modem-failed", port=self._settings.port)
            finally:
                self._line = None
                self._is_ready.clear()
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(longest_s, pause_s * 2)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[AtLine]:
        settings = self._settings
        device = serial.Serial(settings.port, baudrate=settings.baud, exclusive=True)
        line = AtLine(self._notice)
        line.lost.add_done_callback(lambda _: self._wake.set())
        await serial_asyncio_fast.connection_for_serial(asyncio.get_running_loop(), lambda: line, device)
        try:
            yield line
        finally:
            line.close()

    async def _make_ready(self, line: AtLine) -> None:
        answer_s = self._settings.answer_s
        await asyncio.sleep(self._settings.settle_s)  # else a late OK would answer the wrong question
        await line.ask("AT", timeout_s=answer_s)
        await line.ask("ATE0", timeout_s=answer_s)
        await line.ask("AT+CMEE=1", timeout_s=answer_s)
        await self._unlock(line)
        await line.ask("AT+CMGF=0", timeout_s=answer_s)
        for wish in ('AT+CPMS="SM","SM","SM"', "AT+CMMS=1"):  # not every modem knows them, and none must
            with suppress(ModemRefusedError):
                await line.ask(wish, timeout_s=answer_s)
        await line.ask("AT+CNMI=2,1,0,1,0", timeout_s=answer_s)

    async def _unlock(self, line: AtLine) -> None:
        """A wrong PIN is tried once in a process's life: three of them lock the SIM."""
        (state,) = await line.ask("AT+CPIN?", timeout_s=self._settings.answer_s) or [""]
        if state == "+CPIN: READY":
            return
        if state != "+CPIN: SIM PIN" or self._settings.pin is None or self._pin_tried:
            raise ModemRefusedError("AT+CPIN", state, None)
        self._pin_tried = True
        await line.ask(f'AT+CPIN="{self._settings.pin}"', timeout_s=self._settings.network_s)
        self._pin_tried = False

    async def _serve(self, line: AtLine) -> None:
        """Take what comes until the line is lost."""
        while not line.lost.done():
            self._wake.clear()
            await self._take_reports()
            await self._take_stored(line)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.look_every_s):
                    await self._wake.wait()
        raise ModemLostError(line.lost.result())

    async def _take_reports(self) -> None:
        while self._reports:
            report = _decode(self._reports[0])
            if isinstance(report, StatusReport):
                await self._inbox.report(report)
            del self._reports[0]

    async def _take_stored(self, line: AtLine) -> None:
        said = await line.ask("AT+CMGL=4", timeout_s=self._settings.answer_s)
        stored: dict[int, Incoming] = {}
        taken: set[int] = set()  # also what cannot be read: it would fill the SIM until nothing came through
        for heading, text in itertools.pairwise(said):
            if (place := _STORED.match(heading)) is None:
                continue
            incoming = _decode(text)
            if isinstance(incoming, Incoming):
                stored[int(place["index"])] = incoming
                continue
            if isinstance(incoming, StatusReport):
                await self._inbox.report(incoming)
            taken.add(int(place["index"]))
        if stored:
            taken.update(await self._inbox.messages(stored))
        for index in sorted(taken):
            await line.ask(f"AT+CMGD={index}", timeout_s=self._settings.answer_s)

    def _notice(self, notice: Notice) -> None:
        if notice.line.startswith("+CDS:"):
            self._reports.append(notice.pdu)
        elif not notice.line.startswith(("+CMTI:", "+CDSI:")):
            if self._on_call is not None:
                self._on_call(notice.line)
            return
        self._wake.set()


@asynccontextmanager
async def open_modem(
    settings: ModemSettings, inbox: Inbox, on_call: Callable[[str], None] | None = None
) -> AsyncIterator[Modem]:
    """A modem and the task that owns it; it need not be plugged in.

    Args:
        settings: Which one.
        inbox: Takes what it receives.
        on_call: Called with each notice that is about a call.
    """
    modem = Modem(settings, inbox, on_call)
    owner = asyncio.create_task(modem.run(), name=f"modem:{settings.port}")
    try:
        yield modem
    finally:
        owner.cancel()
        await asyncio.gather(owner, return_exceptions=True)


def _decode(text: str) -> Incoming | StatusReport | None:
    try:
        return decode_incoming(bytes.fromhex(text))
    except (PduError, ValueError) as exc:
        log.warning("message-unreadable", reason=str(exc))
        return None
