"""The dialogue with a modem (3GPP TS 27.007, 27.005): one command at a time, its answer, and notices between.

A command that is not answered in time leaves the dialogue out of step: whose answer comes next is anybody's
guess. The line is then lost, and whoever owns it opens it anew.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from alerting.errors import ModemLostError, ModemRefusedError

_ERROR = re.compile(r"\+CM[ES] ERROR: *(?P<code>\d+)?.*|ERROR|COMMAND NOT SUPPORT")
_NOTICES = (
    *("+CMTI:", "+CDSI:", "+CDS:", "+CMT:", "+CBM:"),
    *("RING", "+CLIP:", "+RXDTMF:", "+DTMF:", "VOICE CALL:", "NO CARRIER", "BUSY", "NO ANSWER", "+CTTS: 0"),
    *("^", "*"),
)
_WITH_PDU = ("+CDS:", "+CMT:", "+CBM:")
_END_OF_PDU, _ESCAPE = b"\x1a", b"\x1b"
_MOST_UNREAD = 65_536


class Notice(NamedTuple):
    """A line that the modem says by itself, and the PDU that follows some."""

    line: str
    pdu: str = ""


@dataclass(slots=True)
class _Question:
    """A command under way."""

    command: str
    lines: list[str] = field(default_factory=list)
    prompted: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Future[list[str]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class AtLine(asyncio.Protocol):
    """One open port with a modem behind it."""

    def __init__(self, on_notice: Callable[[Notice], None]) -> None:
        """``on_notice`` is called with each notice as it comes; it must not wait."""
        self._on_notice = on_notice
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._heading = ""  # a notice whose PDU is still to come
        self._question: _Question | None = None
        self._turn = asyncio.Lock()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done, with the reason, once nothing more can come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with whatever an earlier dialogue left half said."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (a serial port is one)
        self._transport = transport
        transport.write(_ESCAPE + b"\r")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._transport = None
        self._lose(f"unplugged: {exc}" if exc else "closed")

    def data_received(self, data: bytes) -> None:
        """Take bytes, line by line; the prompt has no end of line."""
        self._unread += data
        while True:
            self._unread = self._unread.lstrip(b"\r\n")
            question = self._question
            if self._unread.startswith(b">") and question is not None:
                self._unread = self._unread[1:].lstrip(b" ")
                question.prompted.set()
                continue
            end = re.search(rb"[\r\n]", self._unread)
            if end is None:
                break
            line = self._unread[: end.start()].decode("latin-1").strip()
            self._unread = self._unread[end.end() :]
            if line:
                self._hear(line)
        if len(self._unread) > _MOST_UNREAD:
            self._lose("endless line")

    async def ask(self, command: str, *, timeout_s: float, pdu: bytes | None = None) -> list[str]:
        """Say one command, and what follows its prompt; the lines of its answer without the final OK.

        Raises:
            ModemRefusedError: It was answered with an error.
            ModemLostError: It was not answered in time, or the port is gone; the line is of no more use.
        """
        async with self._turn:
            if self.lost.done():
                raise ModemLostError(self.lost.result())
            question = self._question = _Question(command)
            try:
                async with asyncio.timeout(timeout_s):
                    self._write(f"{command}\r".encode())
                    if pdu is not None:
                        await self._prompt(question)
                        self._write(pdu + _END_OF_PDU)
                    return await question.answer
            except TimeoutError as exc:
                question.answer.cancel()
                self._lose(f"{_name(command)}: no answer within {timeout_s:g} s")
                raise ModemLostError(self.lost.result()) from exc
            finally:
                self._question = None
                question.answer.cancel()

    def close(self) -> None:
        """Give the port back."""
        self._lose("closed")

    async def _prompt(self, question: _Question) -> None:
        """Wait until the modem wants the PDU, or refuses already."""
        question.answer.add_done_callback(lambda _: question.prompted.set())
        await question.prompted.wait()
        if question.answer.done():
            await question.answer  # raises what it holds
            raise ModemRefusedError(_name(question.command), "no prompt", None)

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ModemLostError("the port is closed")
        self._transport.write(data)

    def _hear(self, line: str) -> None:
        question = self._question
        if self._heading:
            heading, self._heading = self._heading, ""
            self._on_notice(Notice(heading, line))
        elif line.startswith(_WITH_PDU):
            self._heading = line
        elif line.startswith(_NOTICES):
            self._on_notice(Notice(line))
        elif question is None or line == question.command or question.answer.done():
            return  # an echo, or a greeting such as "RDY"
        elif line == "OK":
            question.answer.set_result(question.lines)
        elif refusal := _ERROR.fullmatch(line):
            code = refusal["code"]
            error = ModemRefusedError(_name(question.command), line, int(code) if code else None)
            question.answer.set_exception(error)
        else:
            question.lines.append(line)

    def _lose(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)
        if self._question is not None and not self._question.answer.done():
            self._question.answer.set_exception(ModemLostError(reason))
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()


def _name(command: str) -> str:
    """The command without its arguments: they may be a PIN or somebody's number."""
    return re.split(r"[=\"\d]", command, maxsplit=1)[0]
