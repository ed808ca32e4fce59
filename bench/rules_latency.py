"""From a batch published to its transition received, beside a bare echo through the same broker.

The engine is a process of its own, journal on, under 10,000 readings/s of 10,000 subjects in batches of a
hundred. Ten times a second one reading crosses a limit; as often a message as long goes to a process which
sends it back. Both have TCP_NODELAY at every end and are timed by the same clock in the same run.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import quantiles
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from rules.app import RulesConfig, run
from rules.ladder import Ladder, Rung
from rules.rulebook import Rulebook, Watch
from rules.transition import Level, decode_announcement
from tests.rules.support import device, district, site
from tests.servers import running_mosquitto
from transport import topics
from transport.acks import Ack, encode_ack
from transport.batch import Reading, build_batch, encode_batch
from transport.clock import real_clock
from transport.measurement import Quality
from transport.session import Endpoint, Session, open_session, parse_endpoint

SUBJECTS, BATCH, READINGS_S = 10_000, 100, 10_000
FOR_S = float(os.environ.get("BENCH_SECONDS", "30"))
WARM_S = 3.0
PROBES_S = 10  # transitions, and echoes, a second
PING, PONG = "bench/ping", "bench/pong"
GATEWAY = topics.GatewayTopics("linjiang", "gw")
TRANSITION, ACK = topics.transition("linjiang"), topics.transition_ack("linjiang")
LIMIT = 50.0


def rulebook() -> Rulebook:
    ladder = {
        "": Ladder(rising=True, rungs=(Rung(level=Level.RED, limit=LIMIT, clear=LIMIT),), clear_for_ms=0)
    }
    watches = tuple(
        Watch(
            rule="limit",
            hazard="flood",
            device=f"d{number}",
            point="level",
            site="site",
            unit="m",
            seasons=frozenset(),
            ladders=ladder,
            stale_after_ms=60_000,
            allowance_ms=60_000,
        )
        for number in range(SUBJECTS)
    )
    return Rulebook(rules={}, watches=watches, silences=(), seasons={}, timezone=ZoneInfo("Asia/Shanghai"))


async def engine(broker: Endpoint, folder: Path) -> None:
    place = district([device("d0", "site", "level")], [site("site", "river")])
    config = RulesConfig(
        district=place, rulebook=rulebook(), broker=broker, state_dir=folder, clock=real_clock()
    )
    await run(config, asyncio.Event())


async def echo(broker: Endpoint) -> None:
    async with open_session(broker, client_id="echo", subscriptions=[PING]) as session:
        while True:
            for message in await session.receive(most=100):
                await session.publish(PONG, message.payload)


@contextmanager
def process(*words: str) -> Iterator[None]:
    running = subprocess.Popen([sys.executable, "-m", "bench.rules_latency", *words])
    try:
        yield
    finally:
        running.kill()
        running.wait()


class Probe:
    """The other ends: gateways that publish, alerting that receives."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked_s: dict[str, float] = {}
        self.transitions_s: list[float] = []
        self.echoes_s: list[float] = []
        self._first_s = time.perf_counter() + WARM_S

    async def listen(self) -> None:
        while True:
            for message in await self._session.receive(most=100):
                now_s = time.perf_counter()
                if message.topic == PONG:
                    name, found = message.payload[:16].decode().strip(), self.echoes_s
                elif message.topic == TRANSITION:
                    said = decode_announcement(message.payload)
                    if said.standing:
                        continue
                    name, found = said.transition.subject, self.transitions_s
                    ack = Ack(consumer="alerting", epoch=said.epoch, ranges=[(said.seq, said.seq)])
                    await self._session.publish(ACK, encode_ack(ack))
                else:
                    continue
                asked_s = self._asked_s.pop(name, None)
                if asked_s is not None and asked_s > self._first_s:
                    found.append(now_s - asked_s)

    async def load(self) -> None:
        """Batches at a steady pace; one in ten crosses a limit, and one in ten is followed by an echo."""
        pause_s = BATCH / READINGS_S
        every = round(READINGS_S / BATCH / PROBES_S)
        high: set[int] = set()
        next_s = time.perf_counter()
        last_s = self._first_s + FOR_S
        for seq in count():
            first = seq * BATCH % SUBJECTS
            at_ms = time.time_ns() // 1_000_000
            if seq % every == 0:
                high ^= {first}
            readings = [
                Reading(f"d{n}", at_ms, {"level": (LIMIT if n in high else 1.0, Quality.GOOD)})
                for n in range(first, first + BATCH)
            ]
            payload = encode_batch(build_batch(readings, gateway="gw", epoch="e", seq=seq + 1))
            if seq % every == 0:
                self._asked_s[f"d{first}:level"] = time.perf_counter()
            await self._session.publish(GATEWAY.live, payload)
            if seq % every == every // 2:
                name = f"echo-{seq}"
                self._asked_s[name] = time.perf_counter()
                await self._session.publish(PING, name.encode().ljust(16) + payload)
            next_s += pause_s
            if next_s > last_s:
                return
            await asyncio.sleep(max(0.0, next_s - time.perf_counter()))


async def measure(broker: Endpoint) -> Probe:
    async with open_session(broker, client_id="probe", subscriptions=[TRANSITION, PONG]) as session:
        await session.connected.wait()
        probe = Probe(session)
        listening = asyncio.create_task(probe.listen())
        await probe.load()
        await asyncio.sleep(1.0)
        listening.cancel()
        return probe


def main() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name, running_mosquitto(Path(name)) as broker:
        url = f"mqtt://{broker.endpoint.host}:{broker.endpoint.port}"
        with process("engine", url, name), process("echo", url):
            time.sleep(5.0)
            probe = asyncio.run(measure(broker.endpoint))
    ways = {"transition": probe.transitions_s, "echo": probe.echoes_s}
    figures = {way: _milliseconds(found) for way, found in ways.items()}
    halves = [
        probe.transitions_s[: len(probe.transitions_s) // 2],
        probe.transitions_s[len(probe.transitions_s) // 2 :],
    ]
    table = Table("way", "count", "p50, ms", "p99, ms")
    for way, found in ways.items():
        table.add_row(way, f"{len(found)}", *(f"{each:.2f}" for each in figures[way]))
    Console().print(table)
    p50, p99 = (figures["transition"][each] / figures["echo"][each] for each in (0, 1))
    print(f"p50 {p50:.1f} times, p99 {p99:.1f} times an echo")
    return {
        "seconds": FOR_S,
        "readings_s": READINGS_S,
        "subjects": SUBJECTS,
        "milliseconds": figures,
        "p50_times_echo": round(p50, 2),
        "p99_times_echo": round(p99, 2),
        "p50_of_halves": [_milliseconds(each)[0] for each in halves],
        "counts": {way: len(found) for way, found in ways.items()},
        "load": os.getloadavg()[0],
    }


def _milliseconds(found: list[float]) -> tuple[float, float]:
    cuts = quantiles(found, n=100)
    return round(cuts[49] * 1000, 3), round(cuts[98] * 1000, 3)


if __name__ == "__main__":
    what, address, *rest = sys.argv[1:]
    endpoint = parse_endpoint(address, None)
    asyncio.run(engine(endpoint, Path(rest[0])) if what == "engine" else echo(endpoint))
