"""Asks alerting over the broker and waits for its answer: the console decides nothing itself."""

import asyncio
from contextlib import suppress

import msgspec

from alerting.commands import Command, Outcome, encode_command
from console.errors import AwayError
from district.findings import Text
from transport import topics
from transport.errors import NotConnectedError
from transport.session import Session

ALERTING = "alerting"
ANSWERS = topics.server_answer(ALERTING)
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
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[command.id] = answer
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._session.publish(topics.server_command(ALERTING), encode_command(command))
                return await answer
        except (TimeoutError, NotConnectedError) as exc:
            raise AwayError(Text("alerting does not answer: try again", "预警服务无应答，请重试")) from exc
        finally:
            del self._waiting[command.id]
