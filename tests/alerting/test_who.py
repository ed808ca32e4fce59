"""Who is told: a crowd's episodes against brute force, and the preview against what is then sent."""

import json
import os
import random
from pathlib import Path

import pytest

from alerting.errors import NoSuchRuleError
from alerting.preview import find_subject, preview
from alerting.targeting import Directory
from rules.load import load_rules
from rules.transition import Level
from tests.alerting.crowds import CELLS, HAZARDS, brute_force, crowded_contacts, crowded_district
from tests.alerting.offices import open_office
from tests.alerting.samples import DEMO, demo_contacts, demo_district, transition
from tests.tocsin.test_cli import tocsin

EPISODES = 5_000 if os.environ.get("TOCSIN_SOAK") else 100


def test_a_crowds_episodes_reach_exactly_whom_brute_force_finds_and_whom_the_preview_named(
    tmp_path: Path,
) -> None:
    chance = random.Random(2026)
    district = crowded_district()
    assert len(CELLS) == 200
    told = 0
    for round_ in range(5):  # five crowds of 2,000, each with routes of its own
        contacts = crowded_contacts(chance)
        directory = Directory(district, contacts)
        folder = tmp_path / str(round_)
        folder.mkdir()
        with open_office(folder, contacts, district) as office:
            for number in range(EPISODES // 5):
                cell, hazard = chance.choice(CELLS), chance.choice(HAZARDS)
                level = chance.choice(list(Level)[1:])
                site = f"site-{cell}"
                seen = preview(district, directory, hazard=hazard, level=level, site=site)

                sitting = office.hears(
                    transition(
                        level, site=site, hazard=hazard, subject=f"d-{number}:level", rule=f"r-{number}"
                    )
                )
                sent = {one.person: set(one.via) for one in sitting.queued.values()}
                office.hears(
                    transition(
                        Level.NORMAL,
                        level,
                        minute=1,
                        site=site,
                        hazard=hazard,
                        subject=f"d-{number}:level",
                        rule=f"r-{number}",
                    )
                )
                office.forget()

                assert sent == {one.person: set(one.via) for one in seen.people}
                assert sent == brute_force(contacts, hazard, level, [cell])
                told += len(sent)
    assert told > EPISODES


def test_several_cells_reach_whom_brute_force_finds() -> None:
    chance = random.Random(7)
    contacts = crowded_contacts(chance)
    directory = Directory(crowded_district(), contacts)

    for _ in range(EPISODES // 5):
        cells = chance.sample(CELLS, chance.randint(2, 6))
        hazard, level = chance.choice(HAZARDS), chance.choice(list(Level)[1:])
        targets = directory.targets(hazard, level, cells)

        found = {one.person: set(one.via) for one in targets.people}
        assert found == brute_force(contacts, hazard, level, cells)


def test_the_command_says_who_why_and_by_what() -> None:
    words = ("--rule", "river-level", "--subject", "river-01-level:level", "--level", "red")

    shown = tocsin("alerting", "who", *words, "--lang", "zh")
    data = json.loads(tocsin("alerting", "who", *words, "--json").stdout)

    assert "王敏" in shown.stdout
    assert "下溪一网格" in shown.stdout
    expected = Directory(demo_district(), demo_contacts()).targets("flood", Level.RED, ["xiaxi-1"])
    assert [one["person"] for one in data["people"]] == [one.person for one in expected.people]
    assert data["areas"] == ["xiaxi-1"]


def test_a_rule_or_subject_that_there_is_not_is_told_with_what_was_meant() -> None:
    done = tocsin(
        "alerting", "who", "--rule", "river-levl", "--subject", "x", "--level", "red", "--lang", "en"
    )

    assert done.returncode == 2
    assert "did you mean 'river-level'" in done.stderr
    with pytest.raises(NoSuchRuleError, match="no subject"):
        find_subject(load_rules(DEMO, demo_district()), "river-level", "river-02-level:level")
