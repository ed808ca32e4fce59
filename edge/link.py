"""A byte stream to instruments, over a serial port or TCP: opened when needed, and again when lost."""

import asyncio
import random
import termios
from collections.abc import Awaitable, Callable
from typing import cast

import serial
import serial_asyncio_fast

from district.bus import HostPort, SerialLine
from edge.errors import LinkDownError

_BACKOFF_S = (0.2, 5.0)  # between attempts to open: at first, at most
_CONNECT_WITHIN_S = 5.0
_PORT_ERRORS = (OSError, ValueError, termios.error)  # termios has an error of its own kind
_MOST_UNREAD = 65_536  # beyond it the sender is made to wait

Dial = Callable[[asyncio.Protocol], Awaitable[asyncio.Transport]]


def dial_serial(port: str, line: SerialLine) -> Dial:
    """How to open a serial port; nobody else may open it meanwhile, and what it had received is forgotten."""

    async def dial(protocol: asyncio.Protocol) -> asyncio.Transport:
        try:
            device = serial.Serial(
                port,
                baudrate=line.baud,
                bytesize=line.bits,
                parity=line.parity,
                stopbits=line.stop,
                exclusive=True,
            )
        except _PORT_ERRORS as exc:
            raise LinkDownError(f"{port}: {exc}") from exc
        loop = asyncio.get_running_loop()
        try:
            _flush(device)
            transport, _ = await serial_asyncio_fast.connection_for_serial(loop, lambda: protocol, device)
        except LinkDownError:
            device.close()
            raise
        except _PORT_ERRORS as exc:
            device.close()
            raise LinkDownError(f"{port}: {exc}") from exc
        return cast("asyncio.Transport", transport)

    return dial


def dial_tcp(address: HostPort) -> Dial:
    """How to connect to a server; names with several addresses, IPv6 among them, are tried in turn."""

    async def dial(protocol: asyncio.Protocol) -> asyncio.Transport:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                transport, _ = await loop.create_connection(lambda: protocol, address.host, address.port)
        except OSError as exc:  # TimeoutError is an OSError
            raise LinkDownError(f"{address}: {exc or 'no answer'}") from exc
        return transport

    return dial


class Link:
    """One port or connection, owned by one task.

    Args:
        name: What logs call it.
        dial: How to open it.
        now_ms: The event time; bytes are dated when they come, not when somebody looks.
    """

    def __init__(self, name: str, dial: Dial, *, now_ms: Callable[[], int]) -> None:
        self.name = name
        self._dial = dial
        self._now_ms = now_ms
        self._wire: _Wire | None = None
        self._backoff_s = _BACKOFF_S[0]
        self._not_before_s = 0.0
        self._reason = "not opened yet"

    @property
    def is_open(self) -> bool:
        """Whether bytes can pass."""
        return self._wire is not None and not self._wire.lost

    @property
    def heard_ms(self) -> int:
        """The event time at which the last byte came.

        Raises:
            LinkDownError: None has come since the link was opened.
        """
        heard_ms = self._opened_wire().heard_ms
        if heard_ms is None:
            raise LinkDownError(f"{self.name}: nothing heard yet")
        return heard_ms

    async def open(self) -> None:
        """Make sure that it is open.

        Raises:
            LinkDownError: It cannot be opened now; asking again before the back-off ends costs nothing.
        """
        if self.is_open:
            return
        lost = self._wire
        await self.close()
        if lost is not None and lost.heard_ms is None:
            self._back_off(f"{self.name}: {lost.reason}")  # it opened, and was of no use
        elif lost is not None:
            self._backoff_s = _BACKOFF_S[0]
        if asyncio.get_running_loop().time() < self._not_before_s:
            raise LinkDownError(self._reason)
        wire = _Wire(self._now_ms)
        try:
            wire.transport = await self._dial(wire)
        except LinkDownError as exc:
            self._back_off(str(exc))
            raise
        self._wire = wire

    async def retry_pause(self) -> None:
        """Wait until another attempt to open makes sense."""
        await asyncio.sleep(max(0.0, self._not_before_s - asyncio.get_running_loop().time()))

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            LinkDownError: The link is not open.
        """
        self._opened_wire().transport.write(data)

    async def receive(self, timeout_s: float | None = None) -> bytes:
        """Wait for bytes and take all that are there.

        Raises:
            TimeoutError: None came in time.
            LinkDownError: The link was lost.
        """
        wire = self._opened_wire()
        if not wire.unread:
            try:
                async with asyncio.timeout(timeout_s):
                    await wire.some.wait()
            except TimeoutError:
                if not wire.unread:  # a busy machine may wake us for both at once
                    raise
        data = wire.take()
        if not data:
            raise LinkDownError(f"{self.name}: {wire.reason}")
        return data

    def discard(self) -> None:
        """Forget what has come unread, in the port's own buffer too.

        Raises:
            LinkDownError: The port has gone.
        """
        wire = self._opened_wire()
        wire.take()
        device = wire.transport.get_extra_info("serial")
        if device is not None:
            _flush(device)

    async def close(self) -> None:
        """Close it; it may be opened again."""
        wire, self._wire = self._wire, None
        if wire is not None:
            if not wire.transport.is_closing():
                wire.transport.abort()
            await wire.gone.wait()

    def _back_off(self, reason: str) -> None:
        self._reason = reason
        self._not_before_s = asyncio.get_running_loop().time() + self._backoff_s * random.uniform(0.5, 1.0)
        self._backoff_s = min(_BACKOFF_S[1], self._backoff_s * 2)

    def _opened_wire(self) -> "_Wire":
        if self._wire is None:
            raise LinkDownError(f"{self.name}: not open")
        return self._wire


def _flush(device: serial.Serial) -> None:
    """Forget what a serial port has received."""
    try:
        device.reset_input_buffer()
    except (OSError, termios.error) as exc:  # termios has an error of its own kind
        raise LinkDownError(f"{device.port}: {exc}") from exc


class _Wire(asyncio.Protocol):
    """One opening of a link."""

    transport: asyncio.Transport

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.unread = bytearray()
        self.some = asyncio.Event()
        self.gone = asyncio.Event()
        self.lost = False
        self.reason = "closed"
        self.heard_ms: int | None = None
        self._now_ms = now_ms
        self._paused = False

    def data_received(self, data: bytes) -> None:
        self.heard_ms = self._now_ms()
        self.unread += data
        self.some.set()
        if len(self.unread) > _MOST_UNREAD:
            self._paused = True
            self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.reason = str(exc) if exc else "closed by the other side"
        self.some.set()
        self.gone.set()

    def take(self) -> bytes:
        data = bytes(self.unread)
        self.unread.clear()
        if not self.lost:
            self.some.clear()
            if self._paused:
                self._paused = False
                self.transport.resume_reading()
        return data
