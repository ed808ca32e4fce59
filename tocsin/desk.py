"""``tocsin alerting list, ack, close``: open cases, and what people say to them."""

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from uuid import uuid4

import msgspec
from rich.console import Console
from rich.table import Table

from alerting.cases import Case
from alerting.commands import Command, Outcome, encode_command
from alerting.docket import load_cases
from alerting.phrases import LEVELS
from district.findings import Language, Text
from district.load import load_district
from tocsin.errors import TocsinError
from tocsin.ledger import ledger_file
from tocsin.wiring import Surroundings, broker_of
from transport import topics
from transport.errors import NotConnectedError
from transport.measurement import from_ms
from transport.session import open_session

_SERVICE = "alerting"
_PATIENCE_S = 10.0  # wall time
_HEADINGS = (
    Text("code", "代码"),
    Text("case", "事件"),
    Text("level", "级别"),
    Text("since", "开始"),
    Text("answered by", "已应答"),
    Text("next call", "下次催叫"),
    Text("state", "状态"),
)
_STATES = {
    "calling": Text("calling", "催叫中"),
    "unanswered": Text("unanswered", "未应答"),
    "answered": Text("in hand", "处置中"),
    "over": Text("over, to be closed", "已解除，待办结"),
    "overdue": Text("overdue", "超时未办结"),
}


def new_id() -> str:
    """An id for a request."""
    return uuid4().hex


def open_cases(at: Surroundings) -> list[Case]:
    """Every open case, oldest first; may be read while alerting runs.

    Raises:
        TocsinError: Alerting has no state there.
    """
    uri = f"{ledger_file(at).absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return sorted(load_cases(connection).values(), key=lambda one: (one.opened_ms, one.name))


def cases_json(cases: Iterable[Case]) -> str:
    """The cases as a JSON array."""
    rows = [msgspec.to_builtins(one) | {"level": one.level.word, "state": one.state} for one in cases]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode()


def show_cases(at: Surroundings, cases: Iterable[Case], language: Language) -> None:
    """Write the cases to stdout as a table, in the district's time."""
    zone = load_district(at.district).timezone
    table = Table(box=None, pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(heading.in_language(language), overflow="fold")

    def when(at_ms: int | None) -> str:
        return "" if at_ms is None else from_ms(at_ms).astimezone(zone).strftime("%m-%d %H:%M:%S")

    for one in cases:
        table.add_row(
            one.code,
            one.name,
            LEVELS[one.level].in_language(language),
            when(one.opened_ms),
            ", ".join(dict.fromkeys(answer.person for answer in one.answers)),
            when(one.due_ms),
            _STATES[one.state].in_language(language),
        )
    Console(soft_wrap=True).print(table)


async def ask(at: Surroundings, command: Command) -> Outcome:
    """Ask alerting over the broker, and again, until it answers.

    Raises:
        TocsinError: It does not answer within ten seconds; asking again with the same words is safe.
    """
    district = load_district(at.district)
    broker = broker_of(district, at, "alerting")
    answers = topics.server_answer(_SERVICE)
    async with open_session(
        broker, client_id=f"tocsin-ask-{command.id[:12]}", subscriptions=(answers,)
    ) as session:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await session.connected.wait()
                await session.publish(topics.server_command(_SERVICE), encode_command(command))
                while True:
                    for message in await session.receive():
                        outcome = msgspec.json.decode(message.payload, type=Outcome)
                        if outcome.id == command.id:
                            return outcome
        except (TimeoutError, NotConnectedError, msgspec.MsgspecError) as exc:
            raise TocsinError("alerting does not answer; does it run, and at this broker?") from exc
