"""A gateway under load: fifty Modbus TCP devices at one second, beside collectd; then a backlog of a million.

The devices, the broker, the gateway and whoever acknowledges are processes of their own. collectd reads the
same devices in the same run, register by register, as its plugin does.

``TOCSIN_BENCH_S`` is how long each is measured (60 s; the aim is for 300).
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from statistics import quantiles

import msgspec
from rich.console import Console
from rich.table import Table

from edge.app import CONSUMERS, SPOOL
from tests.servers import running_mosquitto
from transport.acks import Ack, encode_ack, to_ranges
from transport.batch import Reading, build_batch, decode_batch, encode_batch
from transport.beat import decode_beat
from transport.measurement import Quality
from transport.outbox import open_outbox
from transport.session import Endpoint, Session, open_session
from transport.topics import ANY_LIVE, any_replay, gateway_of

DEVICES, POINTS = 50, 200
MEASURED_S = float(os.environ.get("TOCSIN_BENCH_S", "60"))
WARM_UP_S = 5.0
_LIVE_BATCHES = 20  # of them those that came while the backlog drained are the slowest
BACKLOG_POINTS, BATCH_POINTS = 1_000_000, 500
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")

SERVERS = f"""
import asyncio, struct, sys
served = 0
words = struct.pack(">125H", *range(1, 126))

class Device(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.heard = transport, b""
    def data_received(self, data):
        global served
        self.heard += data
        answers = []
        while len(self.heard) >= 12:
            number, _, _, unit, function, _, count = struct.unpack(">HHHBBHH", self.heard[:12])
            self.heard = self.heard[12:]
            answers.append(struct.pack(">HHHBBB", number, 0, 3 + 2 * count, unit, function, 2 * count)
                           + words[: 2 * count])
            served += 1
        self.transport.write(b"".join(answers))

async def main():
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Device, "127.0.0.1", 0) for _ in range({DEVICES})]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(served, flush=True)

asyncio.run(main())
"""

DISTRICT = """
version: 1
district:
  {id: bench, name: {zh: 测, en: Bench}, timezone: UTC, code: "330199", broker: auto, store: {kind: sqlite}}
"""


class Devices:
    """The process of the fifty devices."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self._process = process
        self.ports = [int(word) for word in process.stdout.readline().split()]

    def served(self) -> int:
        """How many requests they have answered."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextlib.contextmanager
def devices() -> Iterator[Devices]:
    command = [sys.executable, "-c", SERVERS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Devices(process)
        finally:
            process.kill()


def devices_yaml(points: int) -> str:
    buses = [
        f"      plc-{n}: {{kind: modbus-tcp, host: 192.0.2.{n + 1}, timeout: 800ms}}" for n in range(DEVICES)
    ]
    registers = [f'      p{n}: {{table: holding, addr: {n}, type: u16, unit: "1"}}' for n in range(points)]
    rows = [
        f"  - {{id: plc-{n}, site: plant, gateway: gw, bus: plc-{n}, unit: 1, use: plc, every: 1s}}"
        for n in range(DEVICES)
    ]
    return "\n".join(
        [
            DISTRICT.strip(),
            "gateways:",
            "  gw:",
            "    area: town",
            "    buses:",
            *buses,
            "profiles:",
            "  plc:",
            "    points:",
            *registers,
            "devices:",
            *rows,
            "sites: {plant: {kind: pipeline, area: cell, name: {zh: 厂, en: Plant}}}",
            "",
        ]
    )


def cpu_s(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class Centre:
    """Acknowledges every batch for both consumers, and notes how it came."""

    def __init__(self) -> None:
        self.live_points = 0
        self.replayed_points = 0
        self.latencies_s: list[float] = []
        self.counters: dict[str, float] = {}

    async def run(self, session: Session) -> None:
        while True:
            numbers: dict[tuple[str, str, str], list[int]] = {}
            for message in await session.receive(most=500):
                gateway = gateway_of(message.topic)
                if message.topic == gateway.status:
                    self.counters = decode_beat(message.payload).counters
                    continue
                batch = decode_batch(message.payload)
                points = sum(len(group.offsets_ms) * len(group.points) for group in batch.groups)
                to: tuple[str, ...] = CONSUMERS
                if message.topic == gateway.live:
                    self.live_points += points
                    newest_ms = batch.origin_ms + max((max(g.offsets_ms) for g in batch.groups), default=0)
                    self.latencies_s.append(time.time() - newest_ms / 1000)
                else:
                    to = (message.topic.rpartition("/")[2],)
                    self.replayed_points += points
                for consumer in to:
                    numbers.setdefault((gateway.ack, consumer, batch.epoch), []).append(batch.seq)
            for (topic, consumer, epoch), seqs in numbers.items():
                await session.publish(
                    topic, encode_ack(Ack(consumer=consumer, epoch=epoch, ranges=to_ranges(seqs)))
                )


@contextlib.asynccontextmanager
async def centre(broker: Endpoint) -> AsyncIterator[Centre]:
    here = Centre()
    topics = [ANY_LIVE, *map(any_replay, CONSUMERS), "tocsin/1/town/gw/status"]
    async with open_session(broker, client_id="bench", subscriptions=topics) as session:
        await session.connected.wait()
        task = asyncio.create_task(here.run(session))
        try:
            yield here
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(condition: Callable[[], object], what: str, *, within_s: float = 600.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"waited in vain for {what}"
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def agent(folder: Path, broker: Endpoint, ports: list[int]) -> Iterator[int]:
    """The gateway; yields its process's number."""
    command = [sys.executable, "-m", "tocsin", "edge", "--district", str(folder), "--broker", broker.url]
    command += [word for n, port in enumerate(ports) for word in ("--bus", f"plc-{n}=127.0.0.1:{port}")]
    with subprocess.Popen(command, stderr=(folder / "edge.log").open("w")) as process:
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


