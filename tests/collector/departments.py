"""A district that takes other people's data, and a centre that stores them and judges them."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ruamel.yaml import YAML

from collector.app import CollectorConfig
from collector.app import run as run_collector
from collector.foreign.app import run as run_intake
from collector.store import Row
from collector.stores import open_store
from district.inventory import District
from district.load import load_district
from edge.app import EdgeConfig
from rules.app import RulesConfig
from rules.app import run as run_rules
from rules.load import load_rules
from rules.transition import Level, Transition
from tests.collector.gateways import DEADLINE_S, dead_letters, eventually
from transport.clock import Clock
from transport.session import Endpoint, Session, open_session
from transport.topics import ANY_ALARM

DEMO = Path(__file__).parents[2]
NOW = datetime(2026, 8, 5, 6, 20, tzinfo=UTC)  # 14:20 in the district
NOW_MS = 1_785_910_800_000
HEAD = """
version: 1
district:
  id: linjiang
  name: {zh: 临江区, en: Linjiang District}
  timezone: Asia/Shanghai
  code: "330199"
  store: {kind: sqlite}
"""

_yaml = YAML(typ="safe", pure=True)


def near(value: float) -> Any:
    """A value up to the rounding of a conversion."""
    return pytest.approx(value)


def merged(*texts: str) -> dict[str, Any]:
    """Parts of a devices.yaml as one: blocks are joined, lists too."""
    whole: dict[str, Any] = {}
    for text in texts:
        _join(whole, _yaml.load(text))
    return whole


def _join(whole: dict[str, Any], part: Mapping[str, Any]) -> None:
    for key, value in part.items():
        if isinstance(value, Mapping):
            _join(whole.setdefault(key, {}), value)
        elif isinstance(value, list):
            whole[key] = [*whole.get(key, []), *value]
        else:
            whole[key] = value


def write_district(folder: Path, *parts: str, rules: str = "version: 1\nrules: []\n") -> District:
    """A district of these parts of a devices.yaml, in the demo's areas."""
    shutil.copy(DEMO / "areas.geojson", folder)
    with (folder / "devices.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(merged(HEAD, *parts), file)
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    return load_district(folder)


@dataclass(kw_only=True)
class Centre:
    """Intake, collector and rules of one district, and the way to what they did."""

    folder: Path
    broker: Endpoint
    session: Session
    alarms: set[Level]

    async def publish(self, topic: str, payload: str, *, until: Callable[[], Awaitable[bool]]) -> None:
        """Publish as somebody else would, until it shows: nobody hears what is said before they listen."""

        async def shows() -> bool:
            await self.session.publish(topic, payload.encode())
            return await until()

        await eventually(shows)

    async def has(self, device: str, point: str) -> bool:
        """Whether the series has a row."""
        district = load_district(self.folder)
        async with open_store(
            district.store, district=district, state_dir=self.folder / "collector"
        ) as store:
            return bool(await store.history(device, point, 0, 2**60))

    async def stored(self, device: str, point: str, count: int = 1) -> list[Row]:
        """The rows of a series, once there are so many."""
        district = load_district(self.folder)
        async with open_store(
            district.store, district=district, state_dir=self.folder / "collector"
        ) as store:
            found: list[Row] = []

            async def there() -> bool:
                nonlocal found
                found = await store.history(device, point, 0, 2**60)
                return len(found) >= count

            await eventually(there)
            return found

    async def alarm(self, level: Level) -> None:
        """Wait until an alarm of this level is announced."""

        async def announced() -> bool:
            return level in self.alarms

        await eventually(announced)

    @property
    def refused(self) -> str:
        """All dead letters of the intake."""
        return dead_letters(self.folder / "intake")


@asynccontextmanager
async def open_centre(
    folder: Path, broker: Endpoint, *, secrets: Mapping[str, str] | None = None, judged: bool = False
) -> AsyncIterator[Centre]:
    """Run intake and collector of the district in ``folder`` meanwhile, and rules if ``judged``."""
    district = load_district(folder)
    clock = Clock(anchor_wall_s=2**40, starts_at=NOW)  # it stands
    states = {part: folder / part for part in ("intake", "collector", "rules")}
    for state in states.values():
        state.mkdir(exist_ok=True)
    stop = asyncio.Event()
    edge = EdgeConfig(
        district=district,
        gateway="intake",
        broker=broker,
        state_dir=states["intake"],
        clock=clock,
        drain_s=5.0,
    )
    collector = CollectorConfig(
        district=district, broker=broker, store=district.store, state_dir=states["collector"], clock=clock
    )
    runs = [
        run_intake(edge, folder, {**os.environ, **(secrets or {})}, stop),
        run_collector(collector, stop),
    ]
    if judged:
        rules = RulesConfig(
            district=district,
            rulebook=load_rules(folder, district),
            broker=broker,
            state_dir=states["rules"],
            clock=clock,
        )
        runs.append(run_rules(rules, stop))
    tasks = [asyncio.create_task(each) for each in runs]
    alarms: set[Level] = set()
    async with open_session(broker, client_id="test-department", subscriptions=[ANY_ALARM]) as session:
        await asyncio.wait_for(session.connected.wait(), DEADLINE_S)
        listening = asyncio.create_task(_listen(session, alarms))
        try:
            yield Centre(folder=folder, broker=broker, session=session, alarms=alarms)
        finally:
            stop.set()
            await asyncio.wait_for(asyncio.gather(*tasks), DEADLINE_S)
            listening.cancel()
            await asyncio.wait([listening])


async def _listen(session: Session, alarms: set[Level]) -> None:
    while True:
        for message in await session.receive(most=100):
            alarms.add(msgspec.json.decode(message.payload, type=Transition).to)
