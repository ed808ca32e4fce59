import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tocsin.fleet import spawn

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN_PROGRAM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
STUBBORN = [sys.executable, "-c", STUBBORN_PROGRAM]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (another process makes it true)
            await asyncio.sleep(0.01)


async def test_a_child_ends_with_the_block(tmp_path: Path) -> None:
    async with spawn("sleeper", SLEEPER, log=tmp_path / "log") as child:
        assert child.running

    assert not child.running


async def test_a_killed_child_can_be_started_again(tmp_path: Path) -> None:
    async with spawn("sleeper", SLEEPER, log=tmp_path / "log") as child:
        await child.kill()
        assert child.returncode == -signal.SIGKILL
        await child.start()
        assert child.running


async def test_a_child_that_will_not_end_is_ended(tmp_path: Path) -> None:
    async with spawn("stubborn", STUBBORN, log=tmp_path / "log") as child:
        await until(lambda: "up" in (tmp_path / "log").read_text())
        await child.stop(grace_s=0.2)

    assert child.returncode == -signal.SIGKILL


async def test_no_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from tocsin.fleet import spawn\n"
        "async def main():\n"
        f"    async with spawn('inner', {SLEEPER!r}, log=Path({str(tmp_path / 'inner')!r})) as child:\n"
        "        print(child._process.pid, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    log = tmp_path / "outer"
    async with spawn("outer", [sys.executable, "-c", program], log=log) as outer:
        await until(lambda: log.read_text().strip().isdigit())
        inner = int(log.read_text())
        assert alive(inner)
        await outer.kill()
        await until(lambda: not alive(inner))


async def test_a_program_that_is_not_there_ends_at_once_and_its_log_says_so(tmp_path: Path) -> None:
    async with spawn("ghost", [str(tmp_path / "ghost")], log=tmp_path / "log") as child:
        assert await child.wait() != 0

    assert "ghost" in (tmp_path / "log").read_text()
