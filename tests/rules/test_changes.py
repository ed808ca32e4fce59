"""What an edit changes is said, and what it does not change goes on untouched."""

from dataclasses import replace

from rules.changes import changes, summary
from rules.plain import Engine
from rules.rulebook import Rulebook
from tests.rules.support import batch, device, district, minute, reading, rulebook, site

PLACE = district(
    [device("rtu", "pipe", "ch4"), device("far", "field", "ch4")],
    [site("pipe", "pipeline"), site("field", "air")],
)


def book(red: float, *, only: str = "") -> Rulebook:
    select = f"{{device: {only}, point: ch4}}" if only else "{point: ch4}"
    return rulebook(
        f"""
version: 1
rules:
  - id: gas
    name: {{zh: 燃气, en: Gas}}
    hazard: gas
    select: {select}
    levels: {{yellow: {{above: 2}}, red: {{above: 9}}}}
    override: {{rtu: {{levels: {{red: {{above: {red}, clear: 3}}}}}}}}
""",
        PLACE,
    )


def test_an_edit_is_told_by_subject_level_and_figure() -> None:
    assert changes(book(5), book(6)) == ["gas rtu:ch4: red limit 5 -> 6"]
    assert changes(book(5), book(5)) == []
    assert summary(changes(book(5), book(5, only="rtu"))) == "gas far:ch4: no longer watched"


def test_a_long_edit_is_told_in_short() -> None:
    assert summary([str(number) for number in range(25)]).endswith("; 19; and 5 more")


def test_what_is_judged_as_before_keeps_its_past_and_the_rest_begins_anew() -> None:
    before, after = book(5), book(6)
    before, after = (
        replace(each, watches=tuple(replace(watch, allowance_ms=10**12) for watch in each.watches))
        for each in (before, after)
    )
    engine = Engine(before)
    for name in ("rtu", "far"):
        engine.take(batch([reading(5 * index, 1.0, device=name) for index in range(70)]), minute(345))
    untouched = list(engine.state.watches["gas|far:ch4"].checkpoints)

    edited = Engine(after, engine.state)
    assert edited.adopt(before, minute(345)) == []

    assert edited.state.watches["gas|far:ch4"].checkpoints == untouched
    assert len(untouched) > 1
    assert len(edited.state.watches["gas|rtu:ch4"].checkpoints) == 1
