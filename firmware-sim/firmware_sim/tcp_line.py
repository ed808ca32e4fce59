"""A Modbus TCP server."""

import asyncio
import logging
from collections.abc import Mapping

from firmware_sim.modbus import TARGET_SILENT, exception_answer, tcp_frame
from firmware_sim.scenario import ModbusTcpSpec
from firmware_sim.unit import ModbusUnit, garble
from firmware_sim.units import Endpoint

log = logging.getLogger(__name__)

_HEAD = 7  # transaction, protocol, length, unit
_LONGEST_BODY = 254  # unit and protocol data unit


class TcpLine:
    """One listening address; each connection's requests are answered in order."""

    def __init__(self, spec: ModbusTcpSpec, units: Mapping[int, ModbusUnit]) -> None:
        """Know the address; nothing listens yet."""
        self._address = spec.listen
        self._units = units
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    async def open(self, tasks: asyncio.TaskGroup) -> str:
        """Listen and return the address, with the port that was free."""
        self._tasks = tasks
        await self._listen()
        return str(self._address)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, self._address.host, self._address.port)
        port = self._server.sockets[0].getsockname()[1]
        self._address = Endpoint(host=self._address.host, port=port)

    async def reconcile(self) -> None:
        """Stop or start listening, as the faults of the units say."""
        if any(unit.instrument.faults.disconnected for unit in self._units.values()):
            await self.close()
        elif self._server is None:
            await self._listen()

    async def close(self) -> None:
        """Stop listening and drop every client."""
        if self._server is not None:
            self._server.close()
            self._server = None
        clients = dict(self._clients)
        for writer, task in clients.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*clients.values(), return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients[writer] = self._tasks.create_task(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(_HEAD)
                protocol, length = int.from_bytes(head[2:4], "big"), int.from_bytes(head[4:6], "big")
                if protocol != 0 or not 1 < length <= _LONGEST_BODY:
                    return  # not Modbus: nothing after it can be trusted
                pdu = await reader.readexactly(length - 1)
                await self._answer(writer, int.from_bytes(head[:2], "big"), head[6], pdu)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._clients.pop(writer, None)
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, transaction: int, number: int, pdu: bytes) -> None:
        unit = self._units.get(number)
        if unit is None:
            writer.write(tcp_frame(transaction, number, exception_answer(pdu[0], TARGET_SILENT)))
            await writer.drain()
            return
        await asyncio.sleep(unit.turnaround_s + unit.instrument.faults.delay_s)
        answer = unit.answer(pdu)
        silent = answer.falsified is not None and answer.falsified.name == "silence"
        delivered = not writer.is_closing()
        if delivered and not silent:
            writer.write(garble(tcp_frame(transaction, answer.unit, answer.pdu), answer.falsified))
        unit.note(answer, delivered=delivered)
        await writer.drain()
