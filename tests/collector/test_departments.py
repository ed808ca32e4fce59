"""Every example of docs/intake.md: the snippet makes a district, the message beside it is kept as it says."""

import re
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from collector.store import Row
from tests.collector.departments import DEMO, NOW_MS, Centre, near, open_centre, write_district
from tests.collector.edge_nodes import Type, open_edge_node
from tests.servers import free_port
from transport.measurement import Quality
from transport.session import Endpoint

pytestmark = pytest.mark.server

GUIDE = (DEMO / "docs" / "intake.md").read_text(encoding="utf-8")
SECRETS = {"LAND_TOKEN": "land-secret"}


def blocks(section: str, language: str) -> list[str]:
    """The fenced blocks of one language in one section of the guide."""
    [text] = re.findall(rf"^## {section}[^\n]*\n(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def prepare(folder: Path, section: str, broker: Endpoint) -> int:
    """The district of one section, with ports of this machine's choice; the one for HTTP."""
    [snippet] = blocks(section, "yaml")
    port = free_port()
    snippet = snippet.replace("127.0.0.1:8490", f"127.0.0.1:{port}")
    write_district(folder, snippet.replace("mqtt://127.0.0.1:1883", f"mqtt://127.0.0.1:{broker.port}"))
    return port


async def newest(centre: Centre, device: str, point: str) -> Row:
    return (await centre.stored(device, point))[-1]


async def test_meteorology_sends_rain_and_wind_as_json(broker: Endpoint, tmp_path: Path) -> None:
    prepare(tmp_path, "Meteorology", broker)
    [message] = blocks("Meteorology", "json")

    async with open_centre(tmp_path, broker) as centre:
        await centre.publish("meteo/K1234/minute", message, until=partial(centre.has, "rain-02-mast", "wind"))

        assert await newest(centre, "rain-02-mast", "rain") == Row(NOW_MS, 1.8, Quality.GOOD)
        wind = await newest(centre, "rain-02-mast", "wind")
        assert (wind.at_ms, wind.value) == (NOW_MS, near(30 * 1852 / 3600))
    assert centre.refused == ""


async def test_transport_sends_water_on_roads_as_lines_and_a_bridge_by_sparkplug(
    broker: Endpoint, tmp_path: Path
) -> None:
    prepare(tmp_path, "Transport", broker)
    [line] = blocks("Transport", "text")

    async with (
        open_centre(tmp_path, broker) as centre,
        open_edge_node(broker, "transport/xiaxi-bridge", "pier-2") as bridge,
    ):
        bridge.metrics = {"Pier 2/Tilt": (Type.Float, 0.25, {}), "Pier 2/Water level": (Type.Double, 3.5, {})}
        await centre.publish("transport/roads", line, until=partial(centre.has, "road-07-depth", "depth"))
        await bridge.birth(NOW_MS)

        assert await newest(centre, "road-07-depth", "depth") == Row(NOW_MS, near(26.3), Quality.GOOD)
        assert await newest(centre, "bridge-01-pier", "tilt") == Row(NOW_MS, 0.25, Quality.GOOD)
        assert await newest(centre, "bridge-01-pier", "level") == Row(NOW_MS, 3.5, Quality.GOOD)
    assert "no code 'battery'" in centre.refused


async def test_fire_leaves_hydrant_pressure_in_a_folder_and_publishes_smoke(
    broker: Endpoint, tmp_path: Path
) -> None:
    prepare(tmp_path, "Fire", broker)
    [rows] = blocks("Fire", "csv")
    [smoke] = blocks("Fire", "json")

    async with open_centre(tmp_path, broker) as centre:
        draft = tmp_path / "export.part"
        draft.write_text(rows, encoding="gb18030")
        drop = tmp_path / "drop" / "hydrants"
        drop.mkdir(parents=True, exist_ok=True)
        draft.rename(drop / "export.csv")
        await centre.publish("fire/smoke/4711", smoke, until=partial(centre.has, "hall-02-smoke", "smoke"))

        pressure = await newest(centre, "hydrant-18", "pressure")
        assert pressure == Row(NOW_MS, near(0.285), Quality.GOOD)
        assert await newest(centre, "hall-02-smoke", "smoke") == Row(NOW_MS, 1.0, Quality.GOOD)
    assert (drop / "done" / "export.csv").exists()


async def test_natural_resources_push_cracks_and_displacement(broker: Endpoint, tmp_path: Path) -> None:
    port = prepare(tmp_path, "Natural resources", broker)
    [message] = blocks("Natural resources", "json")

    async with open_centre(tmp_path, broker, secrets=SECRETS) as centre, aiohttp.ClientSession() as http:
        told = await http.post(
            f"http://127.0.0.1:{port}/readings",
            data=message,
            headers={"Authorization": "Bearer land-secret"},
        )
        assert (told.status, await told.json()) == (200, {"kept": 4, "refused": []})

        assert await newest(centre, "slope-03-crack", "crack") == Row(NOW_MS, near(34.2), Quality.GOOD)
        assert [
            (await newest(centre, "slope-03-gnss", axis)).value for axis in ("east", "north", "up")
        ] == pytest.approx([12.1, -3.4, -20.7])


def test_every_snippet_and_all_of_them_together_are_a_district(tmp_path: Path) -> None:
    snippets = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)

    together = write_district(tmp_path, *snippets)

    assert len(snippets) == 5
    assert {site.kind for site in together.sites.values()} == {
        "slope",
        "weather",
        "road",
        "bridge",
        "pipeline",
        "building",
        "river",
    }
    assert together.gateways["intake"].is_intake
