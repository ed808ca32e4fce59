"""Child processes: started, watched, ended; none outlives us, even if we are killed."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tocsin.errors import ProcessError

_GRACE_S = 15.0


class Child:
    """One process; made by :func:`spawn`."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        self._command = _tied_to_us(command)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The number of the process, started by :meth:`start`; 0 before."""
        return self._process.pid if self._process else 0

    @property
    def returncode(self) -> int | None:
        """How the process ended; none while it lives."""
        return self._process.returncode if self._process else None

    @property
    def ending(self) -> str:
        """How the process ended, in words."""
        code = self.returncode
        if code is None:
            return "still runs"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def start(self) -> None:
        """Start it, or start it again.

        Raises:
            ProcessError: The program cannot be started.
        """
        with self.log.open("ab") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # a Ctrl-C at the terminal is ours to pass on, in our order
                )
            except OSError as exc:
                raise ProcessError(f"{self.name}: cannot start {self._command[0]}: {exc}") from exc

    async def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        await self._end(signal.SIGKILL)

    async def stop(self, *, grace_s: float = _GRACE_S) -> None:
        """Ask it to end cleanly, and end it if it does not."""
        try:
            async with asyncio.timeout(grace_s):
                await self._end(signal.SIGTERM)
        except TimeoutError:
            await self.kill()

    async def wait(self) -> int:
        """Wait until it ends by itself; its exit code."""
        if self._process is None:
            return 0
        return await self._process.wait()

    async def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        await self._process.wait()


@asynccontextmanager
async def spawn(name: str, command: Sequence[str], *, log: Path) -> AsyncIterator[Child]:
    """Run a process while the block runs; its output goes to ``log``.

    Raises:
        ProcessError: The program cannot be started.
    """
    child = Child(name, command, log)
    await child.start()
    try:
        yield child
    finally:
        await child.stop()


def _tied_to_us(command: Sequence[str]) -> list[str]:
    """The command, arranged so that the kernel ends it when we die, however we die."""
    setpriv = shutil.which("setpriv") if os.name == "posix" else None
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else list(command)
