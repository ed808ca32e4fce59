"""What is told again, and what is not: renewals, and stories that are put aside for a while."""

from pathlib import Path

import pytest

from alerting.errors import NoSuchThreadError, RedError
from alerting.ledger import read_entries, verify
from rules.transition import Level
from tests.alerting.oasis import Judge, references
from tests.alerting.offices import Office, open_office
from tests.alerting.samples import MINUTE_MS, NOON_MS, transition
from tests.alerting.test_cases import chain

THREAD = "flood--river-01"
HOUR_MS = 60 * MINUTE_MS


def at(office: Office, at_ms: int) -> list[str]:
    """Let event time reach ``at_ms``; who is told anew."""
    office.now_ms = at_ms
    return sorted(one.person for one in office.refreshes().queued.values())


def test_a_warning_is_renewed_before_it_expires_while_the_danger_lasts(
    tmp_path: Path, shared_data: Path
) -> None:
    judge = Judge(shared_data)
    with open_office(tmp_path) as office:
        office.hears(transition(Level.ORANGE))
        due_ms = office.desk.next_ms()
        assert due_ms is not None
        assert NOON_MS < due_ms < NOON_MS + 24 * HOUR_MS
        assert at(office, due_ms - 1) == []
        assert "wang-min" in at(office, due_ms)
        assert at(office, due_ms + 1) == []

        alert, renewed = office.warnings
        root = judge.check(renewed.cap_xml.encode())
        assert [one[1] for one in references(root)] == [alert.identifier]
        assert (renewed.msg_type, renewed.level) == ("Update", "orange")
    with open_office(tmp_path) as office:
        office.hears(transition(Level.NORMAL, Level.ORANGE, minute=5))
        assert office.desk.next_ms() is None


def test_a_renewal_calls_nobody_anew(tmp_path: Path) -> None:
    with open_office(tmp_path, chain()) as office:
        office.hears(transition(Level.RED))
        office.answers("wang-min", THREAD)
        at(office, NOON_MS + 23 * HOUR_MS)

        assert len(office.warnings) == 2
        assert office.docket.next_ms() is None


def test_a_story_put_aside_is_issued_and_recorded_but_told_to_nobody(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.YELLOW))
        office.forget()
        office.shelves(THREAD, minutes=30)
        office.now_ms += MINUTE_MS
        office.hears(transition(Level.ORANGE, Level.YELLOW, minute=1))

        assert office.waiting == []
        assert len(office.warnings) == 2
        said = [body for _, kind, _, body in read_entries(office.path) if kind == "shelf"]
        assert [one["what"] for one in said] == ["shelved", "kept back"]
        assert "wang-min" in said[1]["people"]
        assert said[1]["reason"] == "gauge in repair"
        assert verify(office.path) is None


def test_red_goes_though_its_story_is_put_aside_and_is_never_put_aside_itself(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.YELLOW))
        office.forget()
        office.shelves(THREAD, minutes=30)
        office.hears(transition(Level.RED, Level.YELLOW, minute=1))

        assert {one.level for one in office.waiting} == {Level.RED}
        with pytest.raises(RedError):
            office.shelves(THREAD, minutes=30)
        with pytest.raises(NoSuchThreadError):
            office.shelves("flood--nowhere", minutes=30)


def test_when_a_shelf_is_over_people_hear_how_it_stands_and_calling_begins(tmp_path: Path) -> None:
    with open_office(tmp_path, chain()) as office:
        office.hears(transition(Level.YELLOW))
        office.shelves(THREAD, minutes=30)
        office.hears(transition(Level.ORANGE, Level.YELLOW, minute=1))
        assert office.docket.next_ms() is None
    with open_office(tmp_path, chain()) as office:  # a restart forgets no shelf
        assert at(office, NOON_MS + 30 * MINUTE_MS - 1) == []
        assert "wang-min" in at(office, NOON_MS + 30 * MINUTE_MS)
        assert at(office, NOON_MS + 31 * MINUTE_MS) == []
        assert office.docket.next_ms() == NOON_MS + 35 * MINUTE_MS


def test_a_story_can_be_taken_down_before_its_time(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.ORANGE))
        office.forget()
        office.shelves(THREAD, minutes=30)

        assert office.takes_down(THREAD).queued
        with pytest.raises(NoSuchThreadError):
            office.takes_down(THREAD)


def test_the_end_of_a_danger_is_told_though_its_story_is_put_aside(tmp_path: Path) -> None:
    with open_office(tmp_path) as office:
        office.hears(transition(Level.YELLOW))
        office.forget()
        office.shelves(THREAD, minutes=30)
        office.hears(transition(Level.NORMAL, Level.YELLOW, minute=1))

        assert "wang-min" in {one.person for one in office.waiting}
        assert at(office, NOON_MS + 30 * MINUTE_MS) == []
