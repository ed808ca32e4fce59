"""A backtest says what the living engine would have said, and its page needs nothing else."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.block import Block
from collector.stores import open_store
from district.load import load_district
from rules.backtest import backtest
from rules.errors import HistoryError
from rules.history import format_history, parse_history
from rules.plain import Engine
from rules.rulebook import Rulebook
from rules.transition import Transition
from tests.rules import places
from tests.rules.support import GOOD, MINUTE_MS, PIPE, device, district, minute, rulebook, site
from tocsin.backtest import run_backtests
from tocsin.wiring import Surroundings
from transport.batch import Sample
from transport.measurement import Quality

BOOK = rulebook(
    """
version: 1
rules:
  - id: gas
    name: {zh: 燃气, en: Gas}
    hazard: gas
    select: {point: ch4}
    clear_for: 10m
    levels: {blue: {above: 1, for: 4m}, red: {above: 2}}
  - id: gone
    name: {zh: 失联, en: Gone}
    hazard: equipment
    clear_for: 5m
    silence: {after: 3x}
""",
    PIPE,
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from([5, 5, 5, 5, 7, 15, 21, 22, 60]),
        st.sampled_from([0.0, 1.0, 2.0]),
        st.sampled_from([GOOD] * 5 + [Quality.SPIKE, Quality.TIMEOUT]),
    ),
    min_size=1,
    max_size=25,
)


def as_samples(rows: list[tuple[int, float, Quality]]) -> list[Sample]:
    at_min, samples = 0, []
    for step_min, value, quality in rows:
        at_min += step_min
        samples.append(Sample("rtu", "ch4", minute(at_min), None if quality.is_bad else value, quality))
    return samples


def live(samples: list[Sample], book: Rulebook = BOOK) -> list[Transition]:
    """Every reading when it came, and the clock four times a minute, and when a minute is over."""
    engine, found = Engine(book), []
    engine.hear(samples[0].at_ms)
    now_ms = samples[0].at_ms
    for each in samples:
        while now_ms < each.at_ms:
            found += engine.tick(now_ms)
            found += engine.tick(now_ms + 1)  # an alarm that falls to a lower level is dated by the clock
            now_ms += MINUTE_MS // 4
        found += engine.judge([each], {}, each.at_ms)
    found += engine.tick(samples[-1].at_ms)
    return [each.transition for each in found]


@settings(max_examples=150, deadline=None)
@given(samples=ROWS.map(as_samples))
def test_it_says_what_the_engine_would_have_said(samples: list[Sample]) -> None:
    assert sorted(map(str, backtest(BOOK, samples))) == sorted(map(str, live(samples)))


TWO = rulebook(
    """
version: 1
rules:
  - id: gas
    name: {zh: 燃气, en: Gas}
    hazard: gas
    select: {point: ch4}
    clear_for: 10m
    levels: {blue: {above: 1, for: 4m}, red: {above: 2}}
  - id: gone
    name: {zh: 失联, en: Gone}
    hazard: equipment
    clear_for: 5m
    silence: {after: 3x}
  - id: sure
    name: {zh: 确认, en: Sure}
    hazard: gas
    when:
      yellow: {rule: gas, count: 2, within: 12m}
      red: {all: [{rule: gas, level: red}, {not: {rule: gas, count: 2}}]}
""",
    district([device("rtu", "pipe", "ch4"), device("far", "pipe", "ch4")], [site("pipe", "pipeline")]),
)


@settings(max_examples=3_000 if os.environ.get("TOCSIN_SOAK") else 60, deadline=None)
@given(samples=ROWS.map(as_samples), data=st.data())
def test_what_rests_on_several_alarms_comes_out_the_same(samples: list[Sample], data: st.DataObject) -> None:
    """Two devices at one place: each may be silent, blind beside the other's alarm, and both are judged."""
    mixed = [each._replace(device=data.draw(st.sampled_from(["rtu", "far"]))) for each in samples]
    names = {each.device for each in mixed}
    book = replace(TWO, silences=tuple(each for each in TWO.silences if each.device in names))

    assert sorted(map(str, backtest(TWO, mixed))) == sorted(map(str, live(mixed, book)))