async def under_load(folder: Path) -> dict[str, float]:
    """Read, decoded, spooled, published, acknowledged: fifty devices of two hundred points a second."""
    folder.mkdir()
    (folder / "devices.yaml").write_text(devices_yaml(POINTS), encoding="utf-8")
    with running_mosquitto(folder) as broker, devices() as there:
        async with centre(broker.endpoint) as here:
            with agent(folder, broker.endpoint, there.ports) as pid:
                await until(lambda: here.live_points, "the first readings")
                await asyncio.sleep(WARM_UP_S)
                here.latencies_s.clear()
                began, points, late = cpu_s(pid), here.live_points, here.counters.get("late_polls", 0.0)
                await asyncio.sleep(MEASURED_S)
                used_s, points = cpu_s(pid) - began, here.live_points - points
                await asyncio.sleep(6.0)  # its next beat
                return {
                    "points_per_s": points / MEASURED_S,
                    "missed_polls": here.counters["late_polls"] - late,
                    "cores": used_s / MEASURED_S,
                    "cpu_us_a_point": used_s / points * 1e6,
                    "peak_mb": peak_mb(pid),
                    "answer_to_centre_p95_s": quantiles(here.latencies_s, n=20)[-1],
                    "lacking_at_end": here.counters["depth"],
                }


def collectd_conf(folder: Path, ports: list[int]) -> str:
    data = "\n".join(
        f'<Data "p{n}">\nRegisterBase {n}\nRegisterType Uint16\nType gauge\nInstance "p{n}"\n</Data>'
        for n in range(POINTS)
    )
    collect = "\n".join(f'Collect "p{n}"' for n in range(POINTS))
    hosts = "\n".join(
        f'<Host "plc-{n}">\nAddress "127.0.0.1"\nPort "{port}"\nInterval 1\n'
        f'<Slave 1>\nInstance "plc"\n{collect}\n</Slave>\n</Host>'
        for n, port in enumerate(ports)
    )
    return (
        f'BaseDir "{folder}"\nPIDFile "{folder}/collectd.pid"\nPluginDir "/usr/lib/collectd"\n'
        f'TypesDB "/usr/share/collectd/types.db"\nInterval 1\nReadThreads {DEVICES}\n'
        f"LoadPlugin modbus\n<Plugin modbus>\n{data}\n{hosts}\n</Plugin>\n"
    )


