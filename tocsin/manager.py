"""What systemd wants to hear of a part: that it has begun, that its loop still turns, that it ends."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import structlog

log = structlog.get_logger(__name__)

_BEATS_A_TERM = 3  # so that one that is late is not yet the end


class ServiceManager:
    """Speaks systemd's notification protocol; says nothing where nobody listens.

    Args:
        environment: Where systemd names its socket and how long it waits (``NOTIFY_SOCKET``,
            ``WATCHDOG_USEC``, ``WATCHDOG_PID``).
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        term = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._term_s = int(term) / 1_000_000 if term.isdecimal() and mine else 0.0

    def tell(self, state: str) -> None:
        """Send one state, as in ``READY=1``; a manager that does not listen is no reason to stop."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
                line.sendto(state.encode(), self._address)
        except OSError as exc:
            log.warning("service-manager-deaf", state=state, reason=str(exc))

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Say that the part has begun, and then that its loop turns, while the block runs."""
        self.tell("READY=1")
        if not self._address or not self._term_s:
            yield
            return
        beating = asyncio.create_task(self._beat(), name="watchdog")
        try:
            yield
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    async def _beat(self) -> None:
        while True:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self._term_s / _BEATS_A_TERM)
