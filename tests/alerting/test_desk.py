"""The desk: each transition once, told to the right people, in messages that are right by the standard."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.channels.channel import ReceiptState
from alerting.delivery import finish
from alerting.ledger import verify
from rules.transition import Cause, Level
from tests.alerting.oasis import Judge, moment, references, text
from tests.alerting.offices import Office, open_office
from tests.alerting.samples import MINUTE_MS, announce, demo_contacts, transition

DUTY = {"district-duty", "qingshan-duty"}


@pytest.fixture(scope="module")
def judge(shared_data: Path) -> Judge:
    return Judge(shared_data)


def send_all(office: Office) -> None:
    with office.connection:
        for delivery in office.waiting:
            finish(office.connection, delivery, ReceiptState.DELIVERED, "", now_ms=office.now_ms)


def test_orange_goes_to_duty_warden_and_chief_and_to_no_neighbour(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.ORANGE))

        (warning,) = office.warnings
    assert set(warning.recipients) == DUTY | {"wang-min", "zhou-jianguo"}
    assert (warning.msg_type, warning.level, warning.thread) == ("Alert", "orange", "flood--river-01")
    assert warning.triggers == ((transition(Level.ORANGE).key, transition(Level.ORANGE).at_ms),)


def test_a_transition_that_comes_again_changes_nothing(tmp_path: Path) -> None:
    first = announce(transition(Level.ORANGE))
    again = announce(transition(Level.ORANGE), seq=7, epoch="e2")
    standing = announce(transition(Level.ORANGE), seq=0, standing=True)
    with open_office(tmp_path) as office:
        office.takes(first, first)
        for repeat in (first, again, standing):
            sitting = office.takes(repeat)
            assert (sitting.messages, sitting.queued, sitting.threads) == ([], {}, {})

        assert len(office.warnings) == 1


def test_a_restart_goes_on_where_the_last_run_ended(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.ORANGE))
        waiting = office.waiting
    with open_office(tmp_path) as office:
        assert office.waiting == waiting
        office.hears(transition(Level.ORANGE))
        office.hears(transition(Level.NORMAL, Level.ORANGE, minute=5))

        assert [one.msg_type for one in office.warnings] == ["Alert", "Update"]


def test_whoever_was_told_of_the_height_hears_of_the_fall_and_of_the_end(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.RED))
        office.hears(transition(Level.BLUE, Level.RED, minute=5))
        office.hears(transition(Level.NORMAL, Level.BLUE, minute=10))

        alert, update, clear = office.warnings
    assert set(alert.recipients) == set(update.recipients) == set(clear.recipients)
    assert clear.kind == "all-clear"


def test_an_area_without_a_holder_widens_to_duty_and_the_ledger_says_so(tmp_path: Path) -> None:
    contacts = demo_contacts()
    wardens_only = contacts.routes[1].model_copy(update={"to": ("role:operator",)})
    lonely = contacts.model_copy(update={"routes": (wardens_only,)})
    with open_office(tmp_path, lonely) as office:
        office.hears(transition(Level.RED))

        (warning,) = office.warnings
    assert warning.widened == ("xiaxi-1",)
    assert warning.recipients == ("qingshan-duty",)


def test_a_site_that_nobody_drew_is_told_to_the_district(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.RED, site="river-99", subject="river-99-level:level"))

        (warning,) = office.warnings
    assert "district-duty" in warning.recipients
    assert warning.thread == "flood--river-99"


def test_a_late_peak_is_told_to_duty_alone(tmp_path: Path, judge: Judge) -> None:
    with open_office(tmp_path) as office:
        office.hears(
            transition(Level.RED, superseded=True),
            transition(Level.YELLOW, minute=10, cause=Cause.LATE),
        )

        alert, supplement = office.warnings
    assert supplement.kind == "supplement"
    assert set(supplement.recipients) < set(alert.recipients)
    root = judge.check(supplement.cap_xml.encode())
    assert text(root, "scope") == "Restricted"
    assert "补报" in supplement.cap_xml


def test_a_changed_limit_shows_on_dutys_console_alone(tmp_path: Path, judge: Judge) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.ORANGE, cause=Cause.LIMITS))

        assert {delivery.via for delivery in office.waiting} == {("console",)}
        (notice,) = office.warnings
    assert set(notice.recipients) == DUTY
    judge.check(notice.cap_xml.encode())


def test_an_uncertain_reading_says_that_it_is_to_be_verified(tmp_path: Path, judge: Judge) -> None:
    with open_office(tmp_path) as office:
        office.now_ms = transition(Level.RED).at_ms + 7 * MINUTE_MS
        office.hears(transition(Level.RED, uncertain=True))

        (warning,) = office.warnings
    judge.check(warning.cap_xml.encode())
    assert "待核实" in warning.cap_xml
    assert "<certainty>Possible</certainty>" in warning.cap_xml
    assert "该读数存疑，待核实。" in warning.cap_xml
    assert "The reading is uncertain and yet to be verified." in warning.cap_xml


def test_a_newer_message_replaces_the_unsent_older_one(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.YELLOW))
        office.hears(transition(Level.ORANGE, Level.YELLOW, minute=5))

        assert {delivery.level for delivery in office.waiting} == {Level.ORANGE}
        first, second = office.warnings
    assert {receipt.state for receipt in first.receipts} == {"replaced"}
    assert set(second.recipients) > set(first.recipients)


def test_an_unsent_red_is_never_replaced_by_less(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.RED))
        office.hears(transition(Level.ORANGE, Level.RED, minute=5))
        office.hears(transition(Level.NORMAL, Level.ORANGE, minute=10))

        waiting = [delivery.level for delivery in office.waiting if delivery.person == "wang-min"]
    assert waiting == [Level.RED, Level.NORMAL]


def test_a_fall_is_told_once_when_the_height_had_been_heard_of(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.RED))
        send_all(office)
        office.hears(transition(Level.ORANGE, Level.RED, minute=5))
        office.hears(transition(Level.YELLOW, Level.ORANGE, minute=10))

        waiting = [delivery.level for delivery in office.waiting if delivery.person == "wang-min"]
    assert waiting == [Level.YELLOW]


def test_what_is_being_sent_is_not_replaced(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        sitting = office.hears(transition(Level.YELLOW))
        flying = frozenset(sitting.queued)
        office.hears(transition(Level.ORANGE, Level.YELLOW, minute=5), in_flight=flying)

        assert flying < {delivery.id for delivery in office.waiting}


def test_messages_of_one_second_have_identifiers_of_their_own(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        for minute in range(12):
            level = Level.RED if minute % 2 == 0 else Level.ORANGE
            office.hears(transition(level, minute=minute))

        identifiers = [warning.identifier for warning in office.warnings]
    assert len(set(identifiers)) == 12
    assert identifiers[-1] == "33019911000100_20180603122640_12"


def test_a_clock_set_back_postdates_no_reference(tmp_path: Path, judge: Judge) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.YELLOW))
        office.now_ms -= 3_600_000
        office.hears(transition(Level.RED, Level.YELLOW, minute=5))

        for warning in office.warnings:
            judge.check(warning.cap_xml.encode())


steps = st.tuples(
    st.sampled_from(["river-level", "river-rise", "gauge-2"]),
    st.sampled_from(list(Level)),
    st.integers(0, 40 * 60),  # minutes of event time that pass: messages expire after a day
    st.sampled_from(list(Cause)),
    st.booleans(),
    st.booleans(),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(steps, max_size=15))
def test_every_message_is_right_and_refers_to_every_unexpired_one_before_it(
    tmp_path_factory: pytest.TempPathFactory,
    judge: Judge,
    changes: list[tuple[str, Level, int, Cause, bool, bool]],
) -> None:
    folder = tmp_path_factory.mktemp("office")
    with open_office(folder) as office:
        minute = 0
        for rule, level, passed, cause, uncertain, blind in changes:
            minute += passed
            office.now_ms += passed * MINUTE_MS
            office.hears(
                transition(level, minute=minute, rule=rule, cause=cause, uncertain=uncertain, blind=blind)
            )
        warnings = office.warnings

    assert verify(folder / "alerting.sqlite") is None
    story: list[tuple[tuple[str, str, str], datetime]] = []
    for warning in warnings:
        root = judge.check(warning.cap_xml.encode())
        sent = moment(text(root, "sent"))
        if warning.kind in ("notice", "supplement"):
            assert text(root, "scope") == "Restricted"
            continue
        if warning.msg_type == "Update":
            unexpired = [one for one, expires in story if expires > sent] or [story[-1][0]]
            assert references(root) == unexpired
        expires = moment(root.findtext("{*}info/{*}expires"))
        story.append(((text(root, "sender"), warning.identifier, text(root, "sent")), expires))
        assert warning.recipients
        response = root.findtext("{*}info/{*}responseType")
        assert (response == "AllClear") == (warning.kind == "all-clear") == (warning.level == "normal")


@pytest.mark.parametrize(
    "hazard",
    ["flood", "rainstorm", "gas", "pipeline", "air", "dust", "noise", "crane", "equipment", "landslide"],
)
@pytest.mark.parametrize("level", list(Level)[1:])
def test_every_hazard_has_words_at_every_level(
    tmp_path: Path, judge: Judge, hazard: str, level: Level
) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(level, hazard=hazard))
        office.hears(transition(Level.NORMAL, level, hazard=hazard, minute=5))

        for warning in office.warnings:
            judge.check(warning.cap_xml.encode())
