"""The port for other people's readings: who may send what, and what is said of the rest."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.collector.departments import NOW_MS, Centre, open_centre, write_district
from tests.servers import free_port
from transport.session import Endpoint

pytestmark = pytest.mark.server

SECRETS = {"LAND_TOKEN": "land-secret", "ROADS_TOKEN": "roads-secret"}
DISTRICT = """
gateways:
  intake:
    area: linjiang
    buses:
      land:
        kind: push-json
        listen: "127.0.0.1:PORT"
        tokens:
          land-bureau: {token_env: LAND_TOKEN, devices: [slope-03-crack]}
          roads-bureau: {token_env: ROADS_TOKEN}
        source: code
        time: t
        time_form: ms
profiles:
  crack-meter:
    protocol: foreign
    codes: {mm: {point: crack, unit: mm}}
devices:
  - {id: slope-03-crack, site: slope-03, gateway: intake, bus: land, use: crack-meter, source: A1, expect: 1m}
  - {id: slope-04-crack, site: slope-03, gateway: intake, bus: land, use: crack-meter, source: A2, expect: 1m}
sites:
  slope-03: {kind: slope, area: yunling-1, name: {zh: 坡, en: Slope}}
"""


class Port:
    """A client of the port."""

    def __init__(self, centre: Centre, http: aiohttp.ClientSession, url: str) -> None:
        self.centre = centre
        self._http = http
        self._url = url

    async def post(self, body: Any, authorization: str | None) -> tuple[int, dict[str, Any]]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {} if authorization is None else {"Authorization": authorization}
        async with self._http.post(self._url, data=data, headers=headers) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else {}


@asynccontextmanager
async def port_of(folder: Path, broker: Endpoint) -> AsyncIterator[Port]:
    port = free_port()
    write_district(folder, DISTRICT.replace("PORT", str(port)))
    async with open_centre(folder, broker, secrets=SECRETS) as centre, aiohttp.ClientSession() as http:
        yield Port(centre, http, f"http://127.0.0.1:{port}/readings")


def crack(source: str, value: object = 3.5) -> dict[str, object]:
    return {"code": source, "t": NOW_MS, "mm": value}


async def test_who_has_no_token_of_ours_may_send_nothing(broker: Endpoint, tmp_path: Path) -> None:
    async with port_of(tmp_path, broker) as port:
        for offered in (None, "", "Bearer", "Bearer ", "Bearer wrong", "land-secret", "Bearer land-secre"):
            status, said = await port.post(crack("A1"), offered)
            assert (status, "Bearer TOKEN" in said["message"]) == (401, True), offered
        assert (await port.post(crack("A1", 7.0), "Bearer land-secret"))[0] == 200

        rows = await port.centre.stored("slope-03-crack", "crack")
    assert [row.value for row in rows] == [7.0]


async def test_a_token_speaks_for_its_own_devices_alone(broker: Endpoint, tmp_path: Path) -> None:
    async with port_of(tmp_path, broker) as port:
        status, said = await port.post(crack("A2"), "Bearer land-secret")
        assert (status, said["message"]) == (422, "not allowed to speak for slope-04-crack")

        assert (await port.post(crack("A2"), "Bearer roads-secret"))[0] == 200
        assert [row.value for row in await port.centre.stored("slope-04-crack", "crack")] == [3.5]


async def test_what_is_no_message_is_refused_and_the_port_goes_on(broker: Endpoint, tmp_path: Path) -> None:
    async with port_of(tmp_path, broker) as port:
        assert (await port.post(b"{half a mess", "Bearer land-secret"))[0] == 400
        assert (await port.post(b"\xff" * 10, "Bearer land-secret"))[0] == 400
        assert (await port.post(b" " * (5 * 1024 * 1024), "Bearer land-secret"))[0] == 413
        status, said = await port.post(crack("A1", "wet"), "Bearer land-secret")
        assert (status, said["refused"] != []) == (422, True)

        assert (await port.post(crack("A1"), "Bearer land-secret"))[0] == 200
