"""The pages in a real Chromium: what duty sees, what a thumb does, and what no page ever does."""

import asyncio
import os
from pathlib import Path

import pytest

from alerting.links import keep_secret, link_token
from console.proofs import totp_code
from console.roles import Role
from rules.transition import Level
from tests.alerting.samples import transition
from tests.console.chromium import open_browser, open_screen
from tests.console.houses import PHRASE, House, levels, open_house
from tests.console.test_answers import REF, flooded
from transport.session import Endpoint

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("chromium"), pytest.mark.timeout(180)]

SOAK = os.environ.get("TOCSIN_SOAK") == "1"
PAGES = ["/", "/warnings", "/warnings/flood--river-01/1", "/sites", "/sites/river-01", "/rules", "/people"]
PAGES += ["/gateways", "/quality", "/load"]
ADMINISTRATION = {Role.ADMINISTRATOR: "/accounts", Role.SECURITY: "/rights", Role.AUDITOR: "/audit"}


async def test_a_thumb_answers_and_the_wall_falls_quiet(broker: Endpoint, tmp_path: Path) -> None:
    async with flooded(broker, tmp_path) as house, open_browser() as browser:
        await house.token(name="hall")
        async with open_screen(browser, house.url, width=1920, height=1080) as wall:
            await wall.opens("/wall#word-of-hall")
            await wall.page.wait_for_selector(".alarm.orange")
            assert "下溪" in await wall.page.inner_text(".alarm")
            secret = await house.opening.office.journal.read(keep_secret)
            async with open_screen(browser, house.url, width=390, height=844) as phone:
                await phone.opens(f"/m/{link_token(secret, REF, 'wang-min')}")
                await phone.page.click(".thumb button")
                await phone.page.wait_for_selector(".thumb.done")
                await wall.page.wait_for_selector(".alarm", state="detached")
                assert "王敏" in await wall.page.inner_text(".list")
                assert phone.elsewhere == phone.errors == []
            assert wall.elsewhere == wall.errors == []


async def test_a_warning_comes_up_by_itself_and_is_said_to_screen_readers(house: House) -> None:
    await house.account(Role.OPERATOR)
    async with open_browser() as browser, open_screen(browser, house.url, locale="en-GB") as desk:
        await desk.signs_in("operator", PHRASE)
        await desk.page.wait_for_selector(".cases .empty")
        house.office.hears(transition(Level.RED))
        await desk.page.wait_for_selector(".case.red")
        assert "Xiaxi" in await desk.page.inner_text("#say")
        await desk.page.keyboard.press("j")
        await desk.page.keyboard.press("Enter")
        await desk.page.wait_for_selector(".story")
        assert "Red" in await desk.page.inner_text(".head")
        assert desk.elsewhere == desk.errors == []


async def test_rules_are_changed_by_the_form_by_two_people(tmp_path: Path) -> None:
    async with open_house(tmp_path, samples=levels(60)) as house, open_browser() as browser:
        await house.account(Role.OPERATOR)
        approver = await house.account(Role.APPROVER)
        async with open_screen(browser, house.url, locale="en-GB") as desk:
            await desk.signs_in("operator", PHRASE)
            await desk.opens("/rules#river-level")
            yellow = desk.page.get_by_label("Xiaxi Stream Yellow At or above", exact=True)
            await yellow.fill("1.3")  # above orange
            await yellow.press("Enter")
            await desk.page.wait_for_selector(".finding")
            assert "orange" in await desk.page.inner_text(".finding")
            await yellow.fill("0.85")
            await yellow.press("Enter")
            await desk.page.wait_for_selector(".finding", state="detached")
            await desk.page.get_by_role("button", name="Try on the past").click()
            await desk.page.wait_for_selector(".strips")
            await desk.page.get_by_role("button", name="Propose…").click()
            await desk.page.fill("dialog [name=why]", "flood season")
            await desk.page.click("dialog button.primary")
            await desk.page.wait_for_selector(".diff .add")
            assert desk.errors == []
        async with open_screen(browser, house.url, locale="en-GB") as second:
            await second.signs_in(approver, PHRASE, house.code(approver))
            await second.opens("/rules")
            await second.page.get_by_role("button", name="Approve", exact=True).click()
            await second.page.get_by_role("button", name="Put in force").wait_for()
            assert second.errors == []


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"] if SOAK else ["zh-CN"])
async def test_no_page_has_a_serious_barrier_or_asks_elsewhere(tmp_path: Path, locale: str) -> None:
    async with open_house(tmp_path, samples=levels()) as house, open_browser() as browser:
        house.office.hears(transition(Level.ORANGE))
        await house.knows()
        await house.account(Role.OPERATOR)
        async with open_screen(browser, house.url, locale=locale) as desk:
            await desk.opens("/")
            await desk.page.wait_for_selector("[name=name]")
            assert await desk.is_barrier_free() == []
            await desk.signs_in("operator", PHRASE)
            for path in [*PAGES, "/m"]:
                await desk.opens(path)
                await desk.page.wait_for_selector("main .panel, main.phone")
                await desk.page.wait_for_timeout(300)  # what is drawn after the frame
                assert await desk.is_barrier_free() == [], path
            assert desk.elsewhere == desk.errors == []


async def test_those_who_administer_have_their_page_and_no_other(house: House) -> None:
    async with open_browser() as browser:
        for role, own in ADMINISTRATION.items():
            name = await house.account(role)
            async with open_screen(browser, house.url) as desk:
                await desk.signs_in(name, PHRASE, house.code(name))
                links = await desk.page.query_selector_all(".top nav a")
                pages = {await link.get_attribute("href") for link in links}
                await desk.opens(own)
                await desk.page.wait_for_selector("main .panel table")
                assert pages.intersection(ADMINISTRATION.values()) == {own}
                assert await desk.is_barrier_free() == []
                assert desk.errors == []


async def test_the_first_start_is_walked_through(house: House) -> None:
    async with open_browser() as browser, open_screen(browser, house.url, locale="en-GB") as desk:
        assert house.opening.first_word is not None
        await desk.opens(f"/begin#{house.opening.first_word}")
        for part in ("administrator", "security", "auditor"):
            await desk.page.fill(f"[name='{part}.name']", part)
            await desk.page.fill(f"[name='{part}.title']", part)
            await desk.page.fill(f"[name='{part}.password']", PHRASE)
        assert await desk.is_barrier_free() == []
        await desk.page.click("button.primary")
        await desk.page.click("a.button")
        await desk.page.fill("[name=name]", "administrator")
        await desk.page.fill("[name=password]", PHRASE)
        await desk.page.click("button.primary")
        secret = (await desk.page.inner_text(".gate p.mono")).replace(" ", "")
        assert await desk.is_barrier_free() == []
        await desk.page.fill("[name=code]", totp_code(secret, int(house.wall.now_s) // 30))
        await desk.page.click("button.primary")
        await desk.page.wait_for_selector(".top nav")
        assert desk.errors == desk.elsewhere == []


async def test_a_lost_connection_is_unmistakable_within_five_seconds(house: House) -> None:
    await house.account(Role.VIEWER)
    async with open_browser() as browser, open_screen(browser, house.url) as desk:
        await desk.signs_in("viewer", PHRASE)
        await desk.page.wait_for_selector(".cases")
        await desk.page.context.set_offline(True)
        await house.stack.aclose()  # the server is gone
        async with asyncio.timeout(15):
            await desk.page.wait_for_selector(".lost")
