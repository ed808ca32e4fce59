"""Episodes against what happened and against other rules, and timelines, from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rules.scoring import Event, episodes, score
from rules.transition import Level, Transition
from tests.rules.places import Station, write_district, write_history
from tests.rules.support import MINUTE_MS, minute
from tocsin.cli import app

DAY_MIN = 24 * 60


def change(at_min: float, before: Level, to: Level) -> Transition:
    return Transition(
        at_ms=minute(at_min), rule="r", subject="d:p", site="s", hazard="flood", before=before, to=to
    )


CHANGES = [
    change(0, Level.NORMAL, Level.BLUE),
    change(5, Level.BLUE, Level.RED),
    change(20, Level.RED, Level.NORMAL),
    change(DAY_MIN, Level.NORMAL, Level.BLUE),
    change(DAY_MIN + 5, Level.BLUE, Level.NORMAL),
    change(2 * DAY_MIN, Level.NORMAL, Level.YELLOW),
]


def test_an_episode_runs_from_its_first_level_to_clear() -> None:
    found = episodes(CHANGES)
    assert [(each.begin_ms, each.end_ms, each.peak) for each in found] == [
        (minute(0), minute(20), Level.RED),
        (minute(DAY_MIN), minute(DAY_MIN + 5), Level.BLUE),
        (minute(2 * DAY_MIN), None, Level.YELLOW),
    ]
    assert [each.begin_ms for each in episodes(CHANGES, Level.YELLOW)] == [minute(5), minute(2 * DAY_MIN)]


def test_hits_misses_false_alarms_and_lead_time() -> None:
    events = [
        Event(minute(30), minute(60), "", "d:p"),
        Event(minute(2 * DAY_MIN + 10), minute(2 * DAY_MIN + 20), "r", ""),
        Event(minute(5 * DAY_MIN), minute(6 * DAY_MIN), "", ""),
        Event(minute(0), minute(10), "another", ""),
    ]
    span_ms = 15 * DAY_MIN * MINUTE_MS
    found = score(episodes(CHANGES)[:2], events[:1], span_ms=span_ms, before_ms=15 * MINUTE_MS)
    assert (found.hits, found.leads_ms, len(found.false_alarms), found.false_a_month) == (
        1,
        (30 * MINUTE_MS,),
        1,
        2.0,
    )
    late = score(episodes(CHANGES), events, span_ms=span_ms, before_ms=0)
    assert late.hits == 2  # the alarm that still stands hits what comes, too
    assert [each.rule for each in late.misses] == ["", "another"]


@pytest.fixture(scope="module")
def rainy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rainy")
    write_district(folder, [Station("mast", "weather", {"rain": "mm"})], "version: 1\npacks: [rainstorm@1]\n")
    rain = {(2, hour): 20 for hour in range(3)} | {(5, 7): 40}
    rows = [
        (f"2026-07-{day:02}T{hour:02}:00:00", "mast", "rain", rain.get((day, hour), 0))
        for day in range(1, 8)
        for hour in range(24)
    ]
    write_history(folder / "rain.csv", rows)
    (folder / "new.yaml").write_text(
        "version: 1\npacks: [rainstorm@1]\nrefine: {rainstorm: {levels: {blue: {above: 35}}}}\n"
    )
    (folder / "truth.csv").write_text(
        "begin,end\n2026-07-02T04:00,2026-07-02T08:00\n2026-07-06T00:00,2026-07-06T01:00\n"
    )
    return folder


def run(folder: Path, *words: str) -> tuple[int, Any]:
    command = ["rules", *words, "--district", str(folder), "--history", str(folder / "rain.csv"), "--json"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


def test_diff_tells_what_fired_and_how_much_earlier(rainy: Path) -> None:
    code, answer = run(rainy, "diff", "--rules", str(rainy / "new.yaml"))
    (found,) = answer["differences"]
    assert code == 1
    assert (found["fired"], found["gone"], found["earlier_minutes"]) == (1, 0, 60)
    assert found["minutes"]["new"]["blue"] > found["minutes"]["old"].get("blue", 0)


def test_diff_of_equal_rules_finds_nothing(rainy: Path) -> None:
    assert run(rainy, "diff", "--rules", str(rainy / "rules.yaml")) == (0, {"differences": []})


def test_score_holds_episodes_against_events(rainy: Path) -> None:
    code, answer = run(
        rainy, "score", "--truth", str(rainy / "truth.csv"), "--rules", str(rainy / "new.yaml")
    )
    assert code == 0
    assert (answer["hits"], len(answer["misses"]), len(answer["false_alarms"])) == (1, 1, 1)
    assert answer["lead_minutes"] == [180]


def test_the_packs_do_as_their_timelines_say() -> None:
    done = CliRunner().invoke(app, ["rules", "test"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "rainstorm" in done.output


def test_a_timeline_that_differs_is_shown_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(
        """
version: 1
packs: [gas@1]
stations: {manhole: {kind: pipeline, every: 1m, points: {ch4: "%LEL"}}}
timelines:
  - name: fifty at once
    readings: {"manhole:ch4": {begin: "2026-01-01T00:00", every: 1m, values: [51]}}
    expect: [{at: "2026-01-01T00:00", rule: gas-leak, subject: "manhole:ch4", to: orange}]
"""
    )
    done = CliRunner().invoke(app, ["rules", "test", str(path)], catch_exceptions=False)
    assert done.exit_code == 1
    assert "- 2026-01-01T00:00:00 gas-leak manhole:ch4 orange" in done.output
    assert "+ 2026-01-01T00:00:00 gas-leak manhole:ch4 red" in done.output