def test_a_device_that_the_history_does_not_mention_is_not_missed() -> None:
    samples = [Sample("other", "ch4", minute(number * 60), 0.0, GOOD) for number in range(5)]
    assert backtest(BOOK, samples) == []
    assert backtest(BOOK, []) == []


def test_a_history_survives_a_round_trip() -> None:
    zone = PIPE.timezone
    samples = as_samples([(5, 0.1, GOOD), (5, 2.0, Quality.SPIKE), (5, 0.0, Quality.TIMEOUT)])
    lines = [",".join(row) for row in format_history(samples, zone)]
    assert parse_history(lines, zone) == samples


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("yesterday,rtu,ch4,1", "yesterday"),
        ("2026-01-01T00:00:00,rtu,ch4,many", "many"),
        ("2026-01-01T00:00:00,rtu,ch4,nan", "nan"),
        ("2026-01-01T00:00:00,rtu,ch4,1,splendid", "splendid"),
        ("2026-01-01T00:00:00,rtu", "2 columns"),
    ],
)
def test_a_line_that_is_no_reading_is_named(line: str, said: str) -> None:
    with pytest.raises(HistoryError, match=rf"line 2: .*{said}"):
        parse_history(["taken_at,device,point,value,quality", line], PIPE.timezone)


def test_columns_of_another_order_are_refused() -> None:
    with pytest.raises(HistoryError, match="taken_at,device,point,value"):
        parse_history(["device,point,taken_at,value"], PIPE.timezone)


def test_the_page_shows_old_beside_new_and_asks_nobody_for_anything(tmp_path: Path) -> None:
    station = places.Station("mast", "weather", {"rain": "mm"})
    places.write_district(tmp_path, [station], "version: 1\npacks: [rainstorm@1]\n")
    new = tmp_path / "new.yaml"
    new.write_text("version: 1\npacks: [rainstorm@1]\nrefine: {rainstorm: {levels: {blue: {above: 30}}}}\n")
    rows = [(f"2026-07-01T{hour:02}:00:00", "mast", "rain", 9 * (6 <= hour < 12)) for hour in range(24)]
    history = places.write_history(tmp_path / "rain.csv", rows)
    page = tmp_path / "page.html"

    answer = places.backtest(tmp_path, history, "--rules", str(new), "--plot", str(page))
    text = page.read_text(encoding="utf-8")

    assert [each["to"] for each in answer["transitions"]][:2] == ["blue", "yellow"]
    assert ">old<" in text
    assert ">new<" in text
    assert "<polyline" in text
    assert not re.search(r"https?://|<script|<link|@import|url\(", text)


def test_only_the_last_days_are_reported_and_counted(tmp_path: Path) -> None:
    station = places.Station("mast", "weather", {"rain": "mm"})
    places.write_district(tmp_path, [station], "version: 1\npacks: [rainstorm@1]\n")
    rows = [
        (f"2026-07-{day:02}T{hour:02}:00:00", "mast", "rain", 60 * (day in {1, 5} and hour == 12))
        for day in range(1, 7)
        for hour in range(24)
    ]
    history = places.write_history(tmp_path / "rain.csv", rows)

    answer = places.backtest(tmp_path, history, "--since", "2d")
    assert {each["at"][:10] for each in answer["transitions"]} == {"2026-07-05", "2026-07-06"}
    assert answer["points"] == 49


async def test_the_store_is_a_history_too(tmp_path: Path) -> None:
    station = places.Station("mast", "weather", {"rain": "mm"})
    places.write_district(tmp_path, [station], "version: 1\npacks: [rainstorm@1]\n")
    rows = [(minute(60 * hour), 60.0 * (hour == 12)) for hour in range(24)]
    district = load_district(tmp_path)
    (tmp_path / "state" / "collector").mkdir(parents=True)
    async with open_store(
        district.store, district=district, state_dir=tmp_path / "state" / "collector"
    ) as store:
        await store.write([Block("mast", ["rain"], [at for at, _ in rows], [[value] for _, value in rows])])
    at = Surroundings(district=tmp_path, state=tmp_path / "state")

    (tested,) = await run_backtests(at, "store", [None], None)

    assert (tested.transitions[0].at_ms, tested.transitions[0].to.word) == (minute(12 * 60), "orange")
    assert len(tested.samples) == 24
