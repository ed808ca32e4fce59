"""A serial line behind a converter that passes its bytes over TCP as they are."""

import asyncio
from collections.abc import Callable

from firmware_sim.units import Endpoint, LineSetting

_READ_SIZE = 4096


class ConverterPort:
    """A listening address; whoever connects is on the line, and everybody hears what is said on it."""

    def __init__(self, listen: Endpoint, setting: LineSetting, on_bytes: Callable[[bytes], None]) -> None:
        """Know the address; nothing listens yet."""
        self._listen = listen
        self._setting = setting
        self._on_bytes = on_bytes
        self._plugged = True
        self._writers: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def open(self) -> Endpoint:
        """Listen and return the address, with the port that was free."""
        self._server = await asyncio.start_server(self._serve, self._listen.host, self._listen.port)
        return Endpoint(host=self._listen.host, port=self._server.sockets[0].getsockname()[1])

    def plug(self) -> None:
        """Let bytes pass from now on."""
        self._plugged = True

    def unplug(self) -> None:
        """Drop everybody and let no byte pass from now on."""
        self._plugged = False
        for writer in self._writers:
            writer.transport.abort()

    def close(self) -> None:
        """Stop listening and drop everybody."""
        self._server.close()
        self.unplug()

    async def send(self, data: bytes, begin_s: float | None = None) -> bool:
        """Send bytes after the time they take on the line; whether anybody was there to hear."""
        loop = asyncio.get_running_loop()
        start_s = loop.time() if begin_s is None else begin_s
        await asyncio.sleep(start_s + len(data) * self._setting.char_s - loop.time())
        if not self._plugged:
            return False
        for writer in self._writers:
            writer.write(data)
        return bool(self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers[writer] = asyncio.current_task()
        try:
            while data := await reader.read(_READ_SIZE):
                if self._plugged:
                    self._on_bytes(data)
        except ConnectionError:
            return
        finally:
            self._writers.pop(writer)
            writer.close()
