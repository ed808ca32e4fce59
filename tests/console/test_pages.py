"""The pages: nothing comes from elsewhere, nothing is inline, no word is missing in either language."""

import json
import re
from pathlib import Path

import pytest

from tests.console.houses import House

STATIC = Path(__file__).parents[2] / "console" / "static"
OWN = [path for path in sorted(STATIC.rglob("*")) if path.is_file() and path.parent.name != "vendor"]
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
CATALOGUES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in STATIC.glob("i18n/*.json")}
ASKED = re.compile(r"""\bt\(\s*(?:"([^"]+)"|'([^']+)'|`([^`$]+)`)""")
MADE = re.compile(r"""\b(?:t|maybe)\(\s*`([^`$]*)\$\{""")
CALLED = re.compile(r"\{(\w+)\}")


def test_both_languages_have_the_same_words_and_fill_in_the_same_names() -> None:
    zh, en = CATALOGUES["zh-CN"], CATALOGUES["en"]

    assert set(zh) == set(en)
    for key in zh:
        assert zh[key].strip(), key
        assert en[key].strip(), key
    asked = {key for key in en if set(CALLED.findall(zh[key])) != set(CALLED.findall(en[key]))}
    assert asked <= {"span.hours.short"}


def test_every_word_that_a_page_asks_for_is_there() -> None:
    for path in SCRIPTS:
        for match in ASKED.findall(path.read_text(encoding="utf-8")):
            key = next(filter(None, match))
            assert key in CATALOGUES["en"], f"{path.name}: {key}"


def test_every_word_that_is_there_is_asked_for() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    made = {prefix for prefix in MADE.findall(text) if prefix}
    unused = [
        key
        for key in CATALOGUES["en"]
        if f'"{key}"' not in text and f"`{key}`" not in text and not any(key.startswith(one) for one in made)
    ]
    assert unused == []


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_page_names_another_server(path: Path) -> None:
    if path.suffix in (".js", ".css", ".html"):
        assert not re.search(r"(?:https?:)?//[a-z0-9]+\.[a-z]", path.read_text(encoding="utf-8")), path


def test_no_script_or_style_is_inline() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")

    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page)


def test_every_library_has_its_licence_beside_it() -> None:
    libraries = {path.name.split("-")[0] for path in (STATIC / "vendor").glob("*.js")}

    assert libraries == {"htm", "leaflet", "uplot"}
    assert {"LICENSE.htm", "LICENSE.preact", "LICENSE.leaflet", "LICENSE.uplot"} <= {
        path.name for path in (STATIC / "vendor").iterdir()
    }


async def test_every_answer_carries_what_protects_a_browser(house: House) -> None:
    browser = await house.browser()

    for path in ("/", "/warnings/flood--river-01/1", "/static/app.js", "/api/v1/now", "/api/nothing"):
        answer = await browser.get(path)
        assert answer.headers["content-security-policy"].startswith("default-src 'self';"), path
        assert answer.headers["x-content-type-options"] == "nosniff", path
    assert (await browser.get("/api/v1/now")).headers["cache-control"] == "no-store"
    assert (await browser.get("/static/nothing.js")).status_code == 404


async def test_a_page_that_has_not_changed_is_not_sent_again(house: House) -> None:
    browser = await house.browser()
    first = await browser.get("/static/style.css")

    again = await browser.get("/static/style.css", headers={"if-none-match": first.headers["etag"]})

    assert first.headers["content-encoding"] == "gzip"
    assert (again.status_code, again.content) == (304, b"")


async def test_the_first_page_weighs_less_than_300_kb(house: House) -> None:
    """All that the overview fetches, compressed: the document, style, words, its scripts and the map's."""
    browser = await house.browser()
    names = ["index.html", "style.css", "i18n/zh-CN.json", "icon.svg", "pages/overview.js"]
    names += [path.name for path in STATIC.glob("*.js")]
    names += [f"vendor/{path.name}" for path in (STATIC / "vendor").glob("*.[jc]s*")]
    total = 0
    for name in names:
        request = browser.build_request("GET", f"/static/{name}")
        answer = await browser.send(request, stream=True)
        total += sum([len(part) async for part in answer.aiter_raw()])
        await answer.aclose()

    assert total < 300_000


async def test_whoever_watches_over_it_is_told_how_it_is(house: House) -> None:
    browser = await house.browser()

    assert (await browser.get("/healthz")).text == "alive\n"
    ready = await browser.get("/readyz")  # no broker runs beside it
    assert (ready.status_code, ready.text) == (503, "broker: missing\nledger: there\n")
    assert "tocsin_console_screens 0.0" in (await browser.get("/metrics")).text
