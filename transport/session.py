"""A standing MQTT connection: it reconnects by itself, subscribes anew each time and says when it is deaf."""

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import aiomqtt
import structlog
from paho.mqtt.reasoncodes import ReasonCode

from transport.errors import EndpointError, NotConnectedError

log = structlog.get_logger(__name__)

_QUEUE_SIZE = 20_000  # messages received and not yet taken
_QUEUE_BYTES = 32 * 1024 * 1024
_ANSWER_TIMEOUT_S = 5.0  # to a connection, a subscription, a farewell
_PUBLISH_TIMEOUT_S = 10.0
_CANCEL_AGAIN_S = 0.2
_GOODBYE_TIMEOUT_S = 1.0
_REFUSED = 0x80  # codes from here on say no
_INFLIGHT = 1000  # messages published and not yet taken by the broker
_BACKOFF_S = (0.1, 5.0)
_SCHEMES = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files of a client: the authority it trusts, its own certificate and key."""

    authority: Path | None  # none: those that this machine trusts
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone, or those of the machine.

        Raises:
            EndpointError: A file is missing or no certificate.
        """
        try:
            context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.authority)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as exc:
            raise EndpointError(
                f"TLS files {self.authority}, {self.certificate}: {exc}; see `tocsin certs`"
            ) from exc
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the broker is and how to speak to it."""

    host: str
    port: int
    tls: TlsFiles | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The address as people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def parse_endpoint(url: str, tls: TlsFiles | None = None) -> Endpoint:
    """Read ``mqtt://HOST[:PORT]`` or ``mqtts://…``; an IPv6 host stands in brackets.

    Raises:
        EndpointError: The address is of another form, or asks for TLS without files.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise EndpointError(f"broker {url!r}: {exc}") from exc
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise EndpointError(f"broker {url!r}: expected mqtt://HOST:PORT or mqtts://HOST:PORT")
    if parts.scheme == "mqtts" and tls is None:
        raise EndpointError(f"broker {url!r}: mqtts needs certificates; `tocsin certs` makes them")
    if parts.scheme == "mqtt":
        tls = None
    return Endpoint(host=parts.hostname, port=port or _SCHEMES[parts.scheme], tls=tls)


