"""Asks alerting and the rules engine over the broker, and waits for their answers."""

import asyncio
from contextlib import suppress
from uuid import uuid4

import msgspec

from alerting.commands import Command, Outcome, encode_command
from console.errors import AwayError, ClashError
from district.findings import Text
from rules.reload import Reload
from transport import topics
from transport.errors import NotConnectedError
from transport.session import Session

ALERTING, RULES = "alerting", "rules"
ANSWERS = frozenset({topics.server_answer(ALERTING), topics.server_answer(RULES)})
_PATIENCE_S = 8.0  # wall time; a browser's user has given up by then


class Asker:
    """Puts requests to alerting."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}

    def heard(self, payload: bytes) -> None:
        """Take an answer, to whomever it is."""
        with suppress(msgspec.MsgspecError):
            outcome = msgspec.json.decode(payload, type=Outcome)
            waiting = self._waiting.get(outcome.id)
            if waiting is not None and not waiting.done():
                waiting.set_result(outcome)

    async def ask(self, command: Command) -> Outcome:
        """Have alerting do something, and say what became of it; asking again with the same id is safe.

        Raises:
            AwayError: It does not answer.
        """
        away = Text("alerting does not answer: try again", "预警服务无应答，请重试")
        return await self._ask(ALERTING, command.id, encode_command(command), away)

    async def reload_rules(self) -> None:
        """Have the rules engine take over the rules as they are on disk now.

        Raises:
            AwayError: It does not answer; the rules hold from its next start.
            ClashError: It cannot read them.
        """
        request = Reload(id=uuid4().hex)
        away = Text(
            "the rules engine does not answer: the file is written and holds from its next start",
            "规则引擎无应答：文件已写入，引擎重启后生效",
        )
        outcome = await self._ask(RULES, request.id, msgspec.json.encode(request), away)
        if not outcome.ok:
            raise ClashError(Text(outcome.en, outcome.zh))

    async def _ask(self, service: str, request: str, payload: bytes, away: Text) -> Outcome:
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[request] = answer
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._session.publish(topics.server_command(service), payload)
                return await answer
        except (TimeoutError, NotConnectedError) as exc:
            raise AwayError(away) from exc
        finally:
            del self._waiting[request]
