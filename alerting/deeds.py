"""What gateways did by themselves: into the ledger, then acknowledged."""

import sqlite3
from functools import partial

import msgspec
import structlog

from alerting.database import Database
from alerting.ledger import Kind, append, has_entry
from transport.acks import Acknowledger
from transport.deeds import Deed, decode_deed
from transport.errors import WireError
from transport.session import Message
from transport.topics import gateway_of

log = structlog.get_logger(__name__)


class Deeds:
    """Records each deed once, however often a gateway tells of it."""

    def __init__(self, database: Database, acknowledger: Acknowledger) -> None:
        self._database = database
        self._acknowledger = acknowledger

    async def take(self, message: Message) -> None:
        """Record a deed and acknowledge it; what the disk refuses comes again."""
        try:
            deed = decode_deed(message.payload)
        except WireError as exc:
            log.warning("deed-unreadable", topic=message.topic, reason=str(exc))
            return
        try:
            is_new = await self._database.commit(partial(_record, deed=deed))
        except sqlite3.Error:
            log.exception("ledger-refuses")
            return
        if is_new:
            log.warning("gateway-acted-alone", **msgspec.structs.asdict(deed))
        self._acknowledger.committed(gateway_of(message.topic).ack, deed.epoch, deed.seq)


def _record(connection: sqlite3.Connection, *, deed: Deed) -> bool:
    if has_entry(connection, Kind.DEED, deed.name):
        return False
    append(connection, at_ms=deed.at_ms, kind=Kind.DEED, name=deed.name, body=deed)
    return True
