"""One serial line with stations or instruments that have a protocol of their own."""

import asyncio
import logging
import math
import re
from collections.abc import Sequence
from pathlib import Path

from firmware_sim.dialects import confirmed
from firmware_sim.pty_port import PtyPort
from firmware_sim.scenario import SpeakerLineSpec
from firmware_sim.speaker import CONFIRMED, Speaker, Telegram

log = logging.getLogger(__name__)

_REPEAT_S = 2.0  # wall time a report waits for its confirmation
_MOST_HEARD = 4096
_PLANTOWER_READ = bytes.fromhex("424de200000171")
_SDI12 = re.compile(rb"(?P<address>[0-9A-Za-z])(?P<command>MC?[1-9]?|CC?[1-9]?|D[0-9])!")


class SpeakerLine:
    """Speakers that talk by themselves, and speakers that answer; one talks at a time."""

    def __init__(self, spec: SpeakerLineSpec, speakers: Sequence[Speaker], link: Path) -> None:
        """Know the line; nothing is open yet."""
        self._setting = spec.line
        self._protocol = spec.kind
        self._speakers = speakers
        self._link = link
        self._talking = asyncio.Lock()
        self._heard = b""
        self._confirmed = asyncio.Event()
        self._measured: dict[str, Telegram] = {}  # SDI-12: what waits to be fetched

    async def open(self, tasks: asyncio.TaskGroup) -> str:
        """Open the port, start the talkers, return the port's path."""
        self._tasks = tasks
        self._port = PtyPort(self._link, self._setting, self._hear)
        for speaker in self._speakers:
            if speaker.spec.every is not None:
                tasks.create_task(self._talk(speaker, speaker.spec.every))
        return str(self._link)

    async def reconcile(self) -> None:
        """Pull or put in the plug, as the faults of the speakers say."""
        if any(speaker.instrument.faults.disconnected for speaker in self._speakers):
            self._port.unplug()
        else:
            self._port.plug()

    async def close(self) -> None:
        """Give the port back."""
        self._port.close()

    async def _talk(self, speaker: Speaker, every_s: float) -> None:
        """Speak at every multiple of ``every`` in event time; a report that must be confirmed is repeated."""
        due = math.ceil(speaker.clock.event_s() / every_s)
        while True:
            await speaker.clock.until_event(due * every_s)
            if not speaker.is_silent:
                telegram = speaker.telegram(round(due * every_s * 1000))
                await self._say(speaker, telegram)
                while self._protocol in CONFIRMED and not await self._is_confirmed(speaker):
                    await self._say(speaker, telegram)
            due = max(due + 1, math.ceil(speaker.clock.event_s() / every_s))

    async def _is_confirmed(self, speaker: Speaker) -> bool:
        deadline_s = asyncio.get_running_loop().time() + _REPEAT_S
        while not confirmed(self._protocol, self._heard, speaker.spec.address):
            self._confirmed.clear()
            try:
                async with asyncio.timeout_at(deadline_s):
                    await self._confirmed.wait()
            except TimeoutError:
                return False
        self._heard = b""
        return True

    async def _say(self, speaker: Speaker, telegram: Telegram) -> None:
        await asyncio.sleep(speaker.instrument.faults.delay_s)
        async with self._talking:
            if speaker.is_silent:
                return
            delivered = await self._port.send(speaker.garbled(telegram))
            speaker.note(telegram, delivered=delivered)

    def _hear(self, data: bytes) -> None:
        self._heard = (self._heard + data)[-_MOST_HEARD:]
        self._confirmed.set()
        for speaker in self._speakers:
            if speaker.spec.every is None:
                self._obey(speaker)

    def _obey(self, speaker: Speaker) -> None:
        """Answer the questions to this speaker in what was heard."""
        match self._protocol:
            case "sdi12":
                for found in _SDI12.finditer(self._heard):
                    if found["address"].decode() == speaker.spec.address:
                        self._heard = self._heard[found.end() :]
                        self._tasks.create_task(self._answer_sdi12(speaker, found["command"].decode()))
                        return
                return
            case "vaisala":
                question = f"{speaker.spec.address}R0\r\n".encode()
            case "plantower":
                question = _PLANTOWER_READ
            case _:
                question = (speaker.spec.ask or "").encode()
        if question and question in self._heard:
            self._heard = self._heard.partition(question)[2]
            self._tasks.create_task(self._answer(speaker))

    async def _answer(self, speaker: Speaker) -> None:
        await asyncio.sleep(speaker.spec.turnaround)
        if not speaker.is_silent:
            await self._say(speaker, speaker.telegram(speaker.clock.event_ms()))

    async def _answer_sdi12(self, speaker: Speaker, command: str) -> None:
        """A measurement is ready at once: seven characters, then the values with D0."""
        if speaker.is_silent:
            return
        await asyncio.sleep(speaker.spec.turnaround)
        address = speaker.spec.address
        if command.startswith("D"):
            telegram = self._measured.pop(address, None)
            if telegram is not None:
                await self._say(speaker, telegram)
            return
        telegram = speaker.telegram(speaker.clock.event_ms(), crc=command[1:2] == "C")
        self._measured[address] = telegram
        async with self._talking:
            await self._port.send(f"{address}000{len(telegram.values)}\r\n".encode())
