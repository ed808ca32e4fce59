"""The demo to its end, as a newcomer runs it: everything that it promises is counted here."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from alerting.database import FILE_NAME as LEDGER_FILE
from alerting.ledger import read_warnings, verify
from collector.stores import open_store
from district.load import load_district
from tests.tocsin.river_rules import INTERVAL, SUBJECT, csv_rows, river_changes
from tocsin.demo import ENDS_AT, STARTS_AT
from tocsin.report import EARLIEST_MS, LATEST_MS
from transport.measurement import from_ms

pytestmark = [pytest.mark.flood, pytest.mark.xdist_group("demo"), pytest.mark.timeout(400)]

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Demo:
    report: dict[str, Any]
    state: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    state = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "tocsin", "demo", "--until-end", "--json", "--keep", str(state)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-300:]
    return Demo(report=json.loads(done.stdout), state=state)


def test_nothing_is_lost_and_nothing_is_stored_twice(demo: Demo) -> None:
    report = demo.report

    assert report["served"] > 1000
    assert (report["stored"], report["lost"], report["duplicates"]) == (report["served"], 0, 0)


def test_the_flood_reaches_red_and_the_people_are_warned(demo: Demo) -> None:
    red = [w for w in demo.report["warnings"] if w["level"] == "red"]

    assert {w["subject"] for w in red} == {SUBJECT}
    assert all(w["recipients"] for w in demo.report["warnings"])
    assert demo.report["warnings"][0]["msgType"] == "Alert"


def test_every_recipient_has_a_receipt(demo: Demo) -> None:
    for record in read_warnings(demo.state / "alerting" / LEDGER_FILE):
        settled = {r.person for r in record.receipts if r.state in ("sent", "delivered", "superseded")}
        assert settled == set(record.recipients), record.identifier


async def test_the_rivers_changes_are_those_of_a_plain_loop_over_the_stored_rows(demo: Demo) -> None:
    district = load_district(REPOSITORY)
    async with open_store(district.store, district=district, state_dir=demo.state / "collector") as store:
        stored = await store.history("river-01-level", "level", EARLIEST_MS, LATEST_MS)
    good = [row for row in stored if row.quality.is_good]
    rows = [(from_ms(row.at_ms), row.value) for row in good if row.value is not None]

    for rule, changes in river_changes(rows).items():
        expected = [(c.at, c.before, c.to) for c in changes]
        assert [(at, t["from"], t["to"]) for at, t in _told(demo, rule)] == expected, rule
        assert [t["value"] for _, t in _told(demo, rule)] == pytest.approx([c.value for c in changes])


def test_the_rivers_changes_are_those_of_the_published_record_within_one_polling_interval(demo: Demo) -> None:
    for rule, changes in river_changes(csv_rows(STARTS_AT, ENDS_AT)).items():
        told = _told(demo, rule)
        assert [(t["from"], t["to"]) for _, t in told] == [(c.before, c.to) for c in changes], rule
        for (at, _), change in zip(told, changes, strict=True):
            assert abs(at - change.at) <= INTERVAL, (rule, change)


def _told(demo: Demo, rule: str) -> list[tuple[datetime, dict[str, Any]]]:
    return [
        (datetime.fromisoformat(t["at"]), t)
        for t in demo.report["transitions"]
        if (t["rule"], t["subject"]) == (rule, SUBJECT)
    ]


def test_every_cap_message_is_valid(demo: Demo, shared_data: Path) -> None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    schema = etree.XMLSchema(etree.parse(shared_data / "cap" / "cap12.xsd", parser))

    records = read_warnings(demo.state / "alerting" / LEDGER_FILE)

    assert records
    for record in records:
        schema.assertValid(etree.fromstring(record.cap_xml.encode(), parser))


def test_the_ledger_is_whole(demo: Demo) -> None:
    assert verify(demo.state / "alerting" / LEDGER_FILE) is None


def test_latency_is_given(demo: Demo) -> None:
    latency = demo.report["latency_ms"]

    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]


def test_history_shows_what_the_demo_stored(demo: Demo) -> None:
    base = [sys.executable, "-m", "tocsin", "history", "river-01-level", "level", "--state", str(demo.state)]
    # around the peak, in the district's time
    span = [
        "--from",
        "2018-06-04T05:50:00",
        "--to",
        "2018-06-04T06:20:00",
    ]

    header, *rows = _output([*base, *span, "--csv"]).splitlines()
    assert header == "taken_at,value_m,quality"
    assert max(float(row.split(",")[1]) for row in rows) == pytest.approx(1.881, abs=0.0005)
    assert "river-01-level level" in _output([*base, "--plot"])


def _output(command: list[str]) -> str:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout


def _descendants(pid: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: set[int] = set()
    ahead = [pid]
    while ahead:
        for child in children.get(ahead.pop(), []):
            found.add(child)
            ahead.append(child)
    return found


def test_ctrl_c_ends_the_demo_and_leaves_no_process_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tocsin", "demo", "--keep", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "→" in line:  # the first warning went out: everything runs
                break
        family = _descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        code = process.wait(timeout=30)

    assert code == 0
    assert len(family) >= 8
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists() and _is_alive(pid)]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_the_published_record_is_twelve_hours_around_the_peak() -> None:
    rows = csv_rows(STARTS_AT, ENDS_AT)

    assert timedelta(hours=12) == ENDS_AT - STARTS_AT
    assert max(rows, key=lambda row: row[1])[0] == datetime.fromisoformat("2018-06-03T22:05:00Z")
