"""contacts.yaml: what is wrong is said at its place, in both languages, all of it at once."""

import shutil
from pathlib import Path

import pytest

from alerting.contacts import Contacts
from alerting.load import CheckedContacts, check_contacts, load_contacts
from district.findings import Finding, InvalidFileError
from district.load import check_district
from rules.load import check_rules
from tests.alerting.samples import DEMO, demo_district

FILES = ("devices.yaml", "areas.geojson", "rules.yaml", "contacts.yaml")


def check(folder: Path, **changes: str) -> CheckedContacts:
    """Check the demo's contacts after the changes, each of them ``before`` to ``after``."""
    for name in FILES:
        shutil.copy(DEMO / name, folder)
    path = folder / "contacts.yaml"
    text = path.read_text(encoding="utf-8")
    for before, after in changes.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")
    checked = check_district(folder)
    return check_contacts(folder, checked, check_rules(folder, checked).rulebook)


def only(checked: CheckedContacts) -> Finding:
    (finding,) = checked.findings
    assert checked.contacts is None
    return finding


def test_the_demo_has_no_findings(tmp_path: Path) -> None:
    checked = check(tmp_path)

    assert checked.findings == []
    assert isinstance(checked.contacts, Contacts)
    assert load_contacts(tmp_path, demo_district()) == checked.contacts


def test_several_mistakes_are_found_at_once_beside_one_of_the_schema(tmp_path: Path) -> None:
    checked = check(
        tmp_path,
        **{
            "area: xiaxi-2": "area: xiaxi-22",
            "to: [role:warden, role:keeper]": "to: [role:wardne, role:keeper]",
            'last_resort: {telephone: "+8657112345678"}': "last_resort: {telephone: 57112345678}",
        },
    )

    assert {finding.code for finding in checked.findings} == {
        "unknown-area",
        "unknown-role",
        "impossible-value",
    }
    for finding in checked.findings:
        assert finding.what.en
        assert finding.what.zh
        assert finding.remedy.en != finding.remedy.zh


@pytest.mark.parametrize(
    ("before", "after", "suggestion"),
    [
        ("area: xiaxi-2", "area: xiaxi-22", "xiaxi-2"),
        ("to: [role:warden, role:keeper]", "to: [role:wardne, role:keeper]", "role:warden"),
        ("hazards: [flood, rainstorm]", "hazards: [flod, rainstorm]", "flood"),
        ("last_resort:", "last_ressort:", "last_resort"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_one_that_was_meant(
    tmp_path: Path, before: str, after: str, suggestion: str
) -> None:
    checked = check(tmp_path, **{before: after})

    assert suggestion in {finding.suggestion for finding in checked.findings}


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("{role: duty, area: linjiang}", "{role: chief, area: linjiang}", "nobody-on-duty"),
        ("  duty: {zh: 值班室", "  dutty: {zh: 值班室", "missing-duty"),
        ("id: wang-min", "id: liu-yang", "duplicate-id"),
        (
            "to: [role:chief], via: [console]",
            "to: [role:chief], via: [console, webhook]",
            "channel-not-set-up",
        ),
        ("to: [role:operator, role:warden]", "to: [role:keeper]", "reaches-nobody"),
        ("[blue, yellow, orange, red], to: [role:duty]", "[orange, red], to: [role:duty]", "reaches-nobody"),
    ],
)
def test_what_shows_only_between_blocks_is_found(tmp_path: Path, before: str, after: str, code: str) -> None:
    assert code in {finding.code for finding in check(tmp_path, **{before: after}).findings}


def test_a_person_whom_no_channel_of_a_route_reaches_is_found(tmp_path: Path) -> None:
    before = "area: xiaxi-1}]\n    channels: {console: true}"
    finding = only(check(tmp_path, **{before: before.replace("console: true", "email: wang@x.example")}))

    assert finding.code == "no-channel"
    assert "wang-min" in finding.what.en


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("duty@qingshan.example", "duty-qingshan.example"),
        ("id: warning@linjiang.example", "id: warning, linjiang"),
        ('"+8657112345678"', '"0571 12345678"'),
        ("to: [role:chief]", "to: [chief]"),
    ],
)
def test_what_can_mean_nothing_is_refused(tmp_path: Path, before: str, after: str) -> None:
    assert only(check(tmp_path, **{before: after})).code == "impossible-value"


def test_loading_what_has_mistakes_names_file_line_and_column(tmp_path: Path) -> None:
    check(tmp_path, **{"area: xiaxi-2": "area: xiaxi-22"})

    with pytest.raises(InvalidFileError, match=r"contacts\.yaml:\d+:\d+: people\.6\.roles\.0\.area"):
        load_contacts(tmp_path, demo_district())


def test_without_an_inventory_names_are_still_checked(tmp_path: Path) -> None:
    check(tmp_path, **{"area: xiaxi-2": "area: xiaxi-22"})
    devices = tmp_path / "devices.yaml"
    devices.write_text(devices.read_text(encoding="utf-8").replace("bus: dam-485", "bus: dam-48", 1), "utf-8")
    checked = check_district(tmp_path)
    assert checked.district is None

    assert only(check_contacts(tmp_path, checked)).code == "unknown-area"


ESCALATED = "to: [role:chief], via: [console], escalate: [{after: 5m, to: [role:duty], via: [console]}%s]}"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (", {after: 5m, to: [role:chief], via: [console]}", "impossible-value"),
        (", {after: 0s, to: [role:chief], via: [console]}", "impossible-value"),
        (", {after: 9m, to: [role:cheif], via: [console]}", "unknown-role"),
        (", {after: 9m, to: [role:chief], via: [webhook]}", "channel-not-set-up"),
        (", {after: 9m, to: [role:warden], via: [email]}", "no-channel"),
    ],
)
def test_a_step_that_cannot_help_is_found(tmp_path: Path, more: str, code: str) -> None:
    words = "smtp: {host: mail.example, from: a@b.example}\n\nlast_resort:"
    changes = {"to: [role:chief], via: [console]}": ESCALATED % more, "last_resort:": words}

    assert {finding.code for finding in check(tmp_path, **changes).findings} == {code}


def test_steps_that_rise_are_taken(tmp_path: Path) -> None:
    more = ", {after: 15m, to: [role:chief], via: [console]}"

    checked = check(tmp_path, **{"to: [role:chief], via: [console]}": ESCALATED % more})

    assert checked.findings == []
    assert checked.contacts is not None
    assert len(checked.contacts.routes[3].escalate) == 2
