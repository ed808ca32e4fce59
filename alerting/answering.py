"""What comes back by channels: replies become answers to cases, outcomes become receipts."""

import asyncio
import re
import unicodedata
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from hashlib import sha256
from typing import Protocol

import structlog

from alerting.channels.replies import Outcome as ChannelOutcome
from alerting.channels.replies import Replies, Reply
from alerting.commands import Acknowledge, Command, Outcome
from alerting.contacts import PersonSpec
from alerting.database import Database
from alerting.ledger import Kind, append

log = structlog.get_logger(__name__)

_CODE = re.compile(r"(?<!\d)[1-9]\d{3}(?!\d)")
_SAME_DIGITS = 10  # at the end of two ways to write one telephone number
_SHOWN_DIGITS = 4
_BY = {"modem-call": "keypress"}


class Server(Protocol):
    """Serves what people ask."""

    async def serve(self, command: Command) -> Outcome:
        """Do what was asked, and say what became of it."""
        ...


class Answering:
    """Turns replies into requests of the person they came from."""

    def __init__(
        self,
        server: Server,
        people: Iterable[PersonSpec],
        database: Database,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._server = server
        self._people = tuple(people)
        self._database = database
        self._now_ms = now_ms

    async def heard(self, reply: Reply) -> None:
        """Record the reply, and answer each case whose code stands in it; told again, it changes no case.

        Raises:
            sqlite3.Error: The disk refuses: the channel must keep the reply.
        """
        person = self._person(reply.address)
        await self._record(reply, person)
        text = unicodedata.normalize("NFKC", reply.text)  # full-width digits are digits
        codes = [reply.ref] if reply.ref else _CODE.findall(text)
        if person is None or not codes:
            known = person.id if person is not None else None
            log.warning("reply-without-a-case", channel=reply.channel, person=known)
            return
        told = sha256(f"{reply.address}|{reply.at.isoformat()}|{reply.text}".encode()).hexdigest()[:16]
        for code in dict.fromkeys(codes):
            outcome = await self._server.serve(
                Acknowledge(
                    id=f"{reply.channel}.{told}.{code}",
                    person=person.id,
                    ref=code,
                    by=_BY.get(reply.channel, "code"),
                    note=reply.text,
                )
            )
            log.info("reply-served", channel=reply.channel, person=person.id, ok=outcome.ok, said=outcome.en)

    async def became(self, outcome: ChannelOutcome) -> None:
        """Record what became of a message after it had been handed over."""
        identifier, person, channel, *_ = outcome.key.split(".")
        body = {
            "person": person,
            "channel": channel,
            "state": outcome.state.value,
            "reason": outcome.reason,
        }
        await self._database.commit(
            partial(append, at_ms=self._now_ms(), kind=Kind.RECEIPT, name=identifier, body=body)
        )

    async def _record(self, reply: Reply, person: PersonSpec | None) -> None:
        body = {
            "channel": reply.channel,
            "from": f"…{reply.address[-_SHOWN_DIGITS:]}",
            "person": person.id if person is not None else None,
            "text": reply.text,
            "ref": reply.ref,
        }
        name = reply.at.isoformat(timespec="seconds")
        await self._database.commit(
            partial(append, at_ms=self._now_ms(), kind=Kind.REPLY, name=name, body=body)
        )

    def _person(self, address: str) -> PersonSpec | None:
        """Whoever has the telephone: networks write a number with its country code, or without."""
        digits = address.lstrip("+")
        for person in self._people:
            own = (person.channels.telephone or "").lstrip("+")
            if own and (own == digits or (len(digits) >= _SAME_DIGITS and own.endswith(digits[-11:]))):
                return person
        return None


class Attached:
    """Replies for somebody who is made later than the channels: until then they wait in their channels."""

    def __init__(self) -> None:
        self._to: asyncio.Future[Replies] = asyncio.get_running_loop().create_future()

    def attach(self, replies: Replies) -> None:
        """From now on hand everything on to ``replies``."""
        self._to.set_result(replies)

    async def heard(self, reply: Reply) -> None:
        """Hand a reply on."""
        await self._hand_on(lambda replies: replies.heard(reply))

    async def became(self, outcome: ChannelOutcome) -> None:
        """Hand an outcome on."""
        await self._hand_on(lambda replies: replies.became(outcome))

    async def _hand_on(self, what: Callable[[Replies], Awaitable[None]]) -> None:
        await what(await asyncio.shield(self._to))
