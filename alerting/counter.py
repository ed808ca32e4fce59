"""The counter: where people's requests are taken, recorded and answered."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Collection

import structlog

from alerting.archive import is_served, note_served
from alerting.cases import Answer, Closing
from alerting.commands import (
    Acknowledge,
    Close,
    Command,
    Comment,
    Escalate,
    FollowLink,
    Outcome,
    Shelve,
    Unshelve,
    decode_command,
)
from alerting.decide import Decider
from alerting.desk import Desk
from alerting.docket import Docket
from alerting.errors import (
    AlertingError,
    BadLinkError,
    NobodyLeftError,
    NoSuchCaseError,
    NoSuchThreadError,
    RedError,
)
from alerting.links import read_token
from alerting.shelving import Shelf
from alerting.sitting import Sitting
from rules.transition import Level
from transport.errors import WireError

log = structlog.get_logger(__name__)

_Decided = Acknowledge | Close | Comment | Escalate | Shelve | Unshelve

_WAITING = 1000  # requests: more than that is no people's doing, and the oldest are dropped
_KNOWN = 1000  # outcomes that are repeated when a request is


class Counter:
    """Takes requests one after another; a request that comes again gets the answer it got."""

    def __init__(
        self, decider: Decider, desk: Desk, docket: Docket, people: Collection[str], *, link_secret: bytes
    ) -> None:
        self._decider = decider
        self._desk = desk
        self._docket = docket
        self._people = people
        self._link_secret = link_secret
        self._waiting: deque[bytes] = deque(maxlen=_WAITING)
        self._some = asyncio.Event()
        self._outcomes: dict[str, Outcome] = {}

    def take(self, payload: bytes) -> None:
        """Note a request that came over the wire."""
        self._waiting.append(payload)
        self._some.set()

    async def next(self) -> Outcome | None:
        """Wait for a request and serve it; none if it was unreadable."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        payload = self._waiting.popleft()
        try:
            command = decode_command(payload)
        except WireError as exc:
            log.warning("request-unreadable", reason=str(exc))
            return None
        return await self.serve(command)

    async def serve(self, command: Command) -> Outcome:
        """Do what was asked, and say what became of it."""
        known = self._outcomes.get(command.id)
        if known is not None:
            return known
        try:
            outcome = await self._serve(command)
        except AlertingError as exc:
            return _refusal(command, exc)
        except sqlite3.Error:
            log.exception("request-not-recorded", request=command.id)
            return Outcome(
                id=command.id, ok=False, en="the disk refuses: ask again", zh="磁盘写入失败，请重试"
            )
        self._outcomes[command.id] = outcome
        if len(self._outcomes) > _KNOWN:
            del self._outcomes[next(iter(self._outcomes))]
        return outcome

    async def _serve(self, command: Command) -> Outcome:
        if isinstance(command, FollowLink):
            case, person = read_token(self._link_secret, command.token)
            command = Acknowledge(id=command.id, person=person, ref=case, by="link", note=command.note)
        if command.person not in self._people:
            return Outcome(
                id=command.id,
                ok=False,
                en=f"{command.person!r} is not among the contacts",
                zh=f"联系人中没有 {command.person!r}",
            )
        outcome: list[Outcome] = []
        await self._decider.decide((), lambda sitting: outcome.append(self._do(sitting, command)))
        return outcome[0]

    def _do(self, sitting: Sitting, command: _Decided) -> Outcome:
        if is_served(sitting.connection, command.id):
            return Outcome(id=command.id, ok=True, en="recorded before", zh="此前已记录")
        note_served(sitting.connection, command.id)
        if isinstance(command, Shelve | Unshelve):
            return self._put_aside(sitting, command)
        if isinstance(command, Comment | Escalate):
            return self._add(sitting, command)
        if isinstance(command, Close):
            closing = Closing(person=command.person, at_ms=sitting.now_ms, done=command.done)
            case = self._docket.close(sitting, command.ref, closing, request=command.id)
            return Outcome(id=command.id, ok=True, en=f"{case.name} is closed", zh=f"{case.name} 已办结")
        given = Answer(
            person=command.person, at_ms=sitting.now_ms, by=command.by, level=Level.NORMAL, note=command.note
        )
        case, areas = self._docket.answer(sitting, command.ref, given, request=command.id)
        if areas:
            listed = ", ".join(areas)
            return Outcome(
                id=command.id,
                ok=True,
                en=f"{case.name}: the calling for {listed} ends",
                zh=f"{case.name}：{listed} 停止催叫",
            )
        return Outcome(id=command.id, ok=True, en=f"{case.name}: recorded", zh=f"{case.name}：已记录")

    def _add(self, sitting: Sitting, command: Comment | Escalate) -> Outcome:
        if isinstance(command, Comment):
            case = self._docket.comment(
                sitting, command.ref, person=command.person, note=command.note, request=command.id
            )
            return Outcome(id=command.id, ok=True, en=f"{case.name}: recorded", zh=f"{case.name}：已记录")
        case = self._docket.escalate_now(
            sitting, command.ref, self._desk.threads, person=command.person, request=command.id
        )
        return Outcome(
            id=command.id, ok=True, en=f"{case.name}: the next are told", zh=f"{case.name}：已通知下一级"
        )

    def _put_aside(self, sitting: Sitting, command: Shelve | Unshelve) -> Outcome:
        if isinstance(command, Unshelve):
            self._desk.take_down(sitting, command.thread, command.person)
            return Outcome(
                id=command.id, ok=True, en=f"{command.thread} is told again", zh=f"{command.thread} 恢复通知"
            )
        shelf = Shelf(
            thread=command.thread,
            person=command.person,
            reason=command.reason,
            since_ms=sitting.now_ms,
            until_ms=sitting.now_ms + round(command.for_s * 1000),
        )
        self._desk.shelve(sitting, shelf, request=command.id)
        return Outcome(
            id=command.id, ok=True, en=f"{command.thread} is put aside", zh=f"{command.thread} 已搁置"
        )


def _refusal(command: Command, exc: AlertingError) -> Outcome:
    words = {
        NoSuchCaseError: ("there is no such open case", "没有这样的未结事件"),
        NoSuchThreadError: ("there is no such story, or it is not put aside", "没有这样的预警，或其未被搁置"),
        NobodyLeftError: (
            "nobody is next: everybody was told, or somebody answered",
            "没有下一级：均已通知，或已有人应答",
        ),
        RedError: ("red is never put aside", "红色预警不得搁置"),
        BadLinkError: ("this link is none of ours", "链接无效"),
    }
    en, zh = words.get(type(exc), (str(exc), str(exc)))
    return Outcome(id=command.id, ok=False, en=en, zh=zh)
