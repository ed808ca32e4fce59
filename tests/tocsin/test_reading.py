"""`tocsin reading`: what somebody read by eye goes to store and rules, and waits where they are away."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.app import CollectorConfig
from collector.app import run as run_collector
from collector.stores import open_store
from district.load import load_district
from rules.app import RulesConfig
from rules.app import run as run_rules
from rules.load import load_rules
from tests.servers import free_port
from tocsin.cli import app
from tocsin.reading import report_reading
from tocsin.wiring import Surroundings
from transport.clock import real_clock
from transport.measurement import Quality
from transport.session import Endpoint

DEMO = Path(__file__).parents[2]


@pytest.mark.server
async def test_what_is_reported_is_stored_and_judged(broker: Endpoint, tmp_path: Path) -> None:
    district = load_district(DEMO)
    states = {part: tmp_path / part for part in ("collector", "rules")}
    for state in states.values():
        state.mkdir()
    stop = asyncio.Event()
    collector = CollectorConfig(
        district=district,
        broker=broker,
        store=district.store,
        state_dir=states["collector"],
        clock=real_clock(),
    )
    rules = RulesConfig(
        district=district,
        rulebook=load_rules(DEMO, district),
        broker=broker,
        state_dir=states["rules"],
        clock=real_clock(),
    )
    running = asyncio.gather(run_collector(collector, stop), run_rules(rules, stop))
    at = Surroundings(district=DEMO, state=tmp_path, broker=broker.url)
    taken_at = datetime.now(UTC).replace(microsecond=0)
    try:
        waiting = await report_reading(
            at, "res-01-level", "level", 75.5, taken_at=taken_at, patience_s=60.0, language="en"
        )
    finally:
        stop.set()
        await running
    async with open_store(district.store, district=district, state_dir=states["collector"]) as store:
        stored = await store.history("res-01-level", "level", 0, 2**60)

    assert waiting == 0
    assert [tuple(row) for row in stored] == [(int(taken_at.timestamp()) * 1000, 4.15, Quality.GOOD)]


def test_where_nobody_takes_it_it_is_kept(tmp_path: Path) -> None:
    words = ["reading", "res-01-level", "level", "75.5", "--district", str(DEMO), "--state", str(tmp_path)]
    words += ["--broker", f"mqtt://127.0.0.1:{free_port()}", "--wait-s", "0", "--json"]

    first, second = (CliRunner().invoke(app, words) for _ in range(2))

    assert (first.exit_code, json.loads(first.stdout)) == (1, {"kept": True, "waiting": 1})
    assert (second.exit_code, json.loads(second.stdout)) == (1, {"kept": True, "waiting": 2})
