"""The same flood over each broker, over mutual TLS and over IPv6: nothing lost, the people warned."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from rules.transition import Level
from tests.servers import find_program
from tests.tocsin.floods import DISTRICT, replay_flood
from tocsin.broker import open_broker
from tocsin.certs import make_certificates
from tocsin.view import level_of
from transport.session import Endpoint, TlsFiles

pytestmark = [pytest.mark.flood, pytest.mark.server]

Opened = AbstractAsyncContextManager[tuple[Path, Endpoint]]


@asynccontextmanager
async def over_mosquitto(folder: Path) -> AsyncIterator[tuple[Path, Endpoint]]:
    async with open_broker(folder / "broker", program="mosquitto") as endpoint:
        yield DISTRICT, endpoint


@asynccontextmanager
async def over_iotcore(folder: Path) -> AsyncIterator[tuple[Path, Endpoint]]:
    async with open_broker(folder / "broker", program="iotcore") as endpoint:
        yield DISTRICT, endpoint


@asynccontextmanager
async def over_ipv6(folder: Path) -> AsyncIterator[tuple[Path, Endpoint]]:
    async with open_broker(folder / "broker", program="mosquitto", host="::1") as endpoint:
        yield DISTRICT, endpoint


@asynccontextmanager
async def over_mutual_tls(folder: Path) -> AsyncIterator[tuple[Path, Endpoint]]:
    district = folder / "district"
    district.mkdir()
    for name in ("areas.geojson", "rules.yaml", "contacts.yaml", "simulation.yaml", "firmware-sim"):
        (district / name).symlink_to(DISTRICT / name)
    devices = (DISTRICT / "devices.yaml").read_text(encoding="utf-8")
    secured = devices.replace("  broker: auto\n", "  broker: auto\n  tls: certs\n")
    assert secured != devices
    (district / "devices.yaml").write_text(secured, encoding="utf-8")
    certs = district / "certs"
    make_certificates(certs, district="linjiang", gateways=["gw-qingshan", "gw-chengdong", "gw-city"])
    client = TlsFiles(
        authority=certs / "authority.pem", certificate=certs / "collector.pem", key=certs / "collector.key"
    )
    async with open_broker(folder / "broker", certs=certs, client=client, program="mosquitto") as endpoint:
        yield district, endpoint


WAYS: dict[str, Callable[[Path], Opened]] = {
    "mosquitto": over_mosquitto,
    "iotcore": over_iotcore,
    "ipv6": over_ipv6,
    "mutual-tls": over_mutual_tls,
}


@pytest.mark.parametrize("way", [pytest.param(way, marks=pytest.mark.xdist_group(way)) for way in WAYS])
async def test_the_flood_arrives(way: str, tmp_path: Path) -> None:
    if way != "iotcore":
        find_program("mosquitto")
    async with WAYS[way](tmp_path) as (district, endpoint):
        flood = await replay_flood(tmp_path / "state", endpoint, speed=360.0, district=district)

    report = flood.report
    assert endpoint.url.startswith("mqtts://") == (way == "mutual-tls")
    assert len(report.served) > 100
    assert (report.lost, report.duplicates) == ((), 0)
    assert Level.RED in {level_of(warning) for warning in report.warnings}
