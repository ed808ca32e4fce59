"""Calling by our own modem until somebody confirms with a key (叫应).

The modem dials, reads the warning out and waits for the key 1. A call that nobody answers, or that somebody
answers without pressing it, as an answering machine does, is worth another. Reading out is AT+CTTS and keys
are +RXDTMF or +DTMF, as SIMCom's modules have them; one that cannot speak refuses.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from alerting.channels.channel import Receipt, ReceiptState, Recipient, WarningMessage
from alerting.channels.modem.modem import Modem
from alerting.channels.replies import Replies, Reply
from alerting.errors import ChannelDownError, ChannelRefusedError, ModemLostError, ModemRefusedError
from district.findings import Text

CHANNEL = "modem-call"
_CONFIRM = "1"
_PLEASE = Text("Press 1 to confirm.", "确认请按1。")
_ANSWERED = "VOICE CALL: BEGIN"
_ENDED = ("NO CARRIER", "BUSY", "NO ANSWER", "VOICE CALL: END")
_SPOKEN = "+CTTS: 0"
_LINES_KEPT = 100
_KEYS = ("+RXDTMF:", "+DTMF:")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTimes:
    """How long each part of a call may take; wall time."""

    ring_s: float = 45.0
    speak_s: float = 60.0
    key_s: float = 15.0  # after each reading
    readings: int = 3


class Ear:
    """Hears what the modem says about the call that is going on."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str] = asyncio.Queue(_LINES_KEPT)

    def notice(self, line: str) -> None:
        """Take a notice of the modem."""
        if self._lines.full():  # chatter between calls: the oldest is of no use to anybody
            self._lines.get_nowait()
        self._lines.put_nowait(line)

    def forget(self) -> None:
        """Begin a call: what was said before is about another."""
        while not self._lines.empty():
            self._lines.get_nowait()

    async def until(self, wanted: tuple[str, ...], timeout_s: float) -> str | None:
        """The first line that begins with one of ``wanted``; none if the time passes without.

        Raises:
            ChannelDownError: The call ended.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while True:
                    line = await self._lines.get()
                    if line.startswith(_ENDED):
                        raise ChannelDownError(f"{CHANNEL}: {line}")
                    if line.startswith(wanted):
                        return line
        return None


class ModemCall:
    """Calls one person after the other."""

    def __init__(self, modem: Modem, ear: Ear, replies: Replies, *, times: CallTimes | None = None) -> None:
        self._modem = modem
        self._ear = ear
        self._replies = replies
        self._times = times or CallTimes()
        self._turn = asyncio.Lock()

    async def send(self, warning: WarningMessage, to: Recipient) -> Receipt:
        """Call until the key is pressed, or it is clear that it will not be.

        Raises:
            ChannelDownError: Nobody answered or confirmed; no modem, no network.
            ChannelRefusedError: The modem can neither dial nor speak.
        """
        async with self._turn:
            try:
                await self._call(warning, to)
            except ModemRefusedError as exc:
                raise ChannelRefusedError(f"{CHANNEL}: {exc}") from exc
            except ModemLostError as exc:
                raise ChannelDownError(f"{CHANNEL}: {exc}") from exc
            finally:
                with suppress(ModemRefusedError, ModemLostError):
                    await self._modem.ask("AT+CHUP")
        now = datetime.fromtimestamp(time.time(), UTC)
        await self._replies.heard(
            Reply(channel=CHANNEL, address=to.address, text=_CONFIRM, at=now, ref=warning.thread)
        )
        return Receipt(ReceiptState.DELIVERED, "confirmed with a key")

    async def _call(self, warning: WarningMessage, to: Recipient) -> None:
        times, texts = self._times, warning.texts[to.language]
        please = _PLEASE.in_language(to.language)
        speech = f"{texts.headline} {texts.instruction} {please}".encode("utf-16-be").hex().upper()
        self._ear.forget()
        with suppress(ModemRefusedError):  # some modules hear keys without being told to
            await self._modem.ask("AT+DDET=1")
        await self._modem.ask(f"ATD{to.address};", timeout_s=times.ring_s)
        if await self._ear.until((_ANSWERED,), times.ring_s) is None:
            raise ChannelDownError(f"{CHANNEL}: nobody answered within {times.ring_s:g} s")
        for _ in range(times.readings):
            await self._modem.ask(f'AT+CTTS=1,"{speech}"')
            said = await self._ear.until((_SPOKEN, *_KEYS), times.speak_s)
            if said is not None and said.startswith(_SPOKEN):
                said = await self._ear.until(_KEYS, times.key_s)
            if said is not None and said.rpartition(":")[2].strip() == _CONFIRM:
                return
        raise ChannelDownError(f"{CHANNEL}: answered, and not confirmed")
