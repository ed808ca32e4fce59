"""Where limits come from: device, site, kind, default; and seasons."""

import json

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from district.findings import InvalidFileError
from district.load import load_district
from rules.load import load_rules
from rules.rulebook import Rulebook, season_key
from rules.spec import RulesFile
from rules.transition import Level
from tests.rules.support import device, district, repository, rulebook, site

PLACE = district(
    [
        device("a-1", "a", "level"),
        device("a-2", "a", "level"),
        device("b-1", "b", "level"),
        device("c-1", "c", "level"),
    ],
    [site("a", "pipeline"), site("b", "pipeline"), site("c", "air")],
)


def rules(levels: str, more: str) -> Rulebook:
    return rulebook(
        f"""
version: 1
seasons: {{flood: 04-15..10-15, winter: 12-01..02-28}}
rules:
  - id: level
    name: {{zh: 水位, en: Level}}
    hazard: pipeline
    select: {{point: level}}
    levels: {levels}
    {more}
""",
        PLACE,
    )


def limits(book: Rulebook, name: str, *seasons: str) -> list[tuple[str, float, float]]:
    watch = next(each for each in book.watches if each.device == name)
    ladder = watch.ladders[season_key(seasons)]
    return [(rung.level.word, rung.limit, rung.clear) for rung in ladder.rungs]


def test_the_nearest_counts() -> None:
    book = rules(
        "{yellow: {above: 1}}",
        """override:
      a-1: {levels: {yellow: {above: 4}}}
      a: {levels: {yellow: {above: 3}}}
      pipeline: {levels: {yellow: {above: 2}}}""",
    )
    assert [limits(book, name) for name in ("a-1", "a-2", "b-1", "c-1")] == [
        [("yellow", 4, 4)],
        [("yellow", 3, 3)],
        [("yellow", 2, 2)],
        [("yellow", 1, 1)],
    ]


def test_overriding_above_alone_shifts_clear_with_it() -> None:
    book = rules("{yellow: {above: 80.0, clear: 79.8}}", "override: {a: {levels: {yellow: {above: 78.5}}}}")
    assert limits(book, "a-1") == [("yellow", 78.5, 78.3)]


def test_overriding_below_alone_shifts_clear_with_it() -> None:
    book = rules("{yellow: {below: 0.2, clear: 0.25}}", "override: {a: {levels: {yellow: {below: 0.1}}}}")
    assert limits(book, "a-1") == [("yellow", 0.1, 0.15)]


def test_overriding_clear_alone_keeps_the_limit() -> None:
    book = rules("{yellow: {above: 80, clear: 79}}", "override: {a: {levels: {yellow: {clear: 78}}}}")
    assert limits(book, "a-1") == [("yellow", 80, 78)]


def test_an_override_may_add_a_level_and_keeps_the_delay() -> None:
    book = rules(
        "{yellow: {above: 80, for: 5m}}", "override: {a: {levels: {yellow: {above: 70}, red: {above: 90}}}}"
    )
    watch = next(each for each in book.watches if each.device == "a-1")
    assert [(rung.level, rung.for_ms) for rung in watch.ladders[""].rungs] == [
        (Level.YELLOW, 300_000),
        (Level.RED, 0),
    ]


def test_a_season_refines_what_stands_at_the_same_distance() -> None:
    book = rules("{yellow: {above: 80, clear: 79}}", "during: {flood: {yellow: {above: 78}}}")
    assert limits(book, "a-1") == [("yellow", 80, 79)]
    assert limits(book, "a-1", "flood") == [("yellow", 78, 77)]


def test_a_sites_own_level_counts_before_the_season_of_all() -> None:
    book = rules(
        "{yellow: {above: 80}}",
        """during: {flood: {yellow: {above: 78}}}
    override: {a: {levels: {yellow: {above: 85}}, during: {winter: {yellow: {above: 84}}}}}""",
    )
    assert limits(book, "a-1", "flood") == [("yellow", 85, 85)]
    assert limits(book, "a-1", "winter") == [("yellow", 84, 84)]
    assert limits(book, "b-1", "flood") == [("yellow", 78, 78)]


def test_only_combinations_of_seasons_that_there_are_are_kept() -> None:
    book = rules(
        "{yellow: {above: 80}}", "during: {flood: {yellow: {above: 78}}, winter: {yellow: {above: 79}}}"
    )
    watch = book.watches[0]
    assert set(watch.ladders) == {"", "flood", "winter"}


def test_the_demo_rules_hold_together() -> None:
    book = load_rules(repository(), load_district(repository()))
    assert {watch.device for watch in book.silences} == set(load_district(repository()).devices)
    assert book.rules["river-level"].levels == (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)
    assert {rule.hazard for rule in book.rules.values()} >= {
        "flood",
        "gas",
        "pipeline",
        "air",
        "dust",
        "crane",
    }


def test_the_demo_rules_fit_their_json_schema() -> None:
    schema = RulesFile.model_json_schema(by_alias=True)
    Draft202012Validator.check_schema(schema)
    written = YAML(typ="safe").load((repository() / "rules.yaml").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(json.loads(json.dumps(written)))


def test_what_people_wrote_survives_a_round_trip() -> None:
    written = YAML(typ="safe").load((repository() / "rules.yaml").read_text(encoding="utf-8"))
    spec = RulesFile.model_validate(written)
    again = RulesFile.model_validate(json.loads(spec.model_dump_json(by_alias=True, exclude_none=True)))
    assert again == spec


def test_a_fingerprint_names_the_meaning() -> None:
    one, same = rules("{yellow: {above: 80}}", ""), rules("{yellow: {above: 80.0}}", "clear_for: 10m")
    other = rules("{yellow: {above: 81}}", "")
    assert one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("hazard: flod", "flod"),
        ("hazard: gas\n    rate: {over: 0s}", "nothing"),
        ("hazard: gas\n    levels: {purple: {above: 1}}", "purple"),
        ("hazard: gas\n    levels: {red: {above: 1, below: 2}}", "above or below"),
        ("hazard: gas\n    levels: {red: {above: 1, for: 5 minutes}}", "duration"),
        ("hazard: gas\n    silence: {after: 3x}", "devices"),
        ("hazard: gas\n    silence: {after: 0.5x}", "intervals"),
        ("hazard: gas\n    levels: {red: {above: .nan}}", "number"),
    ],
)
def test_a_mistake_stops_the_start(wrong: str, said: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("district")
    (folder / "rules.yaml").write_text(
        "version: 1\nrules:\n  - id: gas\n    name: {zh: 燃气, en: Gas}\n    select: {point: level}\n"
        f"    {wrong}\n"
    )
    with pytest.raises(InvalidFileError, match=rf"rules\.yaml:\d+:\d+: .*{said}"):
        load_rules(folder, PLACE)
