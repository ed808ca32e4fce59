"""The standing connection: comes back by itself, is never deaf unnoticed, says why it cannot connect."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.servers import running_mosquitto
from tocsin.certs import make_certificates
from transport import session as session_module
from transport.errors import EndpointError, NotConnectedError
from transport.session import Endpoint, Session, TlsFiles, open_session, parse_endpoint

REPOSITORY = Path(__file__).parents[2]
DEADLINE_S = 30.0
pytestmark = pytest.mark.server


async def connected(session: Session) -> None:
    await asyncio.wait_for(session.connected.wait(), DEADLINE_S)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110  (what it waits for depends on a server)
            await asyncio.sleep(0.01)


async def next_payload(session: Session) -> bytes:
    [message] = await asyncio.wait_for(session.receive(), DEADLINE_S)
    return message.payload


async def test_it_subscribes_again_after_the_broker_was_killed(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path) as server:
        async with open_session(server.endpoint, client_id="a", subscriptions=["news"]) as session:
            await connected(session)
            server.kill()
            await until(lambda: not session.connected.is_set())
            with pytest.raises(NotConnectedError):
                await session.publish("news", b"lost")

            await asyncio.to_thread(server.start)
            await connected(session)
            await session.publish("news", b"heard")

            assert await next_payload(session) == b"heard"
            assert session.generation == 2


async def test_who_waits_for_the_broker_hears_at_once_that_it_is_gone(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path) as server:
        async with open_session(server.endpoint, client_id="a") as session:
            await connected(session)
            os.kill(server.pid, signal.SIGSTOP)  # it takes the message and never answers
            publishing = asyncio.create_task(session.publish("news", b"unanswered"))
            await asyncio.sleep(0)
            server.kill()

            with pytest.raises(NotConnectedError):
                await asyncio.wait_for(publishing, session_module._PUBLISH_TIMEOUT_S / 2)


async def test_the_broker_says_when_a_client_was_killed(broker: Endpoint) -> None:
    program = f"""
import asyncio
from transport.session import Endpoint, Will, open_session

async def main():
    will = Will(topic="who", alive=b"alive", gone=b"gone")
    async with open_session(Endpoint(host="{broker.host}", port={broker.port}), client_id="b", will=will):
        await asyncio.Event().wait()

asyncio.run(main())
"""
    async with open_session(broker, client_id="a", subscriptions=["who"]) as session:
        await connected(session)
        client = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=REPOSITORY)
        try:
            assert await next_payload(session) == b"alive"
        finally:
            client.kill()
            await client.wait()
        assert await next_payload(session) == b"gone"


async def test_a_session_begins_without_a_broker(tmp_path: Path) -> None:
    with running_mosquitto(tmp_path) as server:
        server.kill()
        with capture_logs() as logs:
            async with open_session(server.endpoint, client_id="a") as session:
                assert not session.connected.is_set()
                await asyncio.to_thread(server.start)
                await connected(session)

    assert [entry["event"] for entry in logs].count("broker-lost") <= 1  # told once, not at every attempt


@pytest.mark.parametrize("turns", range(60))
async def test_it_ends_at_whatever_moment_it_is_asked_to(turns: int, broker: Endpoint) -> None:
    async with asyncio.timeout(10):
        async with open_session(broker, client_id=f"brief-{turns}", subscriptions=["tocsin/1/+/+/live"]):
            for _ in range(turns):  # a turn of the loop at a time through connecting and subscribing
                await asyncio.sleep(0)


async def test_messages_beyond_the_queue_are_dropped_and_counted(
    broker: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_QUEUE_BYTES", 10_000)
    async with open_session(broker, client_id="a", subscriptions=["news"]) as session:
        await connected(session)
        for _ in range(30):
            await session.publish("news", b"x" * 1000)
        await until(lambda: session.dropped == 19)

        assert len(await session.receive(most=100)) == 11
        await session.publish("news", b"room again")
        assert await next_payload(session) == b"room again"


@asynccontextmanager
async def strict_broker() -> AsyncIterator[Endpoint]:
    """A broker that takes every client and refuses every subscription; mosquitto's rights files cannot."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def packet() -> bytes:
            _, length = await reader.readexactly(2)
            return await reader.readexactly(length)

        try:
            await packet()
            writer.write(b"\x20\x02\x00\x00")  # CONNACK: welcome
            writer.write(b"\x90\x03" + (await packet())[:2] + b"\x80")  # SUBACK: refused
            await reader.read()
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield Endpoint(host=host, port=port)


