"""The broker of a small site or a demo: mosquitto as a child process, else iotcore; both bound to loopback.

Neither is trusted with data: batches and transitions stay on their sender's disk until acknowledged.
"""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from tocsin.errors import MissingPartError, ProcessError
from tocsin.fleet import Child, spawn
from transport.session import Endpoint, TlsFiles

log = structlog.get_logger(__name__)

_LOOPBACK = "127.0.0.1"
_READY_S = 10.0
_RESTART_S = 0.5
_LISTENING = b" running"  # mosquitto logs it once its listeners are open
_LARGEST_BYTES = 4 * 1024 * 1024

_MOSQUITTO = """\
listener {port} {host}
{security}
set_tcp_nodelay true
max_inflight_messages 1000
max_queued_messages 100000
persistence true
persistence_location {folder}/
autosave_interval 30
log_dest stderr
{user}
"""

_MUTUAL_TLS = """\
cafile {certs}/authority.pem
certfile {certs}/broker.pem
keyfile {certs}/broker.key
require_certificate true
use_identity_as_username true
allow_anonymous false
"""


def free_port(host: str = _LOOPBACK) -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def find_mosquitto() -> str | None:
    """The mosquitto program, also where Debian puts it outside a user's PATH."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def mosquitto_config(folder: Path, *, host: str, port: int, certs: Path | None) -> str:
    """A broker for one district: loopback unless told otherwise, mutual TLS when there are certificates."""
    return _MOSQUITTO.format(
        host=host,
        port=port,
        folder=folder,
        security=_MUTUAL_TLS.format(certs=certs) if certs else "allow_anonymous true",
        user="user root" if os.geteuid() == 0 else "",  # else it drops to a user that may not read `folder`
    )


@asynccontextmanager
async def open_broker(
    folder: Path,
    *,
    certs: Path | None = None,
    client: TlsFiles | None = None,
    host: str = _LOOPBACK,
    port: int | None = None,
    program: str | None = None,
) -> AsyncIterator[Endpoint]:
    """Run a broker while the block runs.

    Args:
        folder: Where its configuration and retained messages lie.
        certs: A folder made by ``tocsin certs``; with it the broker demands client certificates.
        client: The certificate by which our clients speak to it.
        host: The address it listens on.
        port: The port, or none for a free one.
        program: ``mosquitto`` or ``iotcore``; by default the first that is installed.

    Raises:
        MissingPartError: Neither is installed, TLS is asked of iotcore, or there are no certificates.
        ProcessError: It does not listen in time.
    """
    if certs is not None and not (certs / "broker.pem").exists():
        raise MissingPartError(f"no certificates in {certs}; `tocsin certs` makes them")
    port = port or free_port(host)
    mosquitto = find_mosquitto() if program in (None, "mosquitto") else None
    endpoint = Endpoint(host=host, port=port, tls=client if certs else None)
    if mosquitto:
        async with _run_mosquitto(mosquitto, folder, endpoint, certs):
            yield endpoint
    elif program == "mosquitto":
        raise MissingPartError("mosquitto is not installed; on Debian: apt install mosquitto")
    elif certs:
        raise MissingPartError("a broker with TLS needs mosquitto; on Debian: apt install mosquitto")
    else:
        async with _run_iotcore(endpoint):
            yield endpoint


@asynccontextmanager
async def _run_mosquitto(
    program: str, folder: Path, endpoint: Endpoint, certs: Path | None
) -> AsyncIterator[Child]:
    folder.mkdir(parents=True, exist_ok=True)
    config, log_file = folder / "mosquitto.conf", folder / "mosquitto.log"
    log_file.unlink(missing_ok=True)  # what an earlier run said would be taken for this one's
    config.write_text(mosquitto_config(folder, host=endpoint.host, port=endpoint.port, certs=certs))
    async with spawn("broker", [program, "-c", str(config)], log=log_file) as child:
        await _listening(endpoint, child)
        watch = asyncio.create_task(_keep_running(child), name="broker:watch")
        try:
            yield child
        finally:
            watch.cancel()
            await asyncio.wait([watch])


async def _keep_running(child: Child) -> None:
    """Start the broker again whenever it ends: its clients come back, and nothing was only in it."""
    while True:
        log.warning("broker-ended", code=await child.wait(), log=str(child.log))
        await asyncio.sleep(_RESTART_S)
        await child.start()


@asynccontextmanager
async def _run_iotcore(endpoint: Endpoint) -> AsyncIterator[None]:
    try:
        from iotcore import Broker
    except ImportError as exc:
        raise MissingPartError(
            "no broker: install mosquitto (Debian: apt install mosquitto) or the Python package iotcore"
        ) from exc
    broker = Broker(port=endpoint.port, listen=endpoint.host, max_payload_size=_LARGEST_BYTES)
    await asyncio.to_thread(broker.start)
    try:
        yield
    finally:
        await asyncio.to_thread(broker.stop)


async def _listening(endpoint: Endpoint, child: Child) -> None:
    """Wait until mosquitto says that it listens; an answer at the port would not prove that it is ours.

    Raises:
        ProcessError: The broker ended, or does not listen in time.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_READY_S):
            while child.running:
                if _LISTENING in child.log.read_bytes():
                    return
                await asyncio.sleep(0.02)
    raise ProcessError(f"the broker does not listen at {endpoint.url}; its log: {child.log}")
