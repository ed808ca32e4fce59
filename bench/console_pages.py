"""The pages in a real Chromium: 5,000 sites on the map, rows in a list, and the first page on a slow machine.

Frames a second stand beside those of an empty page scrolled in the same browser: what the machine can draw.
"""

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page
from rich.console import Console
from rich.table import Table

from console.roles import Role
from tests.alerting.samples import DEMO
from tests.console.chromium import open_browser, open_screen
from tests.console.houses import PHRASE, open_house

_SITES = int(os.environ.get("TOCSIN_BENCH_SITES", "5000"))
_FRAMES = """async (act) => {
  const times = [];
  const end = performance.now() + 4000;
  await new Promise((done) => {
    const frame = (at) => {
      times.push(at);
      if (performance.now() < end) requestAnimationFrame(frame); else done();
    };
    requestAnimationFrame(frame);
  });
  const gaps = times.slice(1).map((at, index) => at - times[index]).sort((a, b) => a - b);
  const fps = 1000 * gaps.length / (times.at(-1) - times[0]);
  return { fps, p95_ms: gaps[Math.floor(gaps.length * 0.95)] };
}"""


def main() -> dict[str, object]:
    """Run it and print the table."""
    figures = asyncio.run(_measure())
    table = Table("figure", "value", title=f"{_SITES} sites in Chromium")
    for name, value in figures.items():
        table.add_row(name, json.dumps(value))
    Console().print(table)
    return figures


async def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _write_district(place / "district")
        async with open_house(place) as house, open_browser() as browser:
            await house.account(Role.VIEWER)
            async with open_screen(browser, house.url, width=1920, height=1080) as screen:
                page = screen.page
                await page.set_content("<div style='height:100000px'>empty</div>")
                peer = await _while(page, _wheel(page))
                await screen.signs_in("viewer", PHRASE)
                await page.wait_for_selector(".map canvas")
                await page.wait_for_timeout(2000)
                panning = await _while(page, _pan(page))
                await screen.opens("/sites")
                await page.wait_for_selector(".list-row")
                await page.hover(".rows")
                scrolling = await _while(page, _wheel(page))
            async with open_screen(browser, house.url) as fresh:
                first = await _first_page(fresh.page, house.url)
    return {
        "sites": _SITES,
        "empty_page": peer,
        "map_panning": panning,
        "list_scrolling": scrolling,
        "limit_fps": 30,
        "first_page": first,
        "limit_usable_ms": 1500,
        "limit_bytes": 300_000,
    }


async def _while(page: Page, act: Any) -> dict[str, float]:
    counted, _ = await asyncio.gather(page.evaluate(_FRAMES), act)
    return {name: round(value, 1) for name, value in counted.items()}


async def _pan(page: Page) -> None:
    box = await page.locator(".map").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    for step in range(120):
        await page.mouse.move(x + 200 * ((step % 40) / 40 - 0.5), y + (step % 7) * 10)
        await page.wait_for_timeout(25)
    await page.mouse.up()


async def _wheel(page: Page) -> None:
    for _ in range(120):
        await page.mouse.wheel(0, 300)
        await page.wait_for_timeout(25)


async def _first_page(page: Page, url: str) -> dict[str, float]:
    """From the address to a form that can be filled in: a CPU slowed down four times, an empty cache."""
    client = await page.context.new_cdp_session(page)
    await client.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    received = 0

    async def count(event: dict[str, Any]) -> None:
        nonlocal received
        received += int(event["encodedDataLength"])

    client.on("Network.loadingFinished", lambda event: asyncio.ensure_future(count(event)))
    await client.send("Network.enable")
    await page.goto(url)
    await page.wait_for_selector("[name=name]")
    usable_ms = await page.evaluate("performance.now()")
    await page.wait_for_timeout(300)
    return {"usable_ms": round(usable_ms), "bytes": received}


def _write_district(folder: Path) -> None:
    """As many river gauges as asked for, in one cell of the demo district."""
    folder.mkdir()
    for name in ("areas.geojson", "contacts.yaml"):
        (folder / name).write_bytes((DEMO / name).read_bytes())
    head = """\
version: 1
district:
  id: linjiang
  name: {zh: 临江区, en: Linjiang District}
  timezone: Asia/Shanghai
  code: "330199"
  broker: auto
  store: {kind: sqlite}
profiles: {gauge: {points: {level: {table: holding, addr: 0, type: u16, unit: m, valid: [0, 12]}}}}
devices:
"""
    buses = "".join(
        f"      lan-{n}: {{kind: modbus-tcp, host: 192.0.2.{n + 1}}}\n" for n in range(_SITES // 247 + 1)
    )
    gateways = f"gateways:\n  gw:\n    area: qingshan-town\n    buses:\n{buses}"
    devices, sites = "", "sites:\n"
    for n in range(_SITES):
        lon, lat = 120.115 + 0.04 * ((n * 37) % 1000) / 1000, 30.281 + 0.02 * ((n * 61) % 997) / 997
        devices += f"  - {{id: d-{n}, site: s-{n}, gateway: gw, bus: lan-{n // 247}, unit: {n % 247 + 1}"
        devices += ", use: gauge, every: 1h}\n"
        sites += f"  s-{n}: {{kind: river, area: xiaxi-1, name: {{zh: 测点{n}, en: Site {n}}}"
        sites += f", at: [{lon:.5f}, {lat:.5f}]}}\n"
    (folder / "devices.yaml").write_text(
        head.replace("profiles:", f"{gateways}profiles:") + devices + sites, encoding="utf-8"
    )
    rules = "version: 1\nrules:\n  - {id: silence, name: {zh: 失联, en: Silent}, hazard: equipment,"
    (folder / "rules.yaml").write_text(f"{rules} silence: {{after: 3x, level: blue}}}}\n", encoding="utf-8")
