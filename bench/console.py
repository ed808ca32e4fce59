"""200 screens at 10,000 readings a second: what the console costs, and how long a warning takes to each.

Console and alerting are processes of their own. The peer is the same console with no screen and no readings,
measured in the same run: the difference is what they add.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from console.accounts import Token
from console.proofs import fingerprint
from console.register import FILE_NAME, open_register
from console.roles import Role
from rules.transition import Announcement, Level, Transition, encode_announcement
from tocsin.broker import free_port, open_broker
from tocsin.fleet import Child, spawn
from tocsin.report import quantile
from transport import topics
from transport.batch import Reading, build_batch, encode_batch
from transport.measurement import Quality
from transport.session import Session, open_session

_DISTRICT = Path(__file__).parents[1]
_SCREENS = int(os.environ.get("TOCSIN_BENCH_SCREENS", "200"))
_READINGS = 10_000  # a second
_BATCHES = 20  # a second
_WARNINGS = int(os.environ.get("TOCSIN_BENCH_WARNINGS", "40"))
_IDLE_S, _EVERY_S = 5.0, 0.5
_WORD = "word-of-the-bench"


def main() -> dict[str, object]:
    """Run it and print the table."""
    figures = asyncio.run(_measure())
    table = Table("figure", "value", title=f"{_SCREENS} screens, {_READINGS} readings/s")
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)
    return figures


async def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        async with AsyncExitStack() as stack:
            broker = await stack.enter_async_context(open_broker(state / "broker"))
            await _make_token(state / "console")
            port = free_port()
            common = ["--district", str(_DISTRICT), "--state", str(state), "--broker", broker.url]
            tocsin = [sys.executable, "-m", "tocsin"]
            await stack.enter_async_context(
                spawn("alerting", [*tocsin, "alerting", "run", *common], log=state / "alerting.log")
            )
            console = await stack.enter_async_context(
                spawn(
                    "console",
                    [*tocsin, "console", *common, "--listen", f"127.0.0.1:{port}"],
                    log=state / "console.log",
                )
            )
            await _until_it_serves(console, port)
            session = await stack.enter_async_context(
                open_session(broker, client_id="bench", subscriptions=[topics.transition_ack("linjiang")])
            )
            await session.connected.wait()
            idle = await _share_of_a_core(console, _IDLE_S)
            heard: list[tuple[float, str]] = []
            screens = [asyncio.create_task(_listen(port, heard), name=f"screen:{n}") for n in range(_SCREENS)]
            publishing = asyncio.create_task(_publish(session), name="readings")
            await asyncio.sleep(3)
            begun_cpu, begun = _cpu_s(console), time.perf_counter()
            told = await _warn(session)
            await asyncio.sleep(2)
            busy = (_cpu_s(console) - begun_cpu) / (time.perf_counter() - begun)
            for task in (*screens, publishing):
                task.cancel()
            await asyncio.gather(*screens, publishing, return_exceptions=True)
    took_ms = [(at - told[key]) * 1000 for at, key in heard if key in told]
    return {
        "screens": _SCREENS,
        "readings_per_s": publishing_rate(),
        "warnings": len(told),
        "heard": len(took_ms),
        "due": len(told) * _SCREENS,
        "core_idle": round(idle, 3),
        "core_busy": round(busy, 3),
        "core_added": round(busy - idle, 3),
        "limit_core_added": 0.3,
        "warning_on_screen_ms": {
            "p50": quantile(took_ms, 0.5),
            "p95": quantile(took_ms, 0.95),
            "max": quantile(took_ms, 1.0),
        },
        "limit_p95_ms": 500,
    }


_published = {"readings": 0, "began": 0.0, "ended": 0.0}


def publishing_rate() -> int:
    """How many readings a second really went out: a busy machine sends fewer."""
    return round(_published["readings"] / max(0.001, _published["ended"] - _published["began"]))


async def _publish(session: Session) -> None:
    size, seq = _READINGS // _BATCHES, 0
    topic = topics.GatewayTopics("qingshan-town", "gw-qingshan").live
    _published["began"] = time.perf_counter()
    while True:
        seq += 1
        now_ms = round(time.time() * 1000)
        readings = [
            Reading(f"device-{n}", now_ms, {"level": (n / 7 + seq / 1000, Quality.GOOD)}) for n in range(size)
        ]
        batch = build_batch(readings, gateway="gw-qingshan", epoch="bench", seq=seq)
        await session.publish(topic, encode_batch(batch))
        _published["readings"] += size
        _published["ended"] = time.perf_counter()
        due = _published["began"] + seq / _BATCHES
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def _warn(session: Session) -> dict[str, float]:
    """Raise and lower a river; when each change was announced, by its key."""
    told: dict[str, float] = {}
    before = Level.NORMAL
    for number in range(_WARNINGS):
        to = Level(1 + number % 4)
        transition = Transition(
            at_ms=round(time.time() * 1000),
            rule="river-level",
            subject="river-01-level:level",
            site="river-01",
            hazard="flood",
            before=before,
            to=to,
            value=1.0,
            limit=0.9,
            unit="m",
        )
        told[transition.key] = time.perf_counter()
        message = Announcement(epoch="bench", seq=number + 1, transition=transition)
        await session.publish(topics.transition("linjiang"), encode_announcement(message))
        before = to
        await asyncio.sleep(_EVERY_S)
    return told


async def _listen(port: int, heard: list[tuple[float, str]]) -> None:
    """One screen: notes when each warning came, by the change that it tells of."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    request = f"GET /api/v1/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {_WORD}\r\n\r\n"
    writer.write(request.encode())
    name = b""
    try:
        while line := await reader.readline():
            if line.startswith(b"event: "):
                name = line[7:].strip()
            elif line.startswith(b"data: ") and name == b"warning":
                at = time.perf_counter()
                heard.append((at, json.loads(line[6:])["body"]["triggers"][0][0]))
    finally:
        writer.close()


async def _make_token(folder: Path) -> None:
    folder.mkdir(parents=True)
    async with open_register(folder / FILE_NAME, now_ms=lambda: 0) as register:
        await register.keep(
            Token(
                name="bench",
                key=fingerprint(_WORD),
                role=Role.VIEWER,
                areas=("linjiang",),
                made_by="bench",
                ends_s=time.time() + 3600,
            )
        )


async def _until_it_serves(console: Child, port: int) -> None:
    async with asyncio.timeout(60):
        while console.running:
            with suppress(OSError):
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                return
            await asyncio.sleep(0.1)
    raise RuntimeError(console.log.read_text())


async def _share_of_a_core(console: Child, within_s: float) -> float:
    begun = _cpu_s(console)
    await asyncio.sleep(within_s)
    return (_cpu_s(console) - begun) / within_s


def _cpu_s(console: Child) -> float:
    fields = Path(f"/proc/{console.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
