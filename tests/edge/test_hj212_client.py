"""A station that waits for us to connect: read, answered, and asked for what it owes after a silence."""

import asyncio
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.edge.encoders import hj212_frame
from tests.edge.field import PATIENCE_S, START, agent, centre, clock_text, district_of, until
from transport.measurement import Quality, to_ms
from transport.session import Endpoint

pytestmark = pytest.mark.server

CHINA = ZoneInfo("Asia/Shanghai")

FIELD = """
gateways:
  gw:
    area: town
    buses:
      air: {kind: hj212-client, connect: "127.0.0.1:9"}
profiles:
  air: {codes: {a34004: {point: pm25, unit: ug/m3, scale: 0.001}}}
devices:
  - {id: air, site: here, gateway: gw, bus: air, mn: A1, use: air, expect: 60s}
sites:
  here: {kind: air, area: cell, name: {zh: 站, en: Station}}
"""


def report(nanograms: str, minute: int) -> bytes:
    time = f"{(START + timedelta(minutes=minute)).astimezone(CHINA):%Y%m%d%H%M%S}"
    content = f"DataTime={time};a34004-Rtd={nanograms},a34004-Flag=N"
    return hj212_frame(f"QN={time}000;ST=22;CN=2011;PW=123456;MN=A1;Flag=9;CP=&&{content}&&")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_station_that_we_call_is_read_answered_and_called_again(
    tmp_path: Path, broker: Endpoint, host: str
) -> None:
    calls: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await calls.put((reader, writer))

    server = await asyncio.start_server(called, host, 0)
    port = server.sockets[0].getsockname()[1]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    district = district_of(tmp_path / "district", FIELD)
    async with (
        centre(broker) as there,
        agent(district, broker, tmp_path / "state", clock=clock_text(1.0), bus_endpoints={"air": address}),
    ):
        for minute in (0, -1):  # the second call is ours again, after it hung up
            reader, writer = await asyncio.wait_for(calls.get(), PATIENCE_S)
            writer.write(report("75600", minute))
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), PATIENCE_S)
            assert b"CN=9014;PW=123456;MN=A1;Flag=8;" in answer
            writer.transport.abort()
        await until(lambda: len(there.samples("air", "pm25")) == 2, "both reports")
        first = there.samples("air", "pm25")[-1]
        assert (first.value, first.at_ms, first.quality) == (75.6, to_ms(START), Quality.GOOD)
    server.close()
