"""Real servers of other projects, started privately for a test and stopped with it."""

import getpass
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from transport.session import Endpoint, TlsFiles

_READY_WITHIN_S = 60.0
_STOPPED_WITHIN_S = 10.0


def servers_required() -> bool:
    """Whether a missing server or data set is a failure rather than a skipped test."""
    return os.environ.get("TOCSIN_REQUIRE_SERVERS") == "1" or os.environ.get("CI") == "true"


def missing(what: str) -> NoReturn:
    """Skip the test for want of ``what``, or fail it where everything is required."""
    if servers_required():
        pytest.fail(f"{what}, though it is required here")
    pytest.skip(what)


def find_program(name: str) -> str:
    """The path of an installed program; without one the test is skipped, or fails."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return path or missing(f"{name} is not installed")


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at the moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@dataclass(kw_only=True)
class Server:
    """One child process that listens; it can be killed and started again on the same port."""

    command: list[str]
    log: Path
    ready: Callable[[], bool]
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """The process's number while it runs."""
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def start(self) -> None:
        """Start the process and return once it answers."""
        assert self._process is None, "the server runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + _READY_WITHIN_S
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.command[0]} did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Ask the process to end and wait until it has."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


@dataclass(kw_only=True)
class Mosquitto(Server):
    """A private broker and the way to reach it."""

    endpoint: Endpoint


@dataclass(kw_only=True)
class Database(Server):
    """A private database server and its address."""

    url: str


def _listens(host: str, port: int) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            socket.create_connection((host, port), timeout=1.0).close()
        except OSError:
            return False
        return True

    return ready


def _answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2.0):  # noqa: S310  (our own server)
                return True
        except OSError:
            return False

    return ready


@contextmanager
def running_mosquitto(
    folder: Path, *, host: str = "127.0.0.1", tls: TlsFiles | None = None, settings: str = ""
) -> Iterator[Mosquitto]:
    """Run a broker that keeps nothing on disk and queues much.

    Args:
        folder: Where its configuration and log go.
        host: The address it binds to.
        tls: What its clients shall use to reach it; the server's own part belongs in ``settings``.
        settings: More lines for its configuration, such as ``cafile`` and ``certfile``.
    """
    port = free_port(host)
    config = folder / f"mosquitto-{port}.conf"
    config.write_text(
        f"""
user {getpass.getuser()}
persistence false
set_tcp_nodelay true
max_queued_messages 1000000
max_inflight_messages 1000
log_dest stderr
allow_anonymous true
listener {port} {host}
{settings}
"""
    )
    server = Mosquitto(
        command=[find_program("mosquitto"), "-c", str(config)],
        log=folder / f"mosquitto-{port}.log",
        ready=_listens(host, port),
        endpoint=Endpoint(host=host, port=port, tls=tls),
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def running_influx1(folder: Path) -> Iterator[Database]:
    """Run an InfluxDB 1.x without users, with its own folders and ports."""
    port = free_port()
    config = folder / "influxdb.conf"
    config.write_text(
        f"""
reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = false
  log-enabled = false
"""
    )
    url = f"http://127.0.0.1:{port}"
    server = Database(
        command=[find_program("influxd"), "-config", str(config)],
        log=folder / "influxd.log",
        ready=_answers(f"{url}/ping"),
        url=url,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def running_victoria(folder: Path) -> Iterator[Database]:
    """Run a VictoriaMetrics that keeps a century and one value an instant."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = Database(
        command=[
            find_program("victoria-metrics"),
            f"-storageDataPath={folder}/victoria",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=100y",
            "-dedup.minScrapeInterval=1ms",
            "-loggerLevel=WARN",
        ],
        log=folder / "victoria.log",
        ready=_answers(f"{url}/health"),
        url=url,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()
