import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.servers import find_program
from tocsin.broker import open_broker
from tocsin.certs import make_certificates
from tocsin.errors import MissingPartError, ProcessError, TocsinError
from transport.session import Endpoint, Session, TlsFiles, open_session

PROGRAMS = ["mosquitto", "iotcore"]


def installed(program: str) -> None:
    """Go on only where a broker is installed; iotcore comes with us."""
    if program != "iotcore":
        find_program(program)


async def heard(session: Session) -> str:
    async with asyncio.timeout(10):
        (message,) = await session.receive()
    return message.payload.decode()


@pytest.mark.server
@pytest.mark.parametrize("program", PROGRAMS)
async def test_either_broker_carries_messages_and_keeps_retained_ones(program: str, tmp_path: Path) -> None:
    installed(program)
    async with open_broker(tmp_path, program=program) as endpoint:
        async with (
            open_session(endpoint, client_id="ear", subscriptions=["tocsin/1/+/+/live"]) as ear,
            open_session(endpoint, client_id="mouth") as mouth,
        ):
            async with asyncio.timeout(10):
                await ear.connected.wait()
                await mouth.connected.wait()
            await mouth.publish("tocsin/1/a/g/live", b"rising")
            await mouth.publish("tocsin/1/a/g/status", b"x" * 100_000, retain=True)
            assert await heard(ear) == "rising"
        async with open_session(endpoint, client_id="late", subscriptions=["tocsin/1/a/g/status"]) as late:
            assert len(await heard(late)) == 100_000


@pytest.mark.parametrize("program", PROGRAMS)
async def test_the_broker_is_bound_to_loopback(program: str, tmp_path: Path) -> None:
    installed(program)
    async with open_broker(tmp_path, program=program) as endpoint:
        listeners = _listening_addresses(endpoint.port)

    assert endpoint.host == "127.0.0.1"
    assert listeners == {"0100007F"}  # 127.0.0.1 as /proc/net/tcp spells it


def _listening_addresses(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, number = local.split(":")
            if int(number, 16) == port and state == "0A":
                found.add(address)
    return found


async def test_a_broker_over_ipv6(tmp_path: Path) -> None:
    installed("mosquitto")
    async with (
        open_broker(tmp_path, host="::1", program="mosquitto") as endpoint,
        open_session(endpoint, client_id="six") as session,
    ):
        async with asyncio.timeout(10):
            await session.connected.wait()

    assert endpoint.url.startswith("mqtt://[::1]:")


async def test_a_client_without_a_certificate_is_refused(tmp_path: Path) -> None:
    installed("mosquitto")
    certs = tmp_path / "certs"
    make_certificates(certs, district="linjiang", gateways=["gw-1"])
    gateway = TlsFiles(
        authority=certs / "authority.pem", certificate=certs / "gw-1.pem", key=certs / "gw-1.key"
    )

    async with open_broker(tmp_path / "broker", certs=certs, client=gateway, program="mosquitto") as endpoint:
        stranger = Endpoint(host=endpoint.host, port=endpoint.port, tls=TlsFiles(authority=gateway.authority))
        async with (
            open_session(endpoint, client_id="ours") as ours,
            open_session(stranger, client_id="stranger") as other,
        ):
            async with asyncio.timeout(10):
                await ours.connected.wait()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(other.connected.wait(), 1.0)


async def test_iotcore_does_not_pretend_to_speak_tls(tmp_path: Path) -> None:
    make_certificates(tmp_path, district="linjiang", gateways=[])
    with pytest.raises(MissingPartError, match="apt install mosquitto"):
        async with open_broker(tmp_path, certs=tmp_path, program="iotcore"):
            pass


async def test_a_broker_that_cannot_start_says_where_its_log_is(tmp_path: Path) -> None:
    installed("mosquitto")
    async with open_broker(tmp_path / "first", program="mosquitto") as endpoint:
        with pytest.raises(ProcessError, match=r"mosquitto\.log"):
            async with open_broker(tmp_path / "second", port=endpoint.port, program="mosquitto"):
                pass


def test_a_new_name_of_the_broker_is_put_into_its_certificate_and_a_known_one_is_not_made_again(
    tmp_path: Path,
) -> None:
    make_certificates(tmp_path, district="linjiang", gateways=["gw-1"])

    hosts = ["broker.example.org"]
    renewed = make_certificates(tmp_path, district="linjiang", gateways=["gw-1"], hosts=hosts)
    again = make_certificates(tmp_path, district="linjiang", gateways=["gw-1"], hosts=hosts)

    assert [path.name for path in renewed] == ["broker.pem", "console-web.pem"]
    assert again == []


def test_a_host_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TocsinError, match="neither a host name nor an address"):
        make_certificates(tmp_path, district="linjiang", gateways=[], hosts=["http://broker"])


async def test_a_broker_that_is_killed_comes_back_and_so_do_its_clients(tmp_path: Path) -> None:
    installed("mosquitto")
    async with (
        open_broker(tmp_path, program="mosquitto") as endpoint,
        open_session(endpoint, client_id="faithful") as session,
    ):
        async with asyncio.timeout(20):
            await session.connected.wait()
            os.kill(_pid_of("mosquitto.conf", tmp_path), signal.SIGKILL)
            while session.generation < 2:  # noqa: ASYNC110  (a second connection, whenever it comes)
                await asyncio.sleep(0.05)


def _pid_of(word: str, folder: Path) -> int:
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        words = cmdline.read_bytes().decode(errors="replace").split("\0")
        if any(each == str(folder / word) for each in words):
            return int(cmdline.parent.name)
    raise AssertionError(f"no process with {word}")


def test_keys_are_for_their_owner_alone_and_a_second_run_keeps_them(tmp_path: Path) -> None:
    first = make_certificates(tmp_path, district="linjiang", gateways=["gw-1"])
    keys = {path: path.read_bytes() for path in tmp_path.glob("*.key")}

    second = make_certificates(tmp_path, district="linjiang", gateways=["gw-1", "gw-2"])

    assert {path.name for path in first} >= {"authority.pem", "broker.pem", "gw-1.pem", "rules.pem"}
    assert [path.name for path in second] == ["gw-2.pem"]
    assert all(path.read_bytes() == key for path, key in keys.items())
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.glob("*.key")} == {"0o600"}
