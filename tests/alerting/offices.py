"""An alerting office without a broker: a desk, its database, and the messages it has issued."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alerting.archive import load_threads
from alerting.compose import Composer
from alerting.contacts import Contacts
from alerting.database import SCHEMA
from alerting.delivery import Delivery, waiting
from alerting.desk import Desk, Sitting
from alerting.ledger import WarningRecord, read_warnings
from alerting.targeting import Directory
from alerting.texts import Author
from district.fields import Names
from district.inventory import District
from rules.transition import Announcement, Transition
from tests.alerting.samples import NOON_MS, announce, demo_contacts, demo_district


class Office:
    """A desk at its database; event time is set by hand."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, contacts: Contacts, district: District
    ) -> None:
        self.path = path
        self.now_ms = NOON_MS
        self.connection = connection
        rules = {"river-level": Names(zh="河道水位超限", en="River level")}
        directory = Directory(district, contacts)
        composer = Composer(district, contacts, Author(district, contacts, rules))
        self.desk = Desk(district, directory, composer, load_threads(connection))
        self._seq = 0

    def hears(self, *transitions: Transition, in_flight: frozenset[int] = frozenset()) -> Sitting:
        announcements = []
        for one in transitions:
            self._seq += 1
            announcements.append(announce(one, seq=self._seq))
        return self.takes(*announcements, in_flight=in_flight)

    def takes(self, *announcements: Announcement, in_flight: frozenset[int] = frozenset()) -> Sitting:
        with self.connection:
            sitting = Sitting(connection=self.connection, now_ms=self.now_ms, in_flight=in_flight)
            self.desk.take(sitting, announcements)
        self.desk.adopt(sitting)
        return sitting

    def forget(self) -> None:
        """Let what waits be done with."""
        self.connection.execute("UPDATE delivery SET state = 'sent' WHERE state = 'queued'")

    @property
    def warnings(self) -> list[WarningRecord]:
        return read_warnings(self.path)

    @property
    def waiting(self) -> list[Delivery]:
        return waiting(self.connection)


@contextmanager
def open_office(
    folder: Path, contacts: Contacts | None = None, district: District | None = None
) -> Iterator[Office]:
    path = folder / "alerting.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + SCHEMA)
        yield Office(path, connection, contacts or demo_contacts(), district or demo_district())
