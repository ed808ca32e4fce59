"""The two ways HJ 212 stations reach a collector: a serial line, and TCP connections they dial."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from firmware_sim.hj212 import FrameScanner
from firmware_sim.pty_port import PtyPort
from firmware_sim.scenario import Hj212SerialSpec
from firmware_sim.station import Station
from firmware_sim.units import Endpoint

log = logging.getLogger(__name__)

_DIAL_TIMEOUT_S = 5.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_READ_SIZE = 4096


class Hj212SerialLine:
    """Stations on one serial line; both directions at once, one station talking at a time."""

    def __init__(self, spec: Hj212SerialSpec, stations: Sequence[Station], link: Path) -> None:
        """Know the line; nothing is open yet."""
        self._setting = spec.line
        self._stations = {station.mn: station for station in stations}
        self._link = link
        self._scanner = FrameScanner()
        self._talking = asyncio.Lock()

    async def open(self, tasks: asyncio.TaskGroup) -> str:
        """Open the port, start the stations, return the port's path."""
        self._port = PtyPort(self._link, self._setting, self._hear)
        for station in self._stations.values():
            tasks.create_task(station.make_frames())
            tasks.create_task(station.send_frames(self))
        return str(self._link)

    async def reconcile(self) -> None:
        """Pull or put in the plug, as the faults of the stations say."""
        if any(station.instrument.faults.disconnected for station in self._stations.values()):
            self._port.unplug()
        else:
            self._port.plug()
        for station in self._stations.values():
            station.wake()

    async def close(self) -> None:
        """Give the port back."""
        self._port.close()

    @property
    def up(self) -> bool:
        """Whether the plug is in."""
        return self._port.plugged

    async def ready(self) -> None:
        """A serial line takes bytes at any time; the pace is in sending."""

    async def send(self, data: bytes) -> bool:
        """Send at the line's pace, after whoever talks now."""
        async with self._talking:
            return await self._port.send(data)

    def _hear(self, data: bytes) -> None:
        for message in self._scanner.feed(data):
            station = self._stations.get(message.fields.get("MN", ""))
            if station is not None:
                station.hear(message)


class Hj212TcpLine:
    """Stations that dial one address, each over its own connection."""

    def __init__(self, connect: Endpoint, stations: Sequence[Station]) -> None:
        """Know the address; nobody dials yet."""
        self._connect = connect
        self._dialers = [_Dialer(station, connect) for station in stations]

    async def open(self, tasks: asyncio.TaskGroup) -> str:
        """Start the stations and return the address they dial."""
        for dialer in self._dialers:
            tasks.create_task(dialer.station.make_frames())
            tasks.create_task(dialer.station.send_frames(dialer))
            tasks.create_task(dialer.stay_connected())
        return str(self._connect)

    async def reconcile(self) -> None:
        """Hang up or let dial, as each station's faults say."""
        for dialer in self._dialers:
            dialer.reconcile()

    async def close(self) -> None:
        """Hang up."""
        for dialer in self._dialers:
            dialer.hang_up()


class _Dialer:
    """Keeps one station connected."""

    def __init__(self, station: Station, connect: Endpoint) -> None:
        self.station = station
        self._connect = connect
        self._writer: asyncio.StreamWriter | None = None
        self._allowed = asyncio.Event()
        self._allowed.set()

    @property
    def up(self) -> bool:
        """Whether the connection stands."""
        return self._writer is not None and not self._writer.is_closing()

    async def ready(self) -> None:
        """Wait until the connection has sent what it holds."""
        if self._writer is not None:
            try:
                await self._writer.drain()
            except ConnectionError:
                return

    async def send(self, data: bytes) -> bool:
        """Hand bytes to the connection."""
        if self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(data)
        return True

    def reconcile(self) -> None:
        """Obey the station's disconnect fault."""
        if self.station.instrument.faults.disconnected:
            self._allowed.clear()
            self.hang_up()
        else:
            self._allowed.set()
        self.station.wake()

    def hang_up(self) -> None:
        """Drop the connection."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def stay_connected(self) -> None:
        """Dial for ever, with growing pauses; one log line when it fails and one when it is back."""
        name, pause_s, lost = self.station.instrument.name, _FIRST_PAUSE_S, False
        while True:
            await self._allowed.wait()
            try:
                async with asyncio.timeout(_DIAL_TIMEOUT_S):
                    reader, writer = await asyncio.open_connection(self._connect.host, self._connect.port)
            except OSError as exc:  # TimeoutError is one
                if not lost:
                    log.warning("%s: %s cannot be reached: %s", name, self._connect, exc)
                lost = True
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            log.info("%s: connected to %s", name, self._connect)
            pause_s, lost = _FIRST_PAUSE_S, False
            await self._listen(reader, writer)
            await asyncio.sleep(pause_s)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        scanner = FrameScanner()
        self._writer = writer
        if self.station.instrument.faults.disconnected:
            writer.transport.abort()
        self.station.wake()
        try:
            while data := await reader.read(_READ_SIZE):
                for message in scanner.feed(data):
                    if message.fields.get("MN") == self.station.mn:
                        self.station.hear(message)
        except OSError:
            return
        finally:
            self._writer = None
            writer.close()
