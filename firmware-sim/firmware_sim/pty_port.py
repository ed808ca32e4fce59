"""A serial port made of a pseudo-terminal, with the pace of a real line."""

import asyncio
import logging
import os
import termios
import tty
from collections.abc import Callable
from pathlib import Path

from firmware_sim.errors import SimError
from firmware_sim.units import LineSetting

log = logging.getLogger(__name__)

# Bytes go to the reader in bunches, as a UART's queue hands them over: fewer wake-ups than one a byte,
# and no gap inside a frame as long as the 3.5 characters of silence that would end it.
_BUNCH_CHARS = 3
_BUNCH_S = 0.002
_READ_SIZE = 4096
_TWO = 2  # stop bits


class PtyPort:
    """One pseudo-terminal behind a symbolic link.

    Its own slave side stays open, so a master that comes and goes never sees an error.
    """

    def __init__(
        self, link: Path, setting: LineSetting, on_bytes: Callable[[bytes], None], *, strict: bool = False
    ) -> None:
        """Open the port; ``on_bytes`` is called with whatever the other side writes.

        A ``strict`` port hears nothing from a side whose line setting is another.
        """
        self._strict = strict
        self._link = link
        self._setting = setting
        self._on_bytes = on_bytes
        self._loop = asyncio.get_running_loop()
        self._plugged = False
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._loop.add_reader(self._master, self._readable)
        self.plug()

    @property
    def plugged(self) -> bool:
        """Whether the port is there for the other side."""
        return self._plugged

    def plug(self) -> None:
        """Make the link; bytes pass from now on."""
        if self._plugged:
            return
        if self._link.exists() and not self._link.is_symlink():
            raise SimError(f"{self._link}: something else is there: choose another run directory")
        self._readable()  # what came while the plug was out is lost
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._slave))
        self._plugged = True

    def unplug(self) -> None:
        """Remove the link; bytes are dropped both ways from now on."""
        self._link.unlink(missing_ok=True)
        self._plugged = False

    def close(self) -> None:
        """Give the port back."""
        self.unplug()
        self._loop.remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)

    async def send(self, data: bytes, begin_s: float | None = None) -> bool:
        """Send bytes at the line's pace; ``begin_s`` is when the first was to leave, if we woke late for it.

        Returns in the step that wrote the last byte: true, or false if any byte met a pulled plug or
        a full queue (nobody reads; a wire would have lost it too).
        """
        char_s = self._setting.char_s
        bunch = max(_BUNCH_CHARS, int(_BUNCH_S / char_s))
        start_s = self._loop.time() if begin_s is None else begin_s
        sent, whole = 0, True
        while sent < len(data):
            end = min(sent + bunch, len(data))
            wait_s = start_s + end * char_s - self._loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            else:  # we woke late: everything whose time has come goes at once
                end = min(len(data), max(end, int((self._loop.time() - start_s) / char_s)))
            whole = self._write(data[sent:end]) and whole
            sent = end
        return whole

    def _write(self, data: bytes) -> bool:
        if not self._plugged:
            return False
        try:
            return os.write(self._master, data) == len(data)
        except BlockingIOError:
            return False

    def _readable(self) -> None:
        try:
            data = os.read(self._master, _READ_SIZE)
        except BlockingIOError:
            return
        if self._plugged and data and (not self._strict or self._is_set_alike()):
            self._on_bytes(data)

    def _is_set_alike(self) -> bool:
        """Whether the other side has set the port as the line is, as far as a pseudo-terminal keeps it."""
        _, _, flags, _, _, speed, _ = termios.tcgetattr(self._slave)
        is_speed = speed == getattr(termios, f"B{self._setting.baud}", None)
        return is_speed and bool(flags & termios.CSTOPB) == (self._setting.stop == _TWO)
