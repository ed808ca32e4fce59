"""From an instrument's answer to the receipt of the warning it raised, beside a bare MQTT echo in one run.

The whole demo runs as separate processes: serial line, gateway, spool, broker, journal, engine, outbox,
ledger, channel; every hand-over on the way is durable before the next. The echo goes there and back through
the same broker while they run, with TCP_NODELAY on both sides and nothing kept.
"""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from tocsin.broker import open_broker
from tocsin.demo import ENDS_AT, STARTS_AT
from tocsin.replay import open_replay
from tocsin.report import make_report, quantile
from transport.session import Endpoint, open_session

_DISTRICT = Path(__file__).parents[1]
_SPEED = 360.0
_ECHOES = 2000
_ECHO_EVERY_S = 0.05
_TOPIC = "tocsin/1/bench/echo"


def main() -> dict[str, object]:
    """Run the demo to its end and give both latencies."""
    figures = asyncio.run(_measure())
    table = Table("milliseconds", "p50", "p99", "max", title="from answer to receipt")
    for name in ("receipt_ms", "echo_ms"):
        row = figures[name]
        table.add_row(name.removesuffix("_ms"), *(f"{row[key]:.1f}" for key in ("p50", "p99", "max")))
    console = Console()
    console.print(table)
    console.print(f"{figures['receipts']} receipts; p50 is {figures['p50_ratio']:.0f} echoes")
    return figures


async def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        async with (
            open_broker(state / "broker") as broker,
            open_replay(_DISTRICT, state, broker, starts_at=STARTS_AT, speed=_SPEED) as replay,
        ):
            await replay.clock.sleep_until(STARTS_AT + timedelta(minutes=30))
            echoes_ms = await _echo(broker)
            await replay.clock.sleep_until(ENDS_AT)
            await replay.finish()
            report = await make_report(replay.district, state, replay.served, replay.clock)
    receipts_ms = list(report.latencies_ms)
    receipt, echo = _quantiles(receipts_ms), _quantiles(echoes_ms)
    return {
        "receipts": len(receipts_ms),
        "receipt_ms": receipt,
        "echo_ms": echo,
        "p50_ratio": receipt["p50"] / echo["p50"],
        "lost": len(report.lost),
        "duplicates": report.duplicates,
    }


async def _echo(broker: Endpoint) -> list[float]:
    """Round trips of a small message between two clients, one at a time."""
    took_ms = []
    async with (
        open_session(broker, client_id="echo-near", subscriptions=[f"{_TOPIC}/back"]) as near,
        open_session(broker, client_id="echo-far", subscriptions=[f"{_TOPIC}/out"]) as far,
    ):
        await near.connected.wait()
        await far.connected.wait()

        async def answer() -> None:
            while True:
                (message,) = await far.receive()
                await far.publish(f"{_TOPIC}/back", message.payload)

        answering = asyncio.create_task(answer())
        for number in range(_ECHOES):
            began_s = perf_counter()
            await near.publish(f"{_TOPIC}/out", str(number).encode())
            await near.receive()
            took_ms.append((perf_counter() - began_s) * 1000)
            await asyncio.sleep(_ECHO_EVERY_S)  # a hundred seconds: as long as the demo
        answering.cancel()
    return took_ms


def _quantiles(values_ms: list[float]) -> dict[str, float]:
    return {
        name: quantile(values_ms, share) or 0.0 for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }
