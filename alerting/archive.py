"""What the database remembers of threads and messages, and how they are put there and found again."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from alerting.cap import CapAlert, read_xml
from alerting.channels.channel import Texts, WarningMessage
from alerting.compose import LEVEL_CODE
from alerting.ledger import Kind, append, read_body
from alerting.targeting import Targets
from alerting.threads import Telling, Thread
from district.findings import Language
from rules.transition import Level
from transport.measurement import to_ms

_LANGUAGES: tuple[Language, Language] = ("zh", "en")


def save_thread(connection: sqlite3.Connection, thread: Thread) -> None:
    """Keep a thread as it is now."""
    connection.execute(
        "INSERT OR REPLACE INTO state (kind, name, body) VALUES ('thread', ?, ?)",
        (thread.name, msgspec.json.encode(thread)),
    )


def load_threads(connection: sqlite3.Connection) -> dict[str, Thread]:
    """Every thread by name."""
    rows = connection.execute("SELECT name, body FROM state WHERE kind = 'thread'")
    return {name: msgspec.json.decode(body, type=Thread) for name, body in rows}


def file_message(
    connection: sqlite3.Connection,
    message: WarningMessage,
    telling: Telling,
    targets: Targets,
    *,
    now_ms: int,
) -> None:
    """Enter an issued message in the ledger: what, why, to whom and why them."""
    body = {
        "kind": telling.kind.value,
        "msg_type": message.cap.msg_type,
        "level": message.level.word,
        "thread": message.thread,
        "subject": telling.trigger.subject,
        "sent_ms": to_ms(message.sent),
        "triggers": [(telling.trigger.key, telling.trigger.at_ms)],
        "recipients": [
            {"person": one.person, "role": one.role, "area": one.area, "via": one.via}
            for one in targets.people
        ],
        "widened": targets.widened,
        "cap_xml": message.cap_xml.decode(),
    }
    append(connection, at_ms=now_ms, kind=Kind.WARNING, name=message.identifier, body=body)


def file_roll_up(
    connection: sqlite3.Connection,
    message: WarningMessage,
    holds: Sequence[str],
    *,
    person: str,
    via: tuple[str, ...],
    now_ms: int,
) -> None:
    """Enter a roll-up in the ledger: to whom, and which messages it stands for."""
    body = {
        "kind": "roll-up",
        "msg_type": message.cap.msg_type,
        "level": message.level.word,
        "thread": message.thread,
        "subject": "",
        "sent_ms": to_ms(message.sent),
        "triggers": [],
        "recipients": [{"person": person, "role": "told", "area": "", "via": via}],
        "widened": [],
        "holds": holds,
        "cap_xml": message.cap_xml.decode(),
    }
    append(connection, at_ms=now_ms, kind=Kind.WARNING, name=message.identifier, body=body)


def read_message(connection: sqlite3.Connection, identifier: str) -> WarningMessage:
    """An issued message, exactly as it was.

    Raises:
        KeyError: No message has that identifier.
    """
    return _revive(read_body(connection, Kind.WARNING, identifier))


def next_identifier(connection: sqlite3.Connection, stem: str) -> str:
    """The stem with the first number that no message has."""
    row = connection.execute(
        "SELECT count(*) FROM entry WHERE name >= ? AND name < ? AND kind IN ('transition', 'warning')",
        (stem, f"{stem}:"),  # the colon follows the digits
    ).fetchone()
    return f"{stem}{int(row[0]) + 1}"


def _revive(body: dict[str, Any]) -> WarningMessage:
    xml = str(body["cap_xml"]).encode()
    cap = read_xml(xml)
    return WarningMessage(
        cap=cap,
        cap_xml=xml,
        thread=body["thread"],
        level=_level(cap),
        texts={language: _texts(cap, language) for language in _LANGUAGES},
    )


def _level(cap: CapAlert) -> Level:
    words = {parameter.value_name: parameter.value for parameter in cap.infos[0].parameters}
    return Level[words[LEVEL_CODE].upper()]


def _texts(cap: CapAlert, language: Language) -> Texts:
    info = cap.info(language)
    return Texts(info.headline, info.description, info.instruction)


def is_served(connection: sqlite3.Connection, request: str) -> bool:
    """Whether a request of that id was served before."""
    query = "SELECT 1 FROM state WHERE kind = 'request' AND name = ?"
    return connection.execute(query, (request,)).fetchone() is not None


def note_served(connection: sqlite3.Connection, request: str) -> None:
    """Remember a request, so that its repeat changes nothing."""
    connection.execute("INSERT INTO state (kind, name, body) VALUES ('request', ?, x'')", (request,))
