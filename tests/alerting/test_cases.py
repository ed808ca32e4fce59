"""Until somebody answers: steps at their second, answers that end their own calling, restarts, closing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.cases import Answer, Case, Escalation, Step, advance, answer, code_of, due
from alerting.contacts import Contacts, EscalationSpec
from alerting.database import SCHEMA, prepare
from alerting.errors import BadLinkError, NobodyLeftError, NoSuchCaseError
from alerting.ledger import read_entries, verify
from alerting.links import keep_secret, link_token, read_token
from alerting.sitting import Sitting
from rules.transition import Level
from tests.alerting.offices import Office, open_office
from tests.alerting.samples import MINUTE_MS, NOON_MS, demo_contacts, transition

SECOND_MS = 1000
THREAD = "flood--river-01"


def chain() -> Contacts:
    """Red floods: the warden at once; after 5, 12 and 20 minutes the town's duty, the chief, duty again."""
    contacts = demo_contacts()
    steps = tuple(
        EscalationSpec(after=timedelta(minutes=minutes), to=(f"role:{role}",), via=("console",))
        for minutes, role in ((5, "duty"), (12, "chief"), (20, "duty"))
    )
    route = contacts.routes[1].model_copy(
        update={"levels": ("orange", "red"), "to": ("role:warden",), "escalate": steps}
    )
    return contacts.model_copy(update={"routes": (route,)})


def tick(office: Office, at_ms: int) -> list[str]:
    """Let event time reach ``at_ms``; whom that makes due."""
    office.now_ms = at_ms
    return [one.person for one in office.escalates().queued.values()]


def steps_of(office: Office) -> list[dict[str, Any]]:
    entries = read_entries(office.path)
    return [body for _, kind, _, body in entries if kind == "case" and body["what"] == "escalated"]


@contextmanager
def called_out(folder: Path) -> Iterator[Office]:
    """An office in which a red flood has been told to the warden."""
    with open_office(folder, chain()) as office:
        office.hears(transition(Level.RED))
        yield office


def test_a_chain_goes_on_at_the_second_also_over_a_restart(tmp_path: Path) -> None:
    with called_out(tmp_path) as office:
        assert [one.person for one in office.waiting] == ["wang-min"]
        assert tick(office, NOON_MS + 5 * MINUTE_MS - 1) == []
        assert tick(office, NOON_MS + 5 * MINUTE_MS) == ["district-duty", "qingshan-duty"]
        assert tick(office, NOON_MS + 6 * MINUTE_MS) == []
    with open_office(tmp_path, chain()) as office:
        assert office.docket.next_ms() == NOON_MS + 12 * MINUTE_MS
        assert tick(office, NOON_MS + 12 * MINUTE_MS - 1) == []
        assert tick(office, NOON_MS + 12 * MINUTE_MS) == ["zhou-jianguo"]
        assert tick(office, NOON_MS + 12 * MINUTE_MS) == []
    with open_office(
        tmp_path, chain()
    ) as office:  # down while the last step came due: it is taken late, once
        assert tick(office, NOON_MS + 25 * MINUTE_MS) == ["district-duty", "qingshan-duty"]
        assert tick(office, NOON_MS + 26 * MINUTE_MS) == []
        assert verify(office.path) is None


def test_a_step_that_tells_a_person_again_has_a_key_of_its_own(tmp_path: Path) -> None:
    with called_out(tmp_path) as office:
        keys = {one.key for one in office.waiting}
        for minute in (5, 12, 20):
            office.forget()
            tick(office, NOON_MS + minute * MINUTE_MS)
            keys |= {one.key for one in office.waiting}

    assert len(keys) == 6


def test_an_answer_ends_the_calling_and_a_second_one_is_kept(tmp_path: Path) -> None:
    with called_out(tmp_path) as office:
        (case,) = office.docket.cases.values()
        tick(office, NOON_MS + 5 * MINUTE_MS)
        assert office.answers("qingshan-duty", case.code, by="code") == ("xiaxi-1",)
        assert office.answers("wang-min", THREAD, by="console") == ()
    with open_office(tmp_path, chain()) as office:
        assert tick(office, NOON_MS + 60 * MINUTE_MS) == []
        (case,) = office.docket.cases.values()
        assert [(one.person, one.by) for one in case.answers] == [
            ("qingshan-duty", "code"),
            ("wang-min", "console"),
        ]