async def collectd_under_load(folder: Path) -> dict[str, float] | None:
    """The same devices, read by collectd; nothing where it is not installed."""
    program = shutil.which("collectd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        return None
    folder.mkdir()
    with devices() as there:
        conf = folder / "collectd.conf"
        conf.write_text(collectd_conf(folder, there.ports))
        command = [program, "-f", "-C", str(conf)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: ASYNC220  (begun once)
            try:
                await asyncio.sleep(WARM_UP_S)
                began, served = cpu_s(process.pid), there.served()
                await asyncio.sleep(MEASURED_S)
                used_s, points = cpu_s(process.pid) - began, there.served() - served
                return {
                    "points_per_s": points / MEASURED_S,  # a request a register
                    "cores": used_s / MEASURED_S,
                    "cpu_us_a_point": used_s / max(points, 1) * 1e6,
                    "peak_mb": peak_mb(process.pid),
                }
            finally:
                process.kill()


async def after_an_outage(folder: Path) -> dict[str, float]:
    """A backlog of a million points drains while fifty devices go on at twenty points a second."""
    folder.mkdir()
    (folder / "devices.yaml").write_text(devices_yaml(20), encoding="utf-8")
    state = folder / "state" / "edge-gw"
    state.mkdir(parents=True)
    names = [f"p{n}" for n in range(20)]
    then_ms = int(time.time() * 1000) - 3_600_000
    async with open_outbox(state / SPOOL, epoch="outage", consumers=CONSUMERS) as outbox:
        for first in range(0, BACKLOG_POINTS // BATCH_POINTS, 100):
            bodies = []
            for seq in range(first + 1, first + 101):
                rows = [
                    Reading(
                        f"plc-{n}",
                        then_ms + 1000 * seq,
                        {name: (float(n), Quality.GOOD) for name in names},
                    )
                    for n in range(BATCH_POINTS // 20)
                ]
                bodies.append((seq, encode_batch(build_batch(rows, gateway="gw", epoch="outage", seq=seq))))
            await asyncio.gather(*(outbox.append(seq, body) for seq, body in bodies))
    with running_mosquitto(folder) as broker, devices() as there:
        async with centre(broker.endpoint) as here:
            with agent(folder, broker.endpoint, there.ports) as pid:
                began_s = time.monotonic()
                await until(lambda: here.replayed_points, "the first of the backlog")
                replay_s = time.monotonic()
                await until(
                    lambda: here.replayed_points >= len(CONSUMERS) * BACKLOG_POINTS, "the backlog to drain"
                )
                took_s = time.monotonic() - replay_s
                await until(lambda: len(here.latencies_s) >= _LIVE_BATCHES, "live readings")
                return {
                    "replayed_points_per_s_and_consumer": BACKLOG_POINTS / took_s,
                    "live_p95_s": quantiles(here.latencies_s, n=20)[-1],
                    "live_points": here.live_points,
                    "start_to_first_replayed_s": replay_s - began_s,
                    "peak_mb": peak_mb(pid),
                }


def main() -> dict[str, object]:
    """Measure, show a table, return the figures."""
    with tempfile.TemporaryDirectory(prefix="bench-edge-") as name:
        folder = Path(name)
        ours = asyncio.run(under_load(folder / "ours"))
        theirs = asyncio.run(collectd_under_load(folder / "collectd"))
        outage = asyncio.run(after_an_outage(folder / "outage"))
    table = Table("", "points/s", "missed polls", "cores", "us a point", "peak MB", title="fifty devices")
    table.add_row(
        "tocsin edge",
        f"{ours['points_per_s']:.0f}",
        f"{ours['missed_polls']:.0f}",
        f"{ours['cores']:.2f}",
        f"{ours['cpu_us_a_point']:.1f}",
        f"{ours['peak_mb']:.0f}",
    )
    if theirs is not None:
        table.add_row(
            "collectd",
            f"{theirs['points_per_s']:.0f}",
            "",
            f"{theirs['cores']:.2f}",
            f"{theirs['cpu_us_a_point']:.1f}",
            f"{theirs['peak_mb']:.0f}",
        )
    console = Console()
    console.print(table)
    console.print(
        f"outage of {BACKLOG_POINTS:,} points: {outage['replayed_points_per_s_and_consumer']:.0f} points/s "
        f"to each consumer, live p95 {outage['live_p95_s']:.2f} s"
    )
    return {
        "measured_s": MEASURED_S,
        "tocsin": ours,
        "collectd": theirs,
        "outage": msgspec.to_builtins(outage),
    }
