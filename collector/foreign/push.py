"""Other people's readings by HTTP: a port of ours, secrets by which they may send, an answer once it is kept.

``POST /readings`` takes JSON; ``/api/v2/write`` and ``/write`` take lines, as InfluxDB does, so that whatever
writes there can write here. What is sent twice changes nothing: who got no answer sends it again.
"""

import asyncio
import hmac
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from aiohttp import web

from collector.foreign.reception import Reception
from collector.foreign.statement import ForeignError, Told
from district.bus import HostPort
from edge.errors import NotKeptError
from edge.waiting import stopped_within

log = structlog.get_logger(__name__)

_MOST_BYTES = 4 * 1024 * 1024  # of one message, unpacked
_MOST_AT_ONCE = 32
_WITHIN_S = 30.0
_RETRY_S = 2.0
_SHOWN = 100  # refusals in one answer

Read = Callable[[str, bytes], Told]


class Sender(NamedTuple):
    """Who may send."""

    name: str
    devices: frozenset[str] | None  # for which; all of the bus if none


@dataclass(frozen=True, slots=True, kw_only=True)
class PushForm:
    """At which paths a port takes messages, and how it answers that all is well."""

    paths: tuple[str, ...]
    is_influx: bool  # 204 without a body, as InfluxDB answers


JSON_FORM = PushForm(paths=("/readings",), is_influx=False)
LINES_FORM = PushForm(paths=("/api/v2/write", "/write"), is_influx=True)


class PushServer:
    """Takes what is sent to one port.

    Args:
        bus: Its id, for the log.
        listen: Where it listens.
        tls: By which certificate; plain HTTP if none.
        form: Its paths and answers.
        senders: Who may send, by secret.
        read: Understands a message; it is given the precision that its address asks for, if any.
        reception: Takes what it says.
    """

    def __init__(
        self,
        bus: str,
        listen: HostPort,
        tls: ssl.SSLContext | None,
        *,
        form: PushForm,
        senders: Mapping[str, Sender],
        read: Read,
        reception: Reception,
    ) -> None:
        self.address = listen  # with the real port once it listens
        self.listening = asyncio.Event()
        self._bus = bus
        self._tls = tls
        self._form = form
        self._senders = {secret.encode(): sender for secret, sender in senders.items()}
        self._read = read
        self._reception = reception
        self._busy = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until ``stop``; an address that cannot be had is asked for again."""
        app = web.Application(client_max_size=_MOST_BYTES)
        app.add_routes([web.post(path, self._take) for path in self._form.paths])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            if await self._listen(runner, stop):
                await stop.wait()
        finally:
            self.listening.clear()
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner, stop: asyncio.Event) -> bool:
        told = False
        while not stop.is_set():
            try:
                await web.TCPSite(runner, self.address.host, self.address.port, ssl_context=self._tls).start()
            except OSError as exc:
                if not told:
                    log.warning("bus-down", bus=self._bus, reason=str(exc))
                told = True
                await stopped_within(stop, _RETRY_S)
            else:
                self.address = HostPort(host=self.address.host, port=runner.addresses[0][1])
                self.listening.set()
                log.info("listening", bus=self._bus, address=str(self.address))
                return True
        return False

    async def _take(self, request: web.Request) -> web.Response:
        sender = self._sender(request.headers.get("Authorization", ""))
        if sender is None:
            return _answer(401, "no token that may send here; send it as Authorization: Bearer TOKEN")
        if self._busy >= _MOST_AT_ONCE:
            return _answer(503, "too much at once; send it again", headers={"Retry-After": "1"})
        self._busy += 1
        try:
            async with asyncio.timeout(_WITHIN_S):
                return await self._taken(request, sender)
        except TimeoutError:
            return _answer(408, "it did not come whole in time; send it again")
        finally:
            self._busy -= 1

    async def _taken(self, request: web.Request, sender: Sender) -> web.Response:
        body = await request.read()  # beyond the limit the framework answers 413
        try:
            told = self._read(request.query.get("precision", ""), body)
        except ForeignError as exc:
            self._reception.refuse(str(exc), f"{self._bus}/{sender.name}", body)
            await self._reception.bury()
            return _answer(400, str(exc))
        mapped = self._reception.map(told, f"{self._bus}/{sender.name}", allowed=sender.devices)
        try:
            await self._reception.keep(mapped.readings)
        except NotKeptError:
            return _answer(503, "it could not be kept; send it again", headers={"Retry-After": "10"})
        kept = sum(len(reading.values) for reading in mapped.readings)
        reasons = [{"reason": each.reason, "part": each.part} for each in mapped.refused[:_SHOWN]]
        if mapped.refused and not kept:
            return _answer(422, mapped.refused[0].reason, refused=reasons)
        if self._form.is_influx and not mapped.refused:
            return web.Response(status=204)
        return web.json_response({"kept": kept, "refused": reasons}, status=200)

    def _sender(self, authorization: str) -> Sender | None:
        """Who sends; every secret is compared, so that the time taken says nothing."""
        offered = authorization.partition(" ")[2].strip().encode()
        found = [sender for secret, sender in self._senders.items() if hmac.compare_digest(secret, offered)]
        return found[0] if found else None


def _answer(
    status: int,
    message: str,
    *,
    refused: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    body = {"code": "refused", "message": message, **({"refused": refused} if refused else {})}
    return web.json_response(body, status=status, headers=headers)
