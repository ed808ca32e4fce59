"""Where stations report: a line or connection of ours, or a TCP port to which they connect."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

import structlog

from district.bus import HostPort
from edge.conversation import Conversation
from edge.errors import LinkDownError
from edge.link import Link
from edge.waiting import stopped_within, until_stopped

log = structlog.get_logger(__name__)

_MOST_CONNECTIONS = 256  # the newest is turned away: a port on a public network finds strangers
_READ_BYTES = 65_536
_ANSWER_WITHIN_S = 10.0
_RETRY_S = 2.0


async def listen_on_link(bus_id: str, link: Link, conversation: Conversation, stop: asyncio.Event) -> None:
    """Talk on one line or connection until ``stop``; when it goes away it is opened again."""
    task = asyncio.create_task(_talk_on_link(bus_id, link, conversation), name=f"stations:{bus_id}")
    try:
        await until_stopped(stop, task)
        await conversation.settle()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await link.close()


async def _talk_on_link(bus_id: str, link: Link, conversation: Conversation) -> None:
    down = False
    while True:
        try:
            await link.open()
            if down:
                log.info("bus-up", bus=bus_id)
            down = False
            while True:
                await conversation.hear(await link.receive(), link.write)
        except LinkDownError as exc:
            if not down:
                log.warning("bus-down", bus=bus_id, reason=str(exc))
            down = True
            await link.retry_pause()


class StationServer:
    """Takes the connections of stations; several may share one port, told apart by their MN."""

    def __init__(self, bus_id: str, listen: HostPort, converse: Callable[[str], Conversation]) -> None:
        self.address = listen  # with the real port once it listens
        self.listening = asyncio.Event()
        self._bus_id = bus_id
        self._converse = converse
        self._guests: dict[asyncio.Task[None], Conversation] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until ``stop``; an address that cannot be had is asked for again."""
        server = await self._listen(stop)
        if server is None:
            return
        self.address = HostPort(host=self.address.host, port=server.sockets[0].getsockname()[1])
        self.listening.set()
        log.info("listening", bus=self._bus_id, address=str(self.address))
        try:
            await stop.wait()
            for task, conversation in list(self._guests.items()):
                await conversation.settle()
                task.cancel()
        finally:
            self.listening.clear()
            server.close()
            guests = list(self._guests)
            for task in guests:
                task.cancel()
            await asyncio.gather(*guests, return_exceptions=True)

    async def _listen(self, stop: asyncio.Event) -> asyncio.Server | None:
        told = False
        while not stop.is_set():
            try:
                return await asyncio.start_server(self._accept, self.address.host, self.address.port)
            except OSError as exc:
                if not told:
                    log.warning("bus-down", bus=self._bus_id, reason=str(exc))
                told = True
            await stopped_within(stop, _RETRY_S)
        return None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = str(writer.get_extra_info("peername"))
        if len(self._guests) >= _MOST_CONNECTIONS:
            log.warning("connection-refused", bus=self._bus_id, peer=peer, reason="too many")
            writer.close()
            return
        conversation = self._converse(peer)
        task = asyncio.create_task(_talk_tcp(reader, writer, conversation), name=f"station:{peer}")
        self._guests[task] = conversation
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._guests.pop(task, None)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("connection-failed", bus=self._bus_id, exc_info=failure)


async def _talk_tcp(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, conversation: Conversation
) -> None:
    """Talk until the other side hangs up."""
    wire = writer.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a station that lost its power hangs up never
    try:
        while data := await reader.read(_READ_BYTES):
            await conversation.hear(data, writer.write)
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                await writer.drain()
    except OSError:  # it hung up in its own way, or does not read
        return
    finally:
        writer.close()
