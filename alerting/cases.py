"""Cases: one episode until somebody has answered and the case is closed. Pure: values in, values out.

Each affected area needs its own answer, from somebody who was told of it: so each area has escalations of its
own, one a route, and an answer ends those whose people the answerer is among.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Literal

import msgspec

from rules.transition import Level

CaseState = Literal["calling", "unanswered", "answered", "over", "overdue"]

_FEWEST_DIGITS = 4
_MOST_DIGITS = 9
_TRIES = 100  # of codes of one length


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Who is next, by what, and when; without roles it is the last resort."""

    due_ms: int  # event time
    roles: tuple[str, ...] = ()
    via: tuple[str, ...] = ()


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """What goes on for one area and one route until somebody answers."""

    area: str
    people: tuple[str, ...]  # who has been told so far
    steps: tuple[Step, ...]  # what is yet to come, soonest first
    turn: int = 0  # steps taken: a message that goes again to the same person has a key of its own


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is awake and on it."""

    person: str
    at_ms: int
    by: str  # code, link, keypress, console
    level: Level  # of the case when they answered
    note: str = ""


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, and by whom."""

    person: str
    at_ms: int
    done: str


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of a thread, from its first message until it is closed."""

    thread: str
    episode: int
    code: str  # by which replies name it; unique among open cases
    level: Level
    opened_ms: int
    areas: tuple[str, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    answers: tuple[Answer, ...] = ()
    ended_ms: int | None = None  # when the danger was over
    overdue: bool = False  # has been reported as such
    closing: Closing | None = None

    @property
    def name(self) -> str:
        """Unique for good."""
        return f"{self.thread}.{self.episode}"

    @property
    def due_ms(self) -> int | None:
        """When its next step is due; none if nothing is left to do."""
        return min((one.steps[0].due_ms for one in self.escalations if one.steps), default=None)

    @property
    def answered(self) -> bool:
        """Whether somebody answered and nobody is called any more."""
        return bool(self.answers) and self.due_ms is None

    @property
    def state(self) -> CaseState:
        """What it waits for."""
        if self.overdue:
            return "overdue"
        if self.ended_ms is not None:
            return "over"
        if self.answered:
            return "answered"
        return "unanswered" if self.due_ms is None else "calling"


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A step whose time has come."""

    index: int  # of its escalation
    turn: int
    area: str
    step: Step


def code_of(name: str, taken: Iterable[str]) -> str:
    """A code for a case that no open case has; the same for the same case, so that a restart changes none.

    Four digits, and one more each time that nearly all shorter ones are taken: a warning must never fail
    because nobody closes cases.
    """
    used = set(taken)
    digest = int.from_bytes(sha256(name.encode()).digest()[:8])
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS + 1):
        lowest = 10 ** (digits - 1)  # no leading nought: people would leave it out
        number = digest % (9 * lowest)
        for offset in range(_TRIES):
            code = str(lowest + (number + offset) % (9 * lowest))
            if code not in used:
                return code
    return str(digest)


def begin(case: Case, escalations: Iterable[Escalation]) -> Case:
    """Start calling anew: a level was reached that nobody has answered yet."""
    return msgspec.structs.replace(case, escalations=tuple(escalations))


def widen(case: Case, escalations: Iterable[Escalation]) -> Case:
    """Start calling for areas that were not affected before."""
    new = tuple(one for one in escalations if one.area not in case.areas)
    return msgspec.structs.replace(case, escalations=(*case.escalations, *new))


def due(case: Case, now_ms: int) -> list[Due]:
    """The steps whose time has come, soonest first."""
    found = [
        Due(index=index, turn=one.turn + number + 1, area=one.area, step=step)
        for index, one in enumerate(case.escalations)
        for number, step in enumerate(one.steps)
        if step.due_ms <= now_ms
    ]
    return sorted(found, key=lambda one: (one.step.due_ms, one.index, one.turn))


def advance(case: Case, taken: Due, people: Iterable[str]) -> Case:
    """Note that a step was taken, and whom it told."""
    one = case.escalations[taken.index]
    after = msgspec.structs.replace(
        one,
        people=tuple(dict.fromkeys([*one.people, *people])),
        steps=one.steps[1:],
        turn=taken.turn,
    )
    escalations = (*case.escalations[: taken.index], after, *case.escalations[taken.index + 1 :])
    return msgspec.structs.replace(case, escalations=escalations)


def answer(case: Case, given: Answer) -> tuple[Case, tuple[str, ...]]:
    """Keep an answer; say for which areas it ends the calling."""
    ended = [one for one in case.escalations if one.steps and given.person in one.people]
    after = tuple(
        msgspec.structs.replace(one, steps=()) if given.person in one.people else one
        for one in case.escalations
    )
    areas = tuple(sorted({one.area for one in ended}))
    return msgspec.structs.replace(case, escalations=after, answers=(*case.answers, given)), areas


def end(case: Case, now_ms: int) -> Case:
    """The danger is over: nobody is called any more; the case stays open until it is closed."""
    quiet = tuple(msgspec.structs.replace(one, steps=()) for one in case.escalations)
    return msgspec.structs.replace(case, escalations=quiet, ended_ms=now_ms, level=Level.NORMAL)


def close(case: Case, closing: Closing) -> Case:
    """Close it; nobody is called any more."""
    quiet = tuple(msgspec.structs.replace(one, steps=()) for one in case.escalations)
    return msgspec.structs.replace(case, escalations=quiet, closing=closing)
