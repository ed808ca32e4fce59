"""Rules about rules: all, any, not, and k of n within a time."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from district.findings import InvalidFileError
from rules.load import load_rules
from rules.plain import Engine
from rules.rulebook import decode_rulebook, encode_rulebook
from rules.state import decode_state, encode_state
from rules.transition import Level
from tests.rules.support import (
    GOOD,
    MINUTE_MS,
    Seen,
    batch,
    device,
    district,
    minute,
    reading,
    rulebook,
    seen,
    site,
)
from transport.batch import Reading

DEVICES = ("rtu", "rtv", "rtw")
PLACE = district([device(name, "pipe", "ch4", every_min=5) for name in DEVICES], [site("pipe", "pipeline")])
RULES = """
version: 1
rules:
  - id: gas
    name: {zh: 燃气, en: Gas}
    hazard: gas
    select: {point: ch4}
    clear_for: 0s
    levels: {blue: {above: 1}, red: {above: 2}}
  - id: sure
    name: {zh: 确认, en: Sure}
    hazard: gas
    when:
      yellow: {rule: gas, count: 2, within: 12m}
      orange: {all: [{rule: gas, level: red}, {not: {rule: gas, count: 3}}]}
      red: {any: [{rule: gas, level: red, count: 2}, {rule: gas, count: 3}]}
"""
WRITTEN = rulebook(RULES, PLACE)
BOOK = replace(WRITTEN, watches=tuple(replace(watch, allowance_ms=10**9) for watch in WRITTEN.watches))
ROWS = st.lists(
    st.tuples(st.sampled_from([1, 4, 5, 13]), st.sampled_from(DEVICES), st.sampled_from([0.0, 1.0, 2.0])),
    max_size=25,
)


def as_taken(rows: list[tuple[int, str, float]]) -> list[Reading]:
    at_min, readings = 0, []
    for step_min, name, value in rows:
        at_min += step_min
        readings.append(reading(at_min, value, GOOD, device=name))
    return readings


def naive(readings: Sequence[Reading], end_ms: int) -> list[tuple[int, Level]]:
    """The level at every minute and just after it, from the readings themselves; its changes."""
    found, level = [], Level.NORMAL
    now_ms = minute(0)
    while now_ms <= end_ms:
        blue = [held(readings, name, 1.0, now_ms, 0) for name in DEVICES]
        lately = [held(readings, name, 1.0, now_ms, 12 * MINUTE_MS) for name in DEVICES]
        red = [held(readings, name, 2.0, now_ms, 0) for name in DEVICES]
        to = Level.YELLOW if sum(lately) >= 2 else Level.NORMAL
        to = Level.ORANGE if any(red) and sum(blue) < 3 else to
        to = Level.RED if sum(red) >= 2 or sum(blue) >= 3 else to
        if to is not level:
            found.append((now_ms, to))
            level = to
        now_ms += 1 if now_ms % MINUTE_MS == 0 else MINUTE_MS - 1  # what lapses does so just after a minute
    return found


def held(readings: Sequence[Reading], name: str, limit: float, now_ms: int, within_ms: int) -> bool:
    mine = [each for each in readings if each.device == name and each.at_ms <= now_ms]
    holding = False
    for each, following in zip_longest(mine, mine[1:]):
        value = each.values["ch4"][0]
        until_ms = following.at_ms if following is not None else now_ms + 1
        if value is not None and value >= limit:
            holding = holding or now_ms < until_ms or now_ms - until_ms <= within_ms > 0
    return holding


@settings(max_examples=150, deadline=None)
@given(data=st.data(), readings=ROWS.map(as_taken))
def test_every_combination_is_what_the_readings_say(data: st.DataObject, readings: list[Reading]) -> None:
    engine, found, begun = Engine(decode_rulebook(encode_rulebook(BOOK))), [], 0
    while begun < len(readings):
        end = begun + data.draw(st.integers(1, 5))
        found += engine.take(batch(readings[begun:end]), readings[min(end, len(readings)) - 1].at_ms)
        engine = Engine(engine.rulebook, decode_state(encode_state(engine.state)))
        begun = end
    end_ms = (readings[-1].at_ms if readings else minute(0)) + 20 * MINUTE_MS
    found += engine.tick(end_ms)

    sure = [each.transition for each in found if each.transition.rule == "sure"]
    assert [(each.at_ms, each.to) for each in sure] == naive(readings, end_ms)


def test_two_of_three_within_a_time() -> None:
    engine = Engine(BOOK)
    rows = [(0, "rtu", 1.0), (5, "rtu", 0.0), (10, "rtv", 1.0), (20, "rtv", 1.0)]
    found = []
    for at_min, name, value in rows:
        found += engine.take(batch([reading(at_min, value, device=name)]), minute(at_min))
    found += engine.tick(minute(21))
    sure = [each.transition for each in found if each.transition.rule == "sure"]
    assert [(each.before, each.to) for each in seen(sure)] == [("normal", "yellow"), ("yellow", "normal")]
    assert seen(sure)[0] == Seen(10, "normal", "yellow")
    assert sure[1].at_ms == minute(17) + 1
    assert {each.subject for each in sure} == {"pipe"}


def test_what_stands_is_repeated_and_ends_with_its_rule() -> None:
    engine = Engine(BOOK)
    for name in DEVICES:
        engine.take(batch([reading(0, 2.0, device=name)]), minute(0))
    assert "sure" in {each.transition.rule for each in engine.latest() if each.transition.to}
    edited = Engine(rulebook(RULES.partition("  - id: sure")[0], PLACE), engine.state)
    ended = [each.transition for each in edited.adopt(BOOK, minute(5))]
    assert [(each.rule, each.to) for each in ended] == [("sure", Level.NORMAL)]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("{rule: gsa}", "gsa"),
        ("{rule: gas, level: orange}", "never reaches orange"),
        ("{all: [{rule: gas}, {not: {rule: nobody}}]}", "nobody"),
        ("{rule: gas, count: 0}", "count"),
        ("{every: [{rule: gas}]}", "'rule' is missing"),
    ],
)
def test_a_mistake_is_found(tmp_path: Path, condition: str, said: str) -> None:
    watching = RULES.partition("    when:")[0].replace(", red: {above: 2}", "")
    (tmp_path / "rules.yaml").write_text(f"{watching}    when: {{red: {condition}}}\n")
    with pytest.raises(InvalidFileError, match=f"(?s){said}"):
        load_rules(tmp_path, PLACE)
