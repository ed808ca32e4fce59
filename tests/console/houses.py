"""A console that serves on loopback, over a ledger and a store of its own; no broker unless one is given."""

import json
import shutil
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from collector.block import blocks_from
from collector.stores import open_store
from console.accounts import Account, Token
from console.app import ConsoleConfig, Opening, open_console
from console.proofs import fingerprint, hash_password, new_totp_secret, totp_code
from console.roles import SECOND_FACTOR, Role
from district.load import load_district
from tests.alerting.offices import Office, open_office
from tests.alerting.samples import DEMO, MINUTE_MS, NOON_MS, demo_district
from tests.servers import free_port
from tocsin.backtest import StoreHistory
from tocsin.wiring import Surroundings
from transport.batch import Sample
from transport.clock import Clock
from transport.measurement import Quality
from transport.session import Endpoint

PHRASE = "correct horse battery"
KEPT = hash_password(PHRASE)  # hashing is slow on purpose: once is enough for tests
FOUR_FILES = ("devices.yaml", "areas.geojson", "rules.yaml", "contacts.yaml")


class Browser(httpx.AsyncClient):
    """A client with a session: unsafe requests carry its word against forgery."""

    async def signs_in(self, name: str, *, phrase: str = PHRASE, code: str = "") -> httpx.Response:
        answer = await self.post("/api/v1/session", json={"name": name, "password": phrase, "code": code})
        if answer.status_code == 200:
            self.headers["x-csrf"] = answer.json()["csrf"]
        return answer


@dataclass(kw_only=True)
class House:
    """One console and the way to its parts."""

    opening: Opening
    folder: Path  # the district's files, a copy
    state: Path
    office: Office  # alerting's desk, by which the ledger grows
    stack: AsyncExitStack
    wall: "WallClock"

    @property
    def url(self) -> str:
        return self.opening.url

    async def browser(self) -> Browser:
        return await self.stack.enter_async_context(Browser(base_url=self.url, timeout=30))

    async def account(
        self, role: Role, *areas: str, name: str | None = None, person: str = "district-duty"
    ) -> str:
        """Make an account of a role; its name. Where it needs a second factor, it has one."""
        made = Account(
            name=name or role.value,
            title=role.value,
            role=role,
            areas=areas or ("linjiang",),
            person=person,
            password=KEPT,
            totp=new_totp_secret() if role in SECOND_FACTOR else None,
        )
        await self.opening.office.register.keep(made)
        return made.name

    def code(self, name: str) -> str:
        """What the authenticator of an account shows, for a step that was not used yet."""
        account = self.opening.office.register.find(Account, name)
        assert account is not None
        if account.totp is None:
            return ""
        return totp_code(account.totp, max(int(self.wall.now_s) // 30, account.totp_step + 1))

    async def visitor(self, role: Role, *areas: str, person: str = "district-duty") -> Browser:
        """Somebody of a role, signed in."""
        name = await self.account(
            role, *areas, name=f"{role.value}-{len(areas)}-{'-'.join(areas)}"[:60], person=person
        )
        browser = await self.browser()
        answer = await browser.signs_in(name, code=self.code(name))
        assert answer.status_code == 200, answer.text
        return browser

    async def token(self, *areas: str, name: str = "program") -> Browser:
        """A program with a token."""
        word = f"word-of-{name}"
        await self.opening.office.register.keep(
            Token(
                name=name,
                key=fingerprint(word),
                role=Role.VIEWER,
                areas=areas or ("linjiang",),
                made_by="test",
                ends_s=self.wall.now_s + 3600,
            )
        )
        browser = await self.browser()
        browser.headers["authorization"] = f"Bearer {word}"
        return browser

    async def knows(self) -> None:
        """Let the console read what alerting wrote."""
        await self.opening.office.journal.look()


@dataclass(kw_only=True)
class WallClock:
    """The time by which sessions end, set by hand."""

    now_s: float


@asynccontextmanager
async def open_house(
    folder: Path,
    *,
    broker: Endpoint | None = None,
    samples: Iterable[Sample] = (),
    minute: int = 60,
    certs: Path | None = None,
) -> AsyncIterator[House]:
    """Run a console whose event time stands ``minute`` minutes after noon."""
    district_folder, state = folder / "district", folder / "state"
    new = not district_folder.exists()
    if new:
        district_folder.mkdir()
        for name in FOUR_FILES:
            shutil.copy(DEMO / name, district_folder / name)
    for part in ("console", "alerting", "collector"):
        (state / part).mkdir(parents=True, exist_ok=True)
    district = demo_district() if new else load_district(district_folder)
    if samples:
        async with open_store(district.store, district=district, state_dir=state / "collector") as store:
            await store.write(blocks_from(list(samples)))
    wall = WallClock(now_s=1_700_000_000.0)
    config = ConsoleConfig(
        folder=district_folder,
        district=district,
        broker=broker or Endpoint(host="127.0.0.1", port=free_port()),
        state_dir=state / "console",
        alerting_dir=state / "alerting",
        collector_dir=state / "collector",
        history=StoreHistory(Surroundings(district=district_folder, state=state), district),
        clock=standing_clock(minute),
        port=0,
        certificate=certs / "console-web.pem" if certs else None,
        key=certs / "console-web.key" if certs else None,
        now_s=lambda: wall.now_s,
    )
    async with AsyncExitStack() as stack:
        office = stack.enter_context(_office(state / "alerting", broker))
        opening = await stack.enter_async_context(open_console(config))
        yield House(
            opening=opening, folder=district_folder, state=state, office=office, stack=stack, wall=wall
        )


@contextmanager
def _office(folder: Path, broker: Endpoint | None) -> Any:
    """A desk that writes the ledger; beside a real alerting process there is none."""
    if broker is not None:
        yield None
        return
    with open_office(folder) as office:
        yield office


def standing_clock(minute: int) -> Clock:
    """Event time that stands still."""
    now = datetime.fromtimestamp((NOON_MS + minute * MINUTE_MS) / 1000, UTC)
    return Clock(anchor_wall_s=time.time() + 10**6, starts_at=now)


def levels(count: int = 30, *, device: str = "river-01-level") -> list[Sample]:
    """A river that rises a centimetre a minute."""
    return [
        Sample(device, "level", NOON_MS + minute * MINUTE_MS, 0.5 + minute / 100, Quality.GOOD)
        for minute in range(count)
    ]


class EventReader:
    """Reads server-sent events by the standard's rules, as far as we use them."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[str, str, dict[str, Any]]:
        """The next event: its id (empty without one), its name, its data."""
        number, name, data = "", "message", ""
        async for line in self._lines:
            field, _, value = line.partition(": ")
            if not line and data:
                return number, name, json.loads(data)
            if field == "id":
                number = value
            elif field == "event":
                name = value
            elif field == "data":
                data += value
        raise EOFError

    async def entries(self, count: int) -> list[tuple[int, str]]:
        """The next ``count`` entries of the ledger: number and kind."""
        found: list[tuple[int, str]] = []
        while len(found) < count:
            number, name, _ = await self.next()
            if number:
                found.append((int(number), name))
        return found
