"""The queue of deliveries: rows in the database, made in the transaction of the decision that causes them."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from alerting.channels.channel import ReceiptState
from alerting.ledger import Kind, append
from alerting.targeting import Target
from rules.transition import Level

_COLUMNS = "id, identifier, lane, level, person, via, step, attempts, code, turn, episode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message on its way to one person."""

    id: int
    identifier: str
    lane: str  # messages of one lane reach a person in order
    level: Level
    person: str
    via: tuple[str, ...]  # channels in order of preference
    step: int = 0  # which of them it has come to
    attempts: int = 0  # at that channel
    code: str = ""  # by which the person can answer
    turn: int = 0  # of an escalation: 0 for the message itself
    episode: int = 0  # of the lane

    @property
    def case(self) -> str:
        """The case that it asks to answer."""
        return f"{self.lane}.{self.episode}"

    @property
    def channel(self) -> str:
        """The channel it is at."""
        return self.via[self.step]

    @property
    def key(self) -> str:
        """The same at every attempt by this channel, also after a restart."""
        key = f"{self.identifier}.{self.person}.{self.channel}"
        return f"{key}.{self.turn}" if self.turn else key


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What deliveries share: the message, and the lane and episode it belongs to."""

    identifier: str
    lane: str
    episode: int
    level: Level
    code: str = ""
    turn: int = 0


def told(connection: sqlite3.Connection, lane: str, episode: int) -> dict[str, tuple[str, ...]]:
    """Whom an episode's messages went to, and by which channels."""
    rows = connection.execute(
        "SELECT person, via FROM delivery WHERE lane = ? AND episode = ? ORDER BY id DESC", (lane, episode)
    )
    return {person: tuple(via.split()) for person, via in rows}


def enqueue(
    connection: sqlite3.Connection,
    story: Story,
    targets: Iterable[Target],
    *,
    now_ms: int,
    in_flight: frozenset[int],
) -> tuple[list[Delivery], list[int]]:
    """Queue a message to people; say what was queued and which older, unsent deliveries it replaces."""
    queued, replaced = [], []
    for target in targets:
        for old in _replaceable(connection, story, target.person, in_flight):
            finish(connection, old, ReceiptState.REPLACED, f"by {story.identifier}", now_ms=now_ms)
            replaced.append(old.id)
        row = connection.execute(
            "INSERT INTO delivery (identifier, lane, episode, level, person, via, code, turn)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                story.identifier,
                story.lane,
                story.episode,
                story.level,
                target.person,
                " ".join(target.via),
                story.code,
                story.turn,
            ),
        )
        queued.append(
            Delivery(
                id=row.lastrowid or 0,
                identifier=story.identifier,
                lane=story.lane,
                level=story.level,
                person=target.person,
                via=target.via,
                code=story.code,
                turn=story.turn,
                episode=story.episode,
            )
        )
    return queued, replaced


def waiting(connection: sqlite3.Connection) -> list[Delivery]:
    """Every delivery that is neither done nor replaced, oldest first."""
    query = f"SELECT {_COLUMNS} FROM delivery WHERE state = 'queued' ORDER BY id"  # noqa: S608  (ours)
    return [_delivery(row) for row in connection.execute(query)]


def finish(
    connection: sqlite3.Connection, delivery: Delivery, state: ReceiptState, reason: str, *, now_ms: int
) -> None:
    """Record the end of a delivery and its receipt."""
    connection.execute("UPDATE delivery SET state = ? WHERE id = ?", (state.value, delivery.id))
    if state in (ReceiptState.SENT, ReceiptState.DELIVERED):
        connection.execute("UPDATE delivery SET handed_ms = ? WHERE id = ?", (now_ms, delivery.id))
    _record(connection, Kind.RECEIPT, delivery, state, reason, now_ms=now_ms)


def note_held(connection: sqlite3.Connection, delivery: Delivery, reason: str, *, now_ms: int) -> None:
    """Record that a delivery is held back for a roll-up."""
    connection.execute("UPDATE delivery SET state = 'held', held_ms = ? WHERE id = ?", (now_ms, delivery.id))
    _record(connection, Kind.ATTEMPT, delivery, ReceiptState.QUEUED, reason, now_ms=now_ms)


