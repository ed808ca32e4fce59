"""Modbus RTU or ASCII slaves sharing one serial line."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from firmware_sim.converter_port import ConverterPort
from firmware_sim.modbus import AsciiScanner, Request, RequestScanner, ascii_frame, rtu_frame
from firmware_sim.pty_port import PtyPort
from firmware_sim.scenario import ModbusRtuSpec
from firmware_sim.unit import ModbusUnit, garble

log = logging.getLogger(__name__)

_BROADCAST = 0
_SHORTEST_SILENCE_S = 0.02  # a process on a busy machine pauses longer inside a frame than a UART does


class RtuLine:
    """One line; every unit hears every request and answers its own."""

    def __init__(self, spec: ModbusRtuSpec, units: Mapping[int, ModbusUnit], link: Path) -> None:
        """Know the line; nothing is open yet."""
        self._setting = spec.line
        self._strict = spec.strict
        self._listen = spec.listen
        is_ascii = spec.kind == "modbus-ascii"
        self._frame = ascii_frame if is_ascii else rtu_frame
        self._units = units
        self._link = link
        self._scanner: RequestScanner | AsciiScanner = AsciiScanner() if is_ascii else RequestScanner()
        self._port: PtyPort | ConverterPort
        self._talking = asyncio.Lock()  # one at a time on a pair of wires
        self._heard_s = 0.0  # when the last byte received would have ended on a real line
        self._silence: asyncio.TimerHandle | None = None

    async def open(self, tasks: asyncio.TaskGroup) -> str:
        """Open the port and return its path."""
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        if self._listen is not None:
            self._port = ConverterPort(self._listen, self._setting, self._hear)
            return str(await self._port.open())
        self._port = PtyPort(self._link, self._setting, self._hear, strict=self._strict)
        return str(self._link)

    async def reconcile(self) -> None:
        """Pull or put in the plug, as the faults of the units say."""
        if any(unit.instrument.faults.disconnected for unit in self._units.values()):
            self._port.unplug()
        else:
            self._port.plug()

    async def close(self) -> None:
        """Give the port back."""
        if self._silence is not None:
            self._silence.cancel()
        self._port.close()

    def _hear(self, data: bytes) -> None:
        now_s = self._loop.time()
        self._heard_s = max(self._heard_s, now_s) + len(data) * self._setting.char_s
        self._serve(self._scanner.feed(data))
        if self._silence is not None:
            self._silence.cancel()
        if self._scanner.waiting:
            wait_s = max(self._setting.silence_s, _SHORTEST_SILENCE_S)
            self._silence = self._loop.call_at(self._heard_s + wait_s, self._silent)

    def _silent(self) -> None:
        self._serve(self._scanner.silence())

    def _serve(self, requests: list[Request]) -> None:
        for request in requests:
            if request.unit == _BROADCAST:
                for unit in self._units.values():
                    unit.answer(request.pdu)  # done, and never answered
            elif (addressed := self._units.get(request.unit)) is not None:
                self._tasks.create_task(self._answer(addressed, request.pdu, self._heard_s))

    async def _answer(self, unit: ModbusUnit, pdu: bytes, heard_s: float) -> None:
        pause_s = max(unit.turnaround_s, self._setting.silence_s) + unit.instrument.faults.delay_s
        begin_s = heard_s + pause_s
        await asyncio.sleep(begin_s - self._loop.time())
        waited = self._talking.locked()
        async with self._talking:
            answer = unit.answer(pdu)
            if answer.falsified is not None and answer.falsified.name == "silence":
                unit.note(answer)
                return
            frame = garble(self._frame(answer.unit, answer.pdu), answer.falsified)
            delivered = await self._port.send(frame, None if waited else begin_s)
            unit.note(answer, delivered=delivered)
