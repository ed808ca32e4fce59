"""The control socket: JSON lines in, JSON answers out, while the simulator runs."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firmware_sim.errors import ControlError, SimError

CONTROL_SOCKET = "control.sock"
_TIMEOUT_S = 10.0

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@contextmanager
def _short_path(run_dir: Path) -> Iterator[str]:
    """Yield a path of the socket that fits the 108 bytes a Unix address may have."""
    directory = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{CONTROL_SOCKET}"
    finally:
        os.close(directory)


class ControlServer:
    """Serves one handler on ``<run-dir>/control.sock``."""

    def __init__(self, run_dir: Path, handler: Handler) -> None:
        """Know the place; nothing listens yet."""
        self._run_dir = run_dir
        self._handler = handler
        self._clients: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listen."""
        (self._run_dir / CONTROL_SOCKET).unlink(missing_ok=True)
        with _short_path(self._run_dir) as path:
            self._server = await asyncio.start_unix_server(self._serve, path)

    async def close(self) -> None:
        """Stop listening and remove the socket."""
        self._server.close()
        for writer in self._clients:
            writer.transport.abort()
        (self._run_dir / CONTROL_SOCKET).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return  # gone, or a line longer than any request
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ControlError("a request is a JSON object")
            return {"ok": True, **await self._handler(request)}
        except (SimError, ValueError, TypeError) as exc:
            return {"ok": False, "error": str(exc)}


def ask(run_dir: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Send one request to the simulator running in ``run_dir`` and return its answer.

    Raises:
        ControlError: None runs there, or it refused.
    """
    try:
        with _short_path(run_dir) as path, socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_TIMEOUT_S)
            client.connect(path)
            client.sendall(json.dumps(request).encode() + b"\n")
            with client.makefile("rb") as file:
                line = file.readline()
    except OSError as exc:
        raise ControlError(f"{run_dir}: no simulator runs here: {exc.strerror or exc}") from exc
    if not line:
        raise ControlError(f"{run_dir}: the simulator ended before it answered")
    answer: dict[str, Any] = json.loads(line)
    if not answer.pop("ok"):
        raise ControlError(str(answer["error"]))
    return answer