def test_whoever_was_not_told_ends_nothing_by_answering(tmp_path: Path) -> None:
    with called_out(tmp_path) as office:
        assert office.answers("zhou-jianguo", THREAD) == ()
        assert tick(office, NOON_MS + 5 * MINUTE_MS) == ["district-duty", "qingshan-duty"]


def test_an_answer_ends_only_its_own_calling(tmp_path: Path) -> None:
    with called_out(tmp_path) as office:
        office.hears(transition(Level.RED, hazard="rainstorm", site="rain-02", subject="rain-02-gauge:rain"))
        assert len({case.code for case in office.docket.cases.values()}) == 2
        office.answers("wang-min", THREAD)

        assert office.docket.next_ms() == NOON_MS + 5 * MINUTE_MS
        tick(office, NOON_MS + 5 * MINUTE_MS)
        assert {step["area"] for step in steps_of(office)} == {"yunling-1"}


def test_a_rise_starts_the_calling_anew(tmp_path: Path) -> None:
    with open_office(tmp_path, chain()) as office:
        office.hears(transition(Level.ORANGE))
        office.answers("wang-min", THREAD)
        assert office.docket.next_ms() is None
        office.now_ms += 3 * MINUTE_MS
        office.hears(transition(Level.RED, Level.ORANGE, minute=3))

        assert office.docket.next_ms() == NOON_MS + 8 * MINUTE_MS
        (case,) = office.docket.cases.values()
        assert [one.level for one in case.answers] == [Level.ORANGE]


def test_a_fall_calls_nobody_anew_and_the_all_clear_ends_the_calling(tmp_path: Path) -> None:
    with called_out(tmp_path) as office:
        office.answers("wang-min", THREAD)
        office.hears(transition(Level.ORANGE, Level.RED, minute=2))
        assert office.docket.next_ms() is None
        office.hears(transition(Level.RED, Level.ORANGE, minute=4))
        office.hears(transition(Level.NORMAL, Level.RED, minute=5))

        assert tick(office, NOON_MS + 60 * MINUTE_MS) == []
        (case,) = office.docket.cases.values()
        assert case.ended_ms == NOON_MS


def test_when_nobody_answers_the_ledger_says_whom_to_call(tmp_path: Path) -> None:
    with called_out(tmp_path) as office:
        tick(office, NOON_MS + 28 * MINUTE_MS)  # the last had eight minutes, as long as the one before

        said = [body for _, kind, _, body in read_entries(office.path) if kind == "case"]
    assert [one["what"] for one in said][-1] == "unanswered"
    assert said[-1]["call"] == "+8657112345678"


def test_a_case_stays_open_until_it_is_closed_and_is_reported_once_when_overdue(tmp_path: Path) -> None:
    day_ms = 24 * 60 * MINUTE_MS
    with called_out(tmp_path) as office:
        office.hears(transition(Level.NORMAL, Level.RED, minute=5))
        tick(office, NOON_MS + day_ms - 1)
        assert office.docket.counters()["overdue"] == 0
        tick(office, NOON_MS + day_ms)
        tick(office, NOON_MS + 2 * day_ms)
        assert office.docket.counters() == {"open_cases": 1, "unanswered": 0, "overdue": 1}
        office.closes("wang-min", THREAD, "banks checked, people back home")
        assert office.docket.cases == {}
        with pytest.raises(NoSuchCaseError):
            office.answers("wang-min", THREAD)
    with open_office(tmp_path, chain()) as office:
        assert office.docket.cases == {}
        said = [body for _, kind, _, body in read_entries(office.path) if kind == "case"]
    assert [one["what"] for one in said] == ["opened", "overdue", "closed"]
    assert (said[-1]["person"], said[-1]["done"]) == ("wang-min", "banks checked, people back home")


def test_a_new_episode_has_a_case_of_its_own_though_the_old_one_is_open(tmp_path: Path) -> None:
    with called_out(tmp_path) as office:
        office.hears(transition(Level.NORMAL, Level.RED, minute=5))
        office.hears(transition(Level.RED, minute=9))

        assert [case.episode for case in office.docket.cases.values()] == [1, 2]
        assert office.docket.next_ms() == NOON_MS + 5 * MINUTE_MS


def test_a_file_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    added = {"code", "turn", "held_ms", "handed_ms"}
    kept = [line for line in SCHEMA.splitlines() if not added & set(line.split())]
    old = "\n".join(kept).replace("DEFAULT 'queued',", "DEFAULT 'queued'")
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as connection:
        connection.executescript(old)
        assert not added & columns(connection)
        prepare(connection)
        assert added <= columns(connection)


