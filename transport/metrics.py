"""What a process says of itself to whoever asks by HTTP: ``/metrics``, ``/healthz``, ``/readyz``.

One small server for gateways and servers alike. The text is Prometheus'; a process that answers is alive, and
it is ready while everything that it needs is there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import NamedTuple

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from transport.errors import EndpointError

log = structlog.get_logger(__name__)

_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_REQUEST_WITHIN_S = 5.0
_MOST_BYTES = 8192
_MOST_AT_ONCE = 16


class Figure(NamedTuple):
    """One number at one instant."""

    name: str
    value: float
    labels: Mapping[str, str] = {}
    is_now: bool = False  # a state of the present, not a count since the start


class Facts(NamedTuple):
    """What a process can say of itself."""

    service: str
    figures: Callable[[], Iterable[Figure]]
    ready: Callable[[], Mapping[str, bool]]  # by what it needs


def counted(figures: Mapping[str, float], now: Iterable[str] = ()) -> list[Figure]:
    """Figures without labels; those named in ``now`` are of the present."""
    present = set(now)
    return [Figure(name, value, is_now=name in present) for name, value in figures.items()]


def exposition(facts: Facts) -> bytes:
    """The figures as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(_Source(facts))
    return generate_latest(registry)


class _Source(Collector):
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """The figures as the library wants them: each name once, with all its labels."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for figure in self._facts.figures():
            name = f"tocsin_{self._facts.service}_{figure.name}"
            family = families.get(name)
            if family is None:
                kind = GaugeMetricFamily if figure.is_now else CounterMetricFamily
                text = figure.name.replace("_", " ")
                family = families[name] = kind(name, text, labels=list(figure.labels))
            family.add_metric(list(figure.labels.values()), figure.value)
        return families.values()


@asynccontextmanager
async def serve_facts(listen: tuple[str, int] | None, facts: Facts) -> AsyncIterator[int | None]:
    """Answer while the block runs; the port that is listened at, or none where nobody is to ask.

    Raises:
        EndpointError: The address is taken, or none of ours.
    """
    if listen is None:
        async with nullcontext():
            yield None
        return
    host, port = listen
    limit = asyncio.Semaphore(_MOST_AT_ONCE)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with limit:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(_REQUEST_WITHIN_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(_answer(head, facts))
                    await writer.drain()
            writer.close()

    try:
        server = await asyncio.start_server(converse, host, port, limit=_MOST_BYTES)
    except OSError as exc:
        raise EndpointError(f"--metrics {host}:{port}: {exc.strerror or exc}; choose another port") from exc
    async with server:
        bound: int = server.sockets[0].getsockname()[1]
        log.info("metrics", url=f"http://{host}:{bound}/metrics")
        yield bound


def _answer(head: bytes, facts: Facts) -> bytes:
    method, _, rest = head.decode("latin-1").partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    if method not in {"GET", "HEAD"}:
        return _response("405 Method Not Allowed", b"only GET\n")
    match path:
        case "/metrics":
            return _response("200 OK", exposition(facts))
        case "/healthz":
            return _response("200 OK", b"alive\n")
        case "/readyz":
            needs = facts.ready()
            text = "".join(f"{name}: {'there' if there else 'missing'}\n" for name, there in needs.items())
            return _response("200 OK" if all(needs.values()) else "503 Service Unavailable", text.encode())
        case _:
            return _response("404 Not Found", b"there are /metrics, /healthz and /readyz\n")


def _response(status: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {_TYPE}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "\r\n",
    )
    return "\r\n".join(head).encode() + body
