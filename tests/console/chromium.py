"""A real Chromium, for tests of pages as people see them; what a page fetches and says is written down."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, async_playwright

from tests.servers import missing

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1.js"


@dataclass(kw_only=True)
class Screen:
    """One window."""

    page: Page
    url: str
    elsewhere: list[str] = field(default_factory=list)  # what was asked of other servers
    errors: list[str] = field(default_factory=list)

    async def opens(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def signs_in(self, name: str, phrase: str, code: str = "") -> None:
        await self.opens("/")
        await self.page.fill("[name=name]", name)
        await self.page.fill("[name=password]", phrase)
        await self.page.click("button.primary")
        if code:
            await self.page.fill("[name=code]", code)
            await self.page.click("button.primary")
        await self.page.wait_for_selector(".top nav")

    async def is_barrier_free(self) -> list[str]:
        """What axe finds serious or critical."""
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))  # the page's policy lets no script in
        found = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:160]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Chromium while the block runs; without one the test is skipped, or fails where it is required."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing("chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_screen(
    browser: Browser, url: str, *, locale: str = "zh-CN", width: int = 1440, height: int = 900
) -> AsyncIterator[Screen]:
    """A window of its own, with cookies of its own."""
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale=locale, color_scheme="light"
    )
    page = await context.new_page()
    page.set_default_timeout(20_000)
    screen = Screen(page=page, url=url)
    own = urlsplit(url).netloc
    page.on(
        "request",
        lambda request: screen.elsewhere.append(request.url) if urlsplit(request.url).netloc != own else None,
    )
    page.on("pageerror", lambda error: screen.errors.append(str(error)))
    page.on(
        "console",
        lambda said: screen.errors.append(said.text) if "Content Security Policy" in said.text else None,
    )
    try:
        yield screen
    finally:
        await context.close()
