"""What deploy/ offers fits what is there: units, broker rights, dashboards, alerts, containers."""

import ast
import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from uuid import uuid4

import click
import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from typer.main import get_command

from collector.manual import manual_topics
from collector.writer import Tally
from console.newest import SUBSCRIPTIONS
from edge.counters import Counters
from tests.edge.field import PATIENCE_S, district_of, until
from tests.edge.test_faults import MODBUS
from tests.servers import find_program, free_port, running_mosquitto
from tocsin.certs import make_certificates
from tocsin.cli import app
from transport import topics
from transport.metrics import Facts, counted, exposition
from transport.session import Endpoint, Session, TlsFiles, open_session
from transport.topics import GatewayTopics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def parse_words(words: Sequence[str]) -> None:
    """Let the command line read words as it would; what it does not know is an error."""
    command, left = get_command(app), list(words)
    while isinstance(command, click.Group):
        command = command.commands[left.pop(0)]
    command.make_context(command.name, left)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_there_is_and_systemd_reads_it(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    (started,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    program, *words = shlex.split(started.replace("%i", "gw-qingshan"))

    parse_words(words)

    copy = tmp_path / unit.name
    copy.write_text(text.replace(program, sys.executable).replace("User=tocsin", "User=root"))
    verify = [find_program("systemd-analyze"), "verify", "--man=no", str(copy)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert unit.name not in done.stderr, done.stderr
    assert "Type=notify" in text
    assert "WatchdogSec=" in text


def test_the_agent_may_ask_for_the_clock_state_under_its_unit() -> None:
    text = (DEPLOY / "systemd/tocsin-edge@.service").read_text(encoding="utf-8")

    (allowed,) = re.findall(r"^SystemCallFilter=(.+)$", text, re.MULTILINE)

    assert {"adjtimex", "clock_adjtime"} <= set(allowed.split())  # neither is in @system-service


async def test_a_part_tells_systemd_that_it_begins_turns_and_ends(tmp_path: Path) -> None:
    folder = tmp_path / "district"
    district_of(folder, MODBUS)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        loop = asyncio.get_running_loop()
        nobody = f"mqtt://127.0.0.1:{free_port()}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tocsin", "edge", "--district", str(folder), "--broker", nobody),
            env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"},
            stderr=asyncio.subprocess.DEVNULL,
        )

        async def heard() -> bytes:
            return await asyncio.wait_for(loop.sock_recv(manager, 100), PATIENCE_S)

        assert [await heard() for _ in range(4)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        process.send_signal(signal.SIGTERM)
        while (word := await heard()) != b"STOPPING=1":
            assert word.decode() == "WATCHDOG=1"
        while process.returncode is None:  # its last words are heard, so that it is not held up
            waiting = asyncio.create_task(process.wait())
            await asyncio.wait([waiting], timeout=0.2)
        assert process.returncode == 0


def metrics_there_are() -> set[str]:
    """The names under which figures are exposed, from the counters and from the source."""
    collector = counted(asdict(Tally()), now=("lag_s", "store_down"))
    names = set()
    for service, figures in (("edge", Counters().all()), ("collector", collector)):
        text = exposition(Facts(service, partial(list, figures), dict)).decode()
        names |= {s.name for family in text_string_to_metric_families(text) for s in family.samples}
        for file in (ROOT / service).rglob("*.py"):
            for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Figure":
                    name = call.args[0]
                    assert isinstance(name, ast.Constant)
                    suffix = "" if any(word.arg == "is_now" for word in call.keywords) else "_total"
                    names.add(f"tocsin_{service}_{name.value!s}{suffix}")
    return names


def expressions() -> Iterator[str]:
    dashboard = json.loads((DEPLOY / "grafana/tocsin.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    rules = YAML(typ="safe").load(DEPLOY / "prometheus/tocsin-alerts.yml")
    yield from (rule["expr"] for group in rules["groups"] for rule in group["rules"])


def test_dashboards_and_alerts_name_only_figures_that_there_are() -> None:
    named = {name for text in expressions() for name in re.findall(r"tocsin_[a-z0-9_]+", text)}

    assert named
    assert named <= metrics_there_are()


def test_prometheus_takes_its_configuration_and_every_expression() -> None:
    done = subprocess.run(
        [find_program("promtool"), "check", "config", str(DEPLOY / "prometheus/prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_containers_run_commands_that_there_are_with_files_that_there_are() -> None:
    text = YAML(typ="safe").load(DEPLOY / "compose.yaml")

    ours = {name: part for name, part in text["services"].items() if "command" in part}
    assert set(ours) == {"collector", "rules", "alerting", "console"}
    for part in ours.values():
        parse_words(part["command"])
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert all((ROOT / name).exists() for line in copied for name in line.split())
    mounts = [mount for mount in text["services"]["mosquitto"]["volumes"] if mount.startswith("./")]
    assert mounts
    assert all((DEPLOY / mount.split(":")[0]).is_file() for mount in mounts)


@asynccontextmanager
async def guarded(folder: Path) -> AsyncIterator[tuple[Path, Endpoint]]:
    """A mosquitto with our rights over mutual TLS, and where certificates lie; ``admin`` may do all."""
    certs = folder / "certs"
    make_certificates(certs, district="linjiang", gateways=["gw-one", "gw-two", "admin"])
    rights = (DEPLOY / "mosquitto/tocsin.acl").read_text(encoding="utf-8")
    (folder / "acl").write_text(rights + "\nuser admin\ntopic readwrite #\n")
    config = (DEPLOY / "mosquitto/tocsin.conf").read_text(encoding="utf-8")
    for name in ("certs/authority.pem", "certs/broker.pem", "certs/broker.key"):
        config = config.replace(f"/etc/tocsin/{name}", str(folder / name))
    config = config.replace("/etc/mosquitto/tocsin.acl", str(folder / "acl"))
    ours = re.compile(r"^(listener|per_listener|allow_anonymous|set_tcp|max_).*$", re.MULTILINE)
    tls = TlsFiles(authority=certs / "authority.pem")
    with running_mosquitto(folder, tls=tls, settings=ours.sub("", config)) as server:
        yield certs, server.endpoint


@asynccontextmanager
async def client(
    place: tuple[Path, Endpoint], name: str, subscriptions: Sequence[str] = ()
) -> AsyncIterator[Session]:
    """A connection with the certificate of ``name``."""
    certs, endpoint = place
    tls = TlsFiles(
        authority=certs / "authority.pem", certificate=certs / f"{name}.pem", key=certs / f"{name}.key"
    )
    where = Endpoint(host=endpoint.host, port=endpoint.port, tls=tls)
    async with open_session(where, client_id=f"{name}-{uuid4()}", subscriptions=subscriptions) as session:
        await asyncio.wait_for(session.connected.wait(), PATIENCE_S)
        yield session


@asynccontextmanager
async def listening(
    place: tuple[Path, Endpoint], name: str, subscriptions: Sequence[str]
) -> AsyncIterator[list[tuple[str, bytes]]]:
    """What a client hears, as it comes."""
    heard: list[tuple[str, bytes]] = []

    async def listen(session: Session) -> None:
        while True:
            heard.extend(await session.receive(most=100))

    async with client(place, name, subscriptions) as session:
        task = asyncio.create_task(listen(session))
        try:
            yield heard
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def example(subscription: str) -> str:
    """A topic that a subscription is meant for."""
    return subscription.removeprefix("$share/store/").replace("+", "x")


ONE, TWO = GatewayTopics("town", "gw-one"), GatewayTopics("town", "gw-two")
OF_CONSUMERS = [topics.ANY_LIVE, topics.any_replay("store"), topics.ANY_STATUS]
HEARS = {
    "collector": (OF_CONSUMERS, [TWO.ack, topics.transition("town")]),
    "rules": (
        [
            topics.ANY_LIVE,
            topics.any_replay("rules"),
            topics.transition_ack("linjiang"),
            topics.server_command("rules"),
        ],
        [topics.any_replay("store").replace("+", "x"), topics.server_command("alerting")],
    ),
    "alerting": (
        [
            topics.ANY_TRANSITION,
            topics.server_status("rules"),
            topics.server_command("alerting"),
            topics.server_answer("alerting"),
        ],
        [ONE.live, topics.server_command("rules")],
    ),
    "console": ([*SUBSCRIPTIONS, manual_topics("linjiang").ack], []),
    "gw-one": ([ONE.ack, topics.ANY_SERVER_STATUS], [TWO.ack, TWO.live, topics.transition("town")]),
}


@pytest.mark.server
@pytest.mark.parametrize("name", HEARS)
async def test_every_part_hears_what_it_listens_to_and_not_what_is_none_of_its_business(
    name: str, tmp_path: Path
) -> None:
    subscriptions, others = HEARS[name]
    expected = {example(each) for each in subscriptions}
    async with (
        guarded(tmp_path) as place,
        listening(place, name, [*subscriptions, *others]) as heard,
        client(place, "admin") as admin,
    ):
        for topic in (*others, *sorted(expected)):
            await admin.publish(topic, b"x")
        await until(lambda: expected <= {topic for topic, _ in heard}, "what it listens to")

    assert {topic for topic, _ in heard} == expected


@pytest.mark.server
async def test_collectors_that_share_the_work_hear_their_share(tmp_path: Path) -> None:
    async with (
        guarded(tmp_path) as place,
        listening(place, "collector", [f"$share/store/{topics.ANY_LIVE}"]) as heard,
        client(place, "gw-one") as gateway,
    ):
        await gateway.publish(ONE.live, b"x")
        await until(lambda: heard, "a share")

    assert heard == [(ONE.live, b"x")]


@pytest.mark.server
async def test_nobody_speaks_in_the_name_of_another(tmp_path: Path) -> None:
    by_hand = manual_topics("linjiang")
    transition, alarm = topics.transition("town"), topics.alarm("town", "r", "s")
    warning = topics.warning("town", "x")
    said = {
        "gw-two": ([TWO.live, TWO.replay("rules"), TWO.status], [ONE.live, ONE.ack, transition]),
        "collector": ([ONE.ack], [ONE.live, warning]),
        "rules": ([ONE.ack, transition, alarm], [ONE.live]),
        "alerting": ([topics.transition_ack("town"), warning], [ONE.ack]),
        "console": ([topics.server_command("rules"), by_hand.live], [ONE.live, transition]),
    }
    allowed = sorted((topic, name.encode()) for name, (may, _) in said.items() for topic in may)
    async with guarded(tmp_path) as place, listening(place, "admin", ["tocsin/1/#"]) as heard:
        for name, (may, may_not) in said.items():
            async with client(place, name) as speaker:
                for topic in (*may_not, *may):  # what is allowed comes last, so the rest has had its time
                    await speaker.publish(topic, name.encode())
        await until(lambda: len(heard) >= len(allowed), "what is allowed")

    assert sorted(heard) == allowed
