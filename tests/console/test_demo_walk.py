"""The demo as people see it: the flood on map, wall and phone; an answer; rules changed and put back."""

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from console.proofs import totp_code
from tests.console.chromium import Screen, open_browser, open_screen
from tocsin.fleet import spawn

pytestmark = [
    pytest.mark.flood,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.environ.get("TOCSIN_SOAK") != "1", reason="two minutes: TOCSIN_SOAK=1 runs it"),
]

REPOSITORY = Path(__file__).parents[2]


async def until_said(log: Path, pattern: str) -> str:
    async with asyncio.timeout(60):
        while True:
            found = re.search(pattern, log.read_text(encoding="utf-8")) if log.exists() else None
            if found:
                return found[1]
            await asyncio.sleep(0.1)


async def enters(screen: Screen, name: str, word: str) -> None:
    await screen.opens("/")
    await screen.page.fill("[name=name]", name)
    await screen.page.fill("[name=password]", word)
    await screen.page.click("button.primary")
    await screen.page.wait_for_selector(".top nav, .gate p.mono")


async def test_the_demo_is_walked_through(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    log = tmp_path / "demo.log"
    command = [sys.executable, "-m", "tocsin", "demo", "--district", str(REPOSITORY)]
    async with spawn("demo", command, log=log), open_browser() as browser:
        url = await until_said(log, r"(http://[0-9.:]+)/wall#")
        wall_address = await until_said(log, r"http://[0-9.:]+(/wall#\S+)")
        word = await until_said(log, r"(?:password|口令) ([0-9a-f]+)")
        async with (
            open_screen(browser, url, width=1920, height=1080) as wall,
            open_screen(browser, url, width=390, height=844) as phone,
            open_screen(browser, url, locale="en-GB") as desk,
            open_screen(browser, url, locale="en-GB") as lead,
        ):
            await wall.opens(wall_address)
            await enters(desk, "duty", word)
            await desk.page.wait_for_selector(".map canvas")
            await wall.page.wait_for_selector(".alarm.red, .alarm.orange, .alarm.yellow", timeout=120_000)
            await enters(phone, "duty", word)
            await phone.opens("/m")
            await phone.page.locator(".case.yellow, .case.orange, .case.red").first.click()
            began = time.perf_counter()
            await phone.page.click(".thumb button")
            await wall.page.wait_for_selector(".list .answered", state="attached")
            took_s = time.perf_counter() - began
            record_property("thumb_to_wall_ms", round(took_s * 1000))
            await desk.page.wait_for_selector(".case .answered")

            await desk.opens("/rules#river-level")
            yellow = desk.page.get_by_label("Xiaxi Stream Yellow At or above", exact=True)
            await yellow.fill("0.85")
            await yellow.press("Enter")
            await desk.page.get_by_role("button", name="Try on the past").click()
            await desk.page.wait_for_selector("h2:has-text('On the past')")
            await desk.page.get_by_role("button", name="Propose…").click()
            await desk.page.fill("dialog [name=why]", "flood season")
            await desk.page.click("dialog button.primary")
            await desk.page.wait_for_selector(".diff .add")

            await enters(lead, "lead", word)
            secret = (await lead.page.inner_text(".gate p.mono")).replace(" ", "")
            await lead.page.fill("[name=code]", totp_code(secret, int(time.time()) // 30))
            await lead.page.click("button.primary")
            await lead.page.wait_for_selector(".top nav")
            await lead.opens("/rules")
            await lead.page.get_by_role("button", name="Approve", exact=True).click()
            await lead.page.get_by_role("button", name="Put in force").click()
            await lead.page.wait_for_selector("text=in force")
            lead.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
            await lead.page.get_by_role("button", name="Put back").click()
            await lead.page.wait_for_selector("td:has-text('= 1')")
            for screen in (wall, phone, desk, lead):
                assert screen.elsewhere == screen.errors == []
