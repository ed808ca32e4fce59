"""One threshold among a thousand rules is edited while readings come: how long until it holds.

`tocsin rules run` is a process of its own under 5,000 readings/s, and is asked by SIGHUP. No reading may be
missed: every batch must be acknowledged.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

import msgspec
from rich.console import Console

from tests.rules import places
from tests.servers import running_mosquitto
from transport import topics
from transport.acks import decode_ack
from transport.batch import Reading, build_batch, encode_batch
from transport.measurement import Quality
from transport.session import Endpoint, Session, open_session

DEVICES, POINTS, BATCH, READINGS_S = 100, 10, 100, 5_000
GATEWAY = topics.GatewayTopics("linjiang", "gw")
ANSWER = topics.server_answer("rules")
LADDER = """
    levels:
      blue: {above: 1.0, clear: 0.9, for: 4m}
      yellow: {above: 2.0, clear: 1.9, for: 4m}
      orange: {above: 3.0, clear: 2.9, for: 4m}
      red: {above: 4.0, clear: 3.9, for: 0s}
"""


def write(folder: Path) -> Path:
    stations = [
        places.Station(f"mast-{n}", "weather", {f"p{point}": "m" for point in range(POINTS)}, every="1m")
        for n in range(DEVICES)
    ]
    rules = [
        f"  - id: rule-{point}-{n}\n    name: {{zh: 规则, en: Rule}}\n    hazard: flood\n"
        f"    select: {{device: mast-{n}, point: p{point}}}{LADDER}"
        for n in range(DEVICES)
        for point in range(POINTS)
    ]
    places.write_district(folder, stations, "version: 1\nrules:\n" + "".join(rules))
    return folder / "rules.yaml"


class Ends:
    """The gateway, and whoever asked for the rules to be read."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.acknowledged: set[int] = set()
        self.answered = asyncio.Event()
        self.answer: dict[str, object] = {}
        self.sent = 0
        self.stop = False

    async def listen(self) -> None:
        while True:
            for message in await self._session.receive(most=100):
                if message.topic == ANSWER:
                    self.answer = msgspec.json.decode(message.payload)
                    self.answered.set()
                else:
                    for first, last in decode_ack(message.payload).ranges:
                        self.acknowledged.update(range(first, last + 1))

    async def load(self) -> None:
        next_s = time.perf_counter()
        for seq in count(1):
            if self.stop:
                return
            at_ms = time.time_ns() // 1_000_000
            readings = [
                Reading(
                    f"mast-{(seq * BATCH // POINTS + n) % DEVICES}",
                    at_ms,
                    {f"p{point}": (0.5, Quality.GOOD) for point in range(POINTS)},
                )
                for n in range(BATCH // POINTS)
            ]
            self.sent = seq
            payload = encode_batch(build_batch(readings, gateway="gw", epoch="e", seq=seq))
            await self._session.publish(GATEWAY.live, payload)
            next_s += BATCH / READINGS_S
            await asyncio.sleep(max(0.0, next_s - time.perf_counter()))

    async def caught_up(self, within_s: float = 60.0) -> float:
        """Wait until all is acknowledged that was sent since the engine began to listen."""
        began = time.perf_counter()
        while not self.acknowledged or len(self.acknowledged) <= self.sent - min(self.acknowledged):
            assert time.perf_counter() - began < within_s, "the engine does not follow"
            await asyncio.sleep(0.01)
        return time.perf_counter() - began


async def measure(broker: Endpoint, engine: "subprocess.Popen[bytes]", rules: Path) -> dict[str, object]:
    async with open_session(broker, client_id="ends", subscriptions=[GATEWAY.ack, ANSWER]) as session:
        await session.connected.wait()
        ends = Ends(session)
        listening = asyncio.create_task(ends.listen())
        loading = asyncio.create_task(ends.load())
        start_s = await ends.caught_up()  # from when it is sent to
        await asyncio.sleep(2.0)
        written = rules.read_text(encoding="utf-8")
        rules.write_text(written.replace("above: 4.0", "above: 4.5", 1), encoding="utf-8")
        before = len(ends.acknowledged)
        began = time.perf_counter()
        engine.send_signal(signal.SIGHUP)
        async with asyncio.timeout(30):
            await ends.answered.wait()
        applied_s = time.perf_counter() - began
        meanwhile = len(ends.acknowledged) - before
        await asyncio.sleep(2.0)
        ends.stop = True
        await loading
        await ends.caught_up()
        listening.cancel()
        return {
            "start_s": round(start_s, 2),
            "applied_s": round(applied_s, 2),
            "said": ends.answer.get("en"),
            "batches_sent": ends.sent + 1 - min(ends.acknowledged),
            "batches_acknowledged": len(ends.acknowledged),
            "batches_judged_meanwhile": meanwhile,
        }


def main() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name, running_mosquitto(Path(name)) as broker:
        folder = Path(name)
        rules = write(folder)
        url = f"mqtt://{broker.endpoint.host}:{broker.endpoint.port}"
        command = [sys.executable, "-m", "tocsin", "rules", "run", "--district", name, "--broker", url]
        with subprocess.Popen([*command, "--state", str(folder / "state")]) as engine:
            try:
                figures = asyncio.run(measure(broker.endpoint, engine, rules))
            finally:
                engine.terminate()
    Console().print(figures)
    return {"rules": DEVICES * POINTS, "readings_s": READINGS_S, "load": os.getloadavg()[0], **figures}
