"""Nothing is missed: whoever comes back gets what they lack, once, in order."""

import asyncio
import random
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from console.journal import open_journal
from console.roles import Role
from rules.transition import Level
from tests.alerting.offices import open_office
from tests.alerting.samples import transition
from tests.console.houses import Browser, EventReader, House

LADDER = [Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED, Level.ORANGE, Level.NORMAL]


def rise_and_fall(house: House, times: int, first: int = 0) -> None:
    """A river that rises and falls: several episodes, each a story."""
    before = Level.NORMAL
    for number in range(times):
        to = LADDER[(first + number) % len(LADDER)]
        house.office.hears(transition(to, before, minute=first + number))
        before = to


async def read(
    browser: Browser, after: int | None, count: int, last: str | None = None
) -> list[tuple[int, str]]:
    headers = {} if last is None else {"last-event-id": last}
    query = "" if after is None else f"?after={after}"
    async with browser.stream("GET", f"/api/v1/events{query}", headers=headers) as response:
        return await EventReader(response).entries(count)


async def test_a_screen_that_was_away_gets_everything_it_missed_once(house: House) -> None:
    rise_and_fall(house, 3)
    await house.knows()
    browser = await house.visitor(Role.VIEWER)
    seen = await read(browser, 0, 4)

    rise_and_fall(house, 40, first=3)  # an hour of warnings, transitions and cases
    await house.knows()
    total = house.opening.office.journal.last
    missed = await read(browser, 0, total - 4, last=str(seen[-1][0]))

    assert [seq for seq, _ in seen + missed] == list(range(1, total + 1))
    assert {"transition", "warning", "case"} <= {kind for _, kind in seen + missed}


async def test_a_screen_that_drops_again_and_again_loses_nothing(house: House) -> None:
    browser = await house.visitor(Role.VIEWER)
    chance = random.Random(7)
    found: list[int] = []
    for turn in range(12):
        rise_and_fall(house, 5, first=5 * turn)
        await house.knows()
        left = house.opening.office.journal.last - len(found)
        part = await read(browser, 0, chance.randint(1, left), last=str(found[-1]) if found else None)
        found += [seq for seq, _ in part]
    left = house.opening.office.journal.last - len(found)
    found += [seq for seq, _ in await read(browser, found[-1], left)] if left else []

    assert found == list(range(1, house.opening.office.journal.last + 1))


async def test_what_happens_while_the_backlog_is_read_comes_after_it(house: House) -> None:
    rise_and_fall(house, 30)
    await house.knows()
    browser = await house.visitor(Role.VIEWER)

    async with browser.stream("GET", "/api/v1/events?after=0") as response:
        reader = EventReader(response)
        first = await reader.entries(1)
        rise_and_fall(house, 5, first=30)
        await house.knows()
        rest = await reader.entries(house.opening.office.journal.last - 1)

    assert [seq for seq, _ in first + rest] == list(range(1, house.opening.office.journal.last + 1))


async def test_a_new_warning_is_told_without_being_asked(house: House) -> None:
    browser = await house.visitor(Role.VIEWER)

    async with browser.stream("GET", "/api/v1/events") as response:
        reader = EventReader(response)
        assert (await reader.next())[1] == "pulse"
        house.office.hears(transition(Level.RED))
        async with asyncio.timeout(10):
            while (event := await reader.next())[1] != "warning":
                pass

    assert event[2]["body"]["level"] == "red"
    assert "下溪" in event[2]["body"]["headline"]["zh"]
    assert "cap_xml" not in event[2]["body"]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_stories_follow_their_episodes(falls: list[int]) -> None:
    """Whatever the number of levels an episode goes through, its entries are its own."""

    async def place() -> None:
        with tempfile.TemporaryDirectory() as folder, open_office(Path(folder)) as office:
            minute = 0
            for count in falls:
                before = Level.NORMAL
                for to in [*LADDER[:count][:4], Level.NORMAL]:
                    office.hears(transition(to, before, minute=(minute := minute + 1)))
                    before = to
            async with open_journal(office.path) as journal:
                thread = "flood--river-01"
                assert journal.episodes(thread) == len(falls)
                for episode, count in enumerate(falls, 1):
                    facts = await journal.story(thread, episode)
                    kinds = [fact.kind for fact in facts]
                    assert kinds.count("transition") == kinds.count("warning") == min(count, 4) + 1
                    assert all(fact.name == f"{thread}.{episode}" for fact in facts if fact.kind == "case")

    asyncio.run(place())