class Message(NamedTuple):
    """One message as it came."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """A retained state: said at each connection, and said by the broker once the client is gone."""

    topic: str
    alive: bytes
    gone: bytes


class _Complaints(logging.Handler):
    """Keeps the library's last complaint, for it says there, and only there, why TLS failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.logger = logging.Logger("mqtt", logging.ERROR)  # noqa: LOG001  (of this session alone)
        self.logger.addHandler(self)
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Take what the library logs."""
        self._last = record.getMessage()

    def take(self) -> str:
        """The last complaint since the one before was taken."""
        last, self._last = self._last, ""
        return last


class Session:
    """One client's standing connection; made by :func:`open_session`."""

    def __init__(
        self, endpoint: Endpoint, *, client_id: str, subscriptions: Sequence[str], will: Will | None
    ) -> None:
        self.generation = 0  # how many connections there have been
        self.dropped = 0  # messages that found the queue full
        self.connected = asyncio.Event()
        self._endpoint = endpoint
        self._client_id = client_id
        self._subscriptions = subscriptions
        self._will = will
        self._client: aiomqtt.Client | None = None
        self._complaints = _Complaints()
        self._publishing: set[asyncio.Timeout] = set()
        self._messages: asyncio.Queue[Message] = asyncio.Queue(_QUEUE_SIZE)
        self._queued_bytes = 0

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Hand a message to the broker and wait until it has it.

        Raises:
            NotConnectedError: The broker is out of reach or does not answer.
        """
        client = self._client
        if client is None:
            raise NotConnectedError("no connection to the broker")
        try:
            async with asyncio.timeout(_PUBLISH_TIMEOUT_S) as patience:
                self._publishing.add(patience)
                try:
                    await client.publish(topic, payload, qos=qos, retain=retain, timeout=inf)
                finally:
                    self._publishing.discard(patience)
        except TimeoutError as exc:
            raise NotConnectedError(f"{topic}: the broker did not take it") from exc
        except aiomqtt.MqttError as exc:
            raise NotConnectedError(f"{topic}: {exc}") from exc

    async def receive(self, *, most: int = 1) -> list[Message]:
        """Wait for a message, then take what else is there, at most ``most`` in all."""
        messages = [await self._messages.get()]
        while len(messages) < most and not self._messages.empty():
            messages.append(self._messages.get_nowait())
        self._queued_bytes -= sum(len(message.payload) for message in messages)
        return messages

    async def keep_connected(self) -> None:
        """Connect, subscribe, take messages; again after each break, until cancelled."""
        shortest_s, longest_s = _BACKOFF_S
        context = self._endpoint.tls.context() if self._endpoint.tls else None
        backoff_s = shortest_s
        lost = False
        while True:
            try:
                async with self._open(context) as client:
                    log.info("broker-connected", broker=self._endpoint.url, client=self._client_id)
                    lost, backoff_s = False, shortest_s
                    await self._pump(client)
            except aiomqtt.MqttError as exc:
                if not lost:  # once when it goes, not at every attempt
                    reason = "; ".join(filter(None, (str(exc), self._complaints.take())))
                    log.warning(
                        "broker-lost", broker=self._endpoint.url, client=self._client_id, reason=reason
                    )
                lost = True
            except Exception:  # the one place that keeps a fault of the library from making us deaf for good
                log.exception("broker-fault", broker=self._endpoint.url, client=self._client_id)
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))
            backoff_s = min(longest_s, backoff_s * 2)

    @asynccontextmanager
    async def _open(self, context: ssl.SSLContext | None) -> AsyncIterator[aiomqtt.Client]:
        will = self._will
        async with aiomqtt.Client(
            self._endpoint.host,
            self._endpoint.port,
            identifier=self._client_id,
            username=self._endpoint.user,
            password=self._endpoint.password,
            tls_context=context,
            will=aiomqtt.Will(will.topic, will.gone, qos=1, retain=True) if will else None,
            keepalive=10,
            timeout=_ANSWER_TIMEOUT_S,
            logger=self._complaints.logger,
            max_inflight_messages=_INFLIGHT,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        ) as client:
            client.pending_calls_threshold = _INFLIGHT  # many at once are no reason to warn
            for topic in self._subscriptions:
                granted = await client.subscribe(topic, qos=1)
                if any(_is_refusal(code) for code in granted):  # else we would be deaf and not know it
                    raise aiomqtt.MqttError(f"the broker lets {self._client_id} not subscribe to {topic}")
            if will is not None:
                await client.publish(will.topic, will.alive, qos=1, retain=True)
            self._client = client
            self.generation += 1
            self.connected.set()
            try:
                yield client
            finally:
                self._client = None
                self.connected.clear()
                for patience in self._publishing:  # no answer will come over this connection
                    patience.reschedule(asyncio.get_running_loop().time())

    async def _pump(self, client: aiomqtt.Client) -> None:
        """Take messages from one connection until it breaks.

        A full queue drops the newest: every message of ours that matters is sent again until acknowledged.
        """
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            if self._messages.full() or self._queued_bytes > _QUEUE_BYTES:
                self.dropped += 1
                continue
            self._messages.put_nowait(Message(message.topic.value, payload))
            self._queued_bytes += len(payload)


@asynccontextmanager
async def open_session(
    endpoint: Endpoint,
    *,
    client_id: str,
    subscriptions: Sequence[str] = (),
    will: Will | None = None,
) -> AsyncIterator[Session]:
    """Keep a connection to the broker while the block runs.

    The block begins at once, connected or not: collection never depends on the broker.

    Raises:
        EndpointError: A TLS file is missing or no certificate.
    """
    if endpoint.tls is not None:
        endpoint.tls.context()  # a wrong file is refused here, not in a task that nobody awaits
    session = Session(endpoint, client_id=client_id, subscriptions=subscriptions, will=will)
    task = asyncio.create_task(session.keep_connected(), name=f"mqtt:{client_id}")
    try:
        yield session
    finally:
        if will is not None:
            with suppress(NotConnectedError, TimeoutError):
                async with asyncio.timeout(_GOODBYE_TIMEOUT_S):
                    await session.publish(will.topic, will.gone, retain=True)
        while not task.done():  # a library that is just connecting may swallow one cancellation
            task.cancel()
            await asyncio.wait([task], timeout=_CANCEL_AGAIN_S)


def _is_refusal(code: int | ReasonCode) -> bool:
    return (code if isinstance(code, int) else code.value) >= _REFUSED