def columns(connection: sqlite3.Connection) -> set[str]:
    return {row[1] for row in connection.execute("PRAGMA table_info(delivery)")}


def test_a_link_says_who_and_which_case_and_no_other_passes(tmp_path: Path) -> None:
    with called_out(tmp_path) as office:
        secret = keep_secret(office.connection)
        assert keep_secret(office.connection) == secret
        token = link_token(secret, f"{THREAD}.1", "wang-min")

        assert read_token(secret, token) == (f"{THREAD}.1", "wang-min")
        for wrong in (token.replace("wang-min", "liu-yang"), token[:-1], "", "~~", "a~b~c"):
            with pytest.raises(BadLinkError):
                read_token(secret, wrong)


@given(st.sets(st.integers(1000, 9999).map(str), max_size=50), st.text(max_size=10))
def test_a_code_is_four_digits_that_no_open_case_has(taken: set[str], name: str) -> None:
    code = code_of(name, taken)

    assert len(code) == 4
    assert code.isdecimal()
    assert code not in taken
    assert code_of(name, taken) == code


def test_however_many_cases_nobody_closes_there_is_a_code_for_the_next() -> None:
    code = code_of("flood--x.1", {str(number) for number in range(1000, 10_000)})

    assert len(code) == 5


moments = st.lists(st.integers(1, 10_000), min_size=1, max_size=4, unique=True).map(sorted)


@given(
    chains=st.lists(moments, min_size=1, max_size=3),
    ticks=st.lists(st.integers(0, 12_000), max_size=20).map(sorted),
)
def test_every_step_is_taken_once_and_none_before_its_time(chains: list[list[int]], ticks: list[int]) -> None:
    case = Case(
        thread="t",
        episode=1,
        code="1000",
        level=Level.RED,
        opened_ms=0,
        escalations=tuple(
            Escalation(area=f"a{n}", people=(f"p{n}",), steps=tuple(Step(due_ms=at) for at in chain_))
            for n, chain_ in enumerate(chains)
        ),
    )
    taken: list[tuple[int, int]] = []
    for now in ticks:
        for one in due(case, now):
            assert one.step.due_ms <= now
            taken.append((one.index, one.step.due_ms))
            case = advance(case, one, ("q",))

    last = ticks[-1] if ticks else 0
    assert sorted(taken) == sorted((n, at) for n, chain_ in enumerate(chains) for at in chain_ if at <= last)


@given(st.integers(0, 2))
def test_an_answer_ends_what_the_answerer_was_told_and_nothing_else(who: int) -> None:
    case = Case(
        thread="t",
        episode=1,
        code="1000",
        level=Level.RED,
        opened_ms=0,
        escalations=tuple(
            Escalation(area=f"a{n}", people=(f"p{n}",), steps=(Step(due_ms=9),)) for n in range(3)
        ),
    )

    after, areas = answer(case, Answer(person=f"p{who}", at_ms=1, by="code", level=Level.RED))

    assert areas == (f"a{who}",)
    assert [bool(one.steps) for one in after.escalations] == [n != who for n in range(3)]
    assert not after.answered


def test_a_comment_is_recorded_and_ends_no_calling(tmp_path: Path) -> None:
    with called_out(tmp_path) as office:
        before = dict(office.docket.cases)
        with office.connection:
            sitting = Sitting(connection=office.connection, now_ms=office.now_ms)
            office.docket.comment(sitting, THREAD, person="wang-min", note="seen", request="r")

        noted = [body for _, kind, _, body in read_entries(office.path) if kind == "case"][-1]
        assert (noted["what"], noted["person"], noted["note"]) == ("noted", "wang-min", "seen")
        assert not sitting.cases
        assert dict(office.docket.cases) == before


def test_whoever_is_next_is_told_at_once_when_somebody_asks(tmp_path: Path) -> None:
    def hurry(office: Office) -> set[str]:
        with office.connection:
            sitting = Sitting(connection=office.connection, now_ms=office.now_ms)
            office.docket.escalate_now(sitting, THREAD, office.desk.threads, person="wang-min", request="r")
        office.desk.adopt(sitting)
        return {one.person for one in sitting.queued.values()}

    with called_out(tmp_path) as office:
        assert "qingshan-duty" in hurry(office)
        assert hurry(office) == {"zhou-jianguo"}
        assert tick(office, NOON_MS + 12 * MINUTE_MS) == []  # their time comes to nothing more
        hurry(office)
        hurry(office)  # the last resort
        with pytest.raises(NobodyLeftError):
            hurry(office)