def held(connection: sqlite3.Connection, person: str) -> list[Delivery]:
    """What is held back for a person, oldest first."""
    query = f"SELECT {_COLUMNS} FROM delivery WHERE state = 'held' AND person = ? ORDER BY id"  # noqa: S608
    return [_delivery(row) for row in connection.execute(query, (person,))]


def roll(connection: sqlite3.Connection, delivery: Delivery, reason: str, *, now_ms: int) -> None:
    """Record that a roll-up tells what was held back."""
    connection.execute("UPDATE delivery SET state = 'rolled' WHERE id = ?", (delivery.id,))
    _record(connection, Kind.RECEIPT, delivery, ReceiptState.REPLACED, reason, now_ms=now_ms)


def held_since(connection: sqlite3.Connection) -> dict[str, int]:
    """For whom something is held back, and since when."""
    rows = connection.execute(
        "SELECT person, min(held_ms) FROM delivery WHERE state = 'held' GROUP BY person"
    )
    return dict(rows.fetchall())


def handed_since(connection: sqlite3.Connection, since_ms: int) -> list[tuple[str, int]]:
    """Who was handed a message below red, and when."""
    query = "SELECT person, handed_ms FROM delivery WHERE handed_ms >= ? AND level < ?"
    return [(person, at_ms) for person, at_ms in connection.execute(query, (since_ms, Level.RED))]


def note_refusal(connection: sqlite3.Connection, delivery: Delivery, reason: str, *, now_ms: int) -> None:
    """Record that the channel will never take the message; the delivery goes on at the next."""
    connection.execute("UPDATE delivery SET step = step + 1, attempts = 0 WHERE id = ?", (delivery.id,))
    _record(connection, Kind.RECEIPT, delivery, ReceiptState.REFUSED, reason, now_ms=now_ms)


def note_failure(
    connection: sqlite3.Connection, delivery: Delivery, reason: str, *, give_up: bool, now_ms: int
) -> None:
    """Record that the channel could not take the message; with ``give_up`` the next one is to try."""
    change = "step = step + 1, attempts = 0" if give_up else "attempts = attempts + 1"
    connection.execute(f"UPDATE delivery SET {change} WHERE id = ?", (delivery.id,))  # noqa: S608  (ours)
    _record(connection, Kind.ATTEMPT, delivery, ReceiptState.QUEUED, reason, now_ms=now_ms)


def _record(
    connection: sqlite3.Connection,
    kind: Kind,
    delivery: Delivery,
    state: ReceiptState,
    reason: str,
    *,
    now_ms: int,
) -> None:
    channel = delivery.via[min(delivery.step, len(delivery.via) - 1)] if delivery.via else ""
    body = {"person": delivery.person, "channel": channel, "state": state.value, "reason": reason}
    append(connection, at_ms=now_ms, kind=kind, name=delivery.identifier, body=body)


def _replaceable(
    connection: sqlite3.Connection, story: Story, person: str, in_flight: frozenset[int]
) -> list[Delivery]:
    """The person's unsent deliveries that the new message makes needless.

    Of those that rank above all the person has heard of in this episode, and above the new message, the
    newest of the highest level stays: nobody hears of a fall without having heard of the height.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS}, state, episode FROM delivery WHERE lane = ? AND person = ?"  # noqa: S608  (ours)
        " AND (state IN ('queued', 'held') OR episode = ?) ORDER BY id",
        (story.lane, person, story.episode),
    ).fetchall()
    deliveries = [(_delivery(row[:-2]), str(row[-2]), int(row[-1])) for row in rows]
    unsent = [one for one, state, _ in deliveries if state in ("queued", "held") and one.id not in in_flight]
    heard = max(
        (
            one.level
            for one, state, episode in deliveries
            if episode == story.episode and (state in ("sent", "delivered", "rolled") or one.id in in_flight)
        ),
        default=Level.NORMAL,
    )
    peak = max(unsent, key=lambda one: (one.level, one.id), default=None)
    if peak is not None and peak.level > max(heard, story.level):
        unsent.remove(peak)
    return unsent


def _delivery(row: tuple[int, str, str, int, str, str, int, int, str, int, int]) -> Delivery:
    number, identifier, lane, level, person, via, step, attempts, code, turn, episode = row
    return Delivery(
        id=number,
        identifier=identifier,
        lane=lane,
        level=Level(level),
        person=person,
        via=tuple(via.split()),
        step=step,
        attempts=attempts,
        code=code,
        turn=turn,
        episode=episode,
    )