async def test_a_subscription_that_is_refused_is_told() -> None:
    with capture_logs() as logs:
        async with (
            strict_broker() as endpoint,
            open_session(endpoint, client_id="a", subscriptions=["forbidden"]) as session,
        ):
            await until(lambda: bool(logs))

            assert not session.connected.is_set()
            assert "forbidden" in logs[0]["reason"]


async def test_it_speaks_to_an_ipv6_address(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with running_mosquitto(tmp_path, host="::1") as server:
        endpoint = parse_endpoint(server.endpoint.url)
        assert endpoint == server.endpoint
        async with open_session(endpoint, client_id="a", subscriptions=["news"]) as session:
            await connected(session)
            await session.publish("news", b"six")

            assert await next_payload(session) == b"six"


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    folder = tmp_path / "certs"
    make_certificates(folder, district="linjiang", gateways=["gw-qingshan"])
    return folder


def files_of(folder: Path, name: str | None) -> TlsFiles:
    return TlsFiles(
        authority=folder / "authority.pem",
        certificate=folder / f"{name}.pem" if name else None,
        key=folder / f"{name}.key" if name else None,
    )


def server_settings(folder: Path) -> str:
    return f"""
cafile {folder}/authority.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
require_certificate true
"""


async def test_both_sides_show_certificates(tmp_path: Path, certificates: Path) -> None:
    tls = files_of(certificates, "gw-qingshan")
    with running_mosquitto(tmp_path, tls=tls, settings=server_settings(certificates)) as server:
        async with open_session(server.endpoint, client_id="a", subscriptions=["news"]) as session:
            await connected(session)
            await session.publish("news", b"secret")

            assert await next_payload(session) == b"secret"


async def test_a_broker_of_another_authority_is_refused_and_the_reason_told(
    tmp_path: Path, certificates: Path
) -> None:
    stranger = tmp_path / "stranger"
    make_certificates(stranger, district="elsewhere", gateways=[])
    tls = TlsFiles(authority=stranger / "authority.pem")
    with (
        running_mosquitto(tmp_path, tls=tls, settings=server_settings(certificates)) as server,
        capture_logs() as logs,
    ):
        async with open_session(server.endpoint, client_id="a") as session:
            await until(lambda: bool(logs))

            assert not session.connected.is_set()
            assert "certificate verify failed" in logs[0]["reason"]
            assert logs[0]["broker"] == server.endpoint.url


async def test_a_client_without_a_certificate_is_refused_by_the_broker(
    tmp_path: Path, certificates: Path
) -> None:
    tls = files_of(certificates, None)
    with (
        running_mosquitto(tmp_path, tls=tls, settings=server_settings(certificates)) as server,
        capture_logs() as logs,
    ):
        async with open_session(server.endpoint, client_id="a") as session:
            await until(lambda: bool(logs))

            assert not session.connected.is_set()
            assert logs[0]["event"] == "broker-lost"
            assert "certificate" in logs[0]["reason"]


@pytest.mark.parametrize("broken", ["authority", "certificate", "key"])
async def test_a_missing_file_is_named_with_its_remedy(certificates: Path, broken: str) -> None:
    tls = files_of(certificates, "gw-qingshan")
    path = Path(getattr(tls, broken))
    path.unlink()

    with pytest.raises(EndpointError, match=r"tocsin certs"):
        async with open_session(Endpoint(host="localhost", port=8883, tls=tls), client_id="a"):
            pass


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://host", "expected mqtt"),
        ("mqtt://", "expected mqtt"),
        ("mqtt://host:99999", "ort"),
        ("mqtts://host", "certificates"),
        ("host:1883", "expected mqtt"),
    ],
)
def test_an_impossible_address_is_refused(url: str, reason: str) -> None:
    with pytest.raises(EndpointError, match=reason):
        parse_endpoint(url)


def test_an_address_has_the_usual_port() -> None:
    assert parse_endpoint("mqtt://[::1]") == Endpoint(host="::1", port=1883)
