"""The docket: open cases, whom they call next, and what people answer."""

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import timedelta

import msgspec
import structlog

from alerting import cases
from alerting.cases import Answer, Case, Closing, Due, Escalation, Step
from alerting.contacts import EscalationSpec
from alerting.delivery import Story, enqueue
from alerting.errors import NobodyLeftError, NoSuchCaseError
from alerting.ledger import Kind, append
from alerting.sitting import Sitting
from alerting.targeting import Directory, Plan, Targets
from alerting.threads import MessageKind, Telling, Thread
from rules.transition import Level

log = structlog.get_logger(__name__)


class Docket:
    """Holds the open cases; every change of them is a transaction first."""

    def __init__(
        self, directory: Directory, opened: Mapping[str, Case], *, last_resort: str, close_within: timedelta
    ) -> None:
        self._directory = directory
        self._cases = dict(opened)
        self._last_resort = last_resort
        self._close_within_ms = round(close_within.total_seconds() * 1000)

    @property
    def cases(self) -> Mapping[str, Case]:
        """Every open case by name, as committed."""
        return self._cases

    def adopt(self, changed: Mapping[str, Case]) -> None:
        """Go on from what has been committed; what is closed is the ledger's alone."""
        for name, case in changed.items():
            if case.closing is None:
                self._cases[name] = case
            else:
                self._cases.pop(name, None)

    def next_ms(self) -> int | None:
        """When something is due next: a step, or a report that a case is overdue."""
        moments = [case.due_ms for case in self._cases.values()]
        moments += [self._overdue_ms(case) for case in self._cases.values() if not case.overdue]
        return min((one for one in moments if one is not None), default=None)

    def counters(self) -> Mapping[str, float]:
        """How many cases are open, how many of them unanswered or overdue."""
        opened = self._cases.values()
        return {
            "open_cases": len(opened),
            "unanswered": sum(one.ended_ms is None and not one.answered for one in opened),
            "overdue": sum(one.overdue for one in opened),
        }

    def lanes_due(self, now_ms: int) -> frozenset[str]:
        """The lanes in which something is due."""
        return frozenset(
            case.thread for case in self._cases.values() if case.due_ms is not None and case.due_ms <= now_ms
        )

    def follow(self, sitting: Sitting, thread: Thread, telling: Telling, areas: tuple[str, ...]) -> Case:
        """Open, raise, widen or end the case of a message of a story that is about to be issued."""
        known = self._find(sitting, f"{thread.name}.{thread.episode}")
        now_ms = sitting.now_ms
        if known is None:
            name = f"{thread.name}.{thread.episode}"
            taken = {one.code for one in {**self._cases, **sitting.cases}.values() if one.closing is None}
            known = Case(
                thread=thread.name,
                episode=thread.episode,
                code=cases.code_of(name, taken),
                level=Level.NORMAL,
                opened_ms=now_ms,
            )
            self._record(sitting, known, "opened", code=known.code)
        if telling.kind is MessageKind.ALL_CLEAR:
            after = cases.end(known, now_ms)
        else:
            plans = self._directory.plans(thread.hazard, telling.level, areas)
            escalations = [_escalation(plan, now_ms) for plan in plans]
            change = cases.begin if telling.level > telling.before else cases.widen
            after = change(known, escalations)
            merged = tuple(sorted({*known.areas, *areas}))
            after = msgspec.structs.replace(after, level=telling.level, areas=merged)
        self._keep(sitting, after)
        return after

    def escalate(self, sitting: Sitting, threads: Mapping[str, Thread]) -> Sitting:
        """Take every step that is due, and report what is overdue."""
        for case in list(self._cases.values()):
            for step in cases.due(case, sitting.now_ms):
                case = self._take(sitting, case, step, threads[case.thread])  # noqa: PLW2901  (it grows)
            overdue_ms = self._overdue_ms(case)
            if not case.overdue and overdue_ms is not None and overdue_ms <= sitting.now_ms:
                case = msgspec.structs.replace(case, overdue=True)  # noqa: PLW2901
                self._record(sitting, case, "overdue", since_ms=overdue_ms)
                self._keep(sitting, case)
                log.warning("case-overdue", case=case.name)
        return sitting

    def answer(
        self, sitting: Sitting, ref: str, given: Answer, *, request: str
    ) -> tuple[Case, tuple[str, ...]]:
        """Keep somebody's answer to a case; say for which areas it ends the calling.

        Raises:
            NoSuchCaseError: No open case has that code or name.
        """
        case = self.find(sitting, ref)
        given = msgspec.structs.replace(given, level=case.level)
        after, areas = cases.answer(case, given)
        self._record(
            sitting,
            case,
            "answered",
            person=given.person,
            by=given.by,
            note=given.note,
            ends_calling_for=areas,
            request=request,
        )
        self._keep(sitting, after)
        return after, areas

    def comment(self, sitting: Sitting, ref: str, *, person: str, note: str, request: str) -> Case:
        """Add to the record of a case.

        Raises:
            NoSuchCaseError: No open case has that code or name.
        """
        case = self.find(sitting, ref)
        self._record(sitting, case, "noted", person=person, note=note, request=request)
        return case

    def escalate_now(
        self, sitting: Sitting, ref: str, threads: Mapping[str, Thread], *, person: str, request: str
    ) -> Case:
        """Tell whoever is next in each area where somebody is still called, before their time.

        Raises:
            NoSuchCaseError: No open case has that code or name.
            NobodyLeftError: Nobody is next.
        """
        case = self.find(sitting, ref)
        waiting = [(index, one) for index, one in enumerate(case.escalations) if one.steps]
        if not waiting:
            raise NobodyLeftError
        self._record(sitting, case, "hurried", person=person, request=request)
        for index, one in waiting:
            taken = Due(index=index, turn=one.turn + 1, area=one.area, step=one.steps[0])
            case = self._take(sitting, case, taken, threads[case.thread])
        return case

    def close(self, sitting: Sitting, ref: str, closing: Closing, *, request: str) -> Case:
        """Close a case.

        Raises:
            NoSuchCaseError: No open case has that code or name.
        """
        after = cases.close(self.find(sitting, ref), closing)
        self._record(sitting, after, "closed", person=closing.person, done=closing.done, request=request)
        self._keep(sitting, after)
        return after

    def find(self, sitting: Sitting, ref: str) -> Case:
        """The open case with a code, or a name, or the newest of a thread.

        Raises:
            NoSuchCaseError: There is none.
        """
        opened = [one for one in {**self._cases, **sitting.cases}.values() if one.closing is None]
        found = [one for one in opened if ref in (one.code, one.name)]
        found = found or sorted((one for one in opened if one.thread == ref), key=lambda one: one.episode)
        if not found:
            raise NoSuchCaseError(ref)
        return found[-1]

    def _take(self, sitting: Sitting, case: Case, taken: Due, thread: Thread) -> Case:
        step = taken.step
        if not step.roles:
            log.error("nobody-answers", case=case.name, area=taken.area, call=self._last_resort)
            self._record(sitting, case, "unanswered", area=taken.area, call=self._last_resort)
            after = cases.advance(case, taken, ())
            self._keep(sitting, after)
            return after
        targets = self._directory.step_targets(taken.area, step.roles, step.via)
        story = Story(
            identifier=thread.issued[-1].identifier,
            lane=thread.name,
            episode=case.episode,
            level=case.level,
            code=case.code,
            turn=taken.turn,
        )
        sitting.queue(
            *enqueue(
                sitting.connection,
                story,
                targets.people,
                now_ms=sitting.now_ms,
                in_flight=sitting.in_flight,
            )
        )
        self._record_step(sitting, case, taken, targets, story.identifier)
        after = cases.advance(case, taken, (one.person for one in targets.people))
        self._keep(sitting, after)
        return after

    def _record_step(
        self, sitting: Sitting, case: Case, taken: Due, targets: Targets, identifier: str
    ) -> None:
        self._record(
            sitting,
            case,
            "escalated",
            area=taken.area,
            turn=taken.turn,
            due_ms=taken.step.due_ms,
            warning=identifier,
            widened=targets.widened,
            recipients=[
                {"person": one.person, "role": one.role, "area": one.area, "via": one.via}
                for one in targets.people
            ],
        )

    def _find(self, sitting: Sitting, name: str) -> Case | None:
        case = sitting.cases.get(name) or self._cases.get(name)
        return case if case is not None and case.closing is None else None

    def _overdue_ms(self, case: Case) -> int | None:
        return case.ended_ms + self._close_within_ms if case.ended_ms is not None else None

    @staticmethod
    def _record(sitting: Sitting, case: Case, what: str, **facts: object) -> None:
        body = {"what": what, "level": case.level.word, **facts}
        append(sitting.connection, at_ms=sitting.now_ms, kind=Kind.CASE, name=case.name, body=body)

    @staticmethod
    def _keep(sitting: Sitting, case: Case) -> None:
        sitting.cases[case.name] = case
        if case.closing is None:
            sitting.connection.execute(
                "INSERT OR REPLACE INTO state (kind, name, body) VALUES ('case', ?, ?)",
                (case.name, msgspec.json.encode(case)),
            )
        else:
            sitting.connection.execute("DELETE FROM state WHERE kind = 'case' AND name = ?", (case.name,))


def load_cases(connection: sqlite3.Connection) -> dict[str, Case]:
    """Every open case by name."""
    rows = connection.execute("SELECT name, body FROM state WHERE kind = 'case'")
    return {name: msgspec.json.decode(body, type=Case) for name, body in rows}


def _escalation(plan: Plan, now_ms: int) -> Escalation:
    steps = tuple(
        Step(due_ms=now_ms + _ms(spec.after), roles=tuple(sorted(spec.roles)), via=spec.via)
        for spec in plan.escalate
    )
    return Escalation(
        area=plan.area, people=plan.people, steps=(*steps, *_last_resort(plan.escalate, now_ms))
    )


def _last_resort(specs: Iterable[EscalationSpec], now_ms: int) -> tuple[Step, ...]:
    """Whoever is asked last has as long as the one before them had."""
    moments = [0, *(_ms(spec.after) for spec in specs)]
    return (Step(due_ms=now_ms + 2 * moments[-1] - moments[-2]),) if len(moments) > 1 else ()


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
