"""An alerting office without a broker: a desk, its database, and the messages it has issued."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alerting.archive import load_threads
from alerting.cases import Answer, Closing
from alerting.compose import Composer
from alerting.contacts import Contacts
from alerting.database import prepare
from alerting.delivery import Delivery, waiting
from alerting.desk import Desk
from alerting.docket import Docket, load_cases
from alerting.ledger import WarningRecord, read_warnings
from alerting.shelving import Shelf, Shelves, load_shelves
from alerting.sitting import Sitting
from alerting.targeting import Directory
from alerting.texts import Author
from district.fields import Names
from district.inventory import District
from rules.transition import Announcement, Level, Transition
from tests.alerting.samples import MINUTE_MS, NOON_MS, announce, demo_contacts, demo_district


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
        self.docket = Docket(
            directory,
            load_cases(connection),
            last_resort=contacts.last_resort.telephone,
            close_within=contacts.close_within,
        )
        self.desk = Desk(
            district,
            directory,
            composer,
            load_threads(connection),
            docket=self.docket,
            shelves=Shelves(load_shelves(connection)),
        )
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

    def escalates(self) -> Sitting:
        """Take what is due at the present event time."""
        return self._sits(lambda sitting: self.docket.escalate(sitting, self.desk.threads))

    def answers(self, person: str, ref: str, *, by: str = "console") -> tuple[str, ...]:
        """Somebody answers; the areas for which that ends the calling."""
        ended: list[tuple[str, ...]] = []
        given = Answer(person=person, at_ms=self.now_ms, by=by, level=Level.NORMAL)
        self._sits(lambda sitting: ended.append(self.docket.answer(sitting, ref, given, request="")[1]))
        return ended[0]

    def closes(self, person: str, ref: str, done: str) -> None:
        closing_ = Closing(person=person, at_ms=self.now_ms, done=done)
        self._sits(lambda sitting: self.docket.close(sitting, ref, closing_, request=""))

    def _sits(self, decide: Callable[[Sitting], object]) -> Sitting:
        with self.connection:
            sitting = Sitting(connection=self.connection, now_ms=self.now_ms)
            decide(sitting)
        self.desk.adopt(sitting)
        return sitting

    def refreshes(self) -> Sitting:
        """Renew, and take down shelves, as far as that is due at the present event time."""
        return self._sits(self.desk.refresh)

    def shelves(self, thread: str, minutes: int) -> None:
        until_ms = self.now_ms + minutes * MINUTE_MS
        shelf = Shelf(
            thread=thread, person="chen-li", reason="gauge in repair", since_ms=self.now_ms, until_ms=until_ms
        )
        self._sits(lambda sitting: self.desk.shelve(sitting, shelf, request=""))

    def takes_down(self, thread: str) -> Sitting:
        return self._sits(lambda sitting: self.desk.take_down(sitting, thread, "chen-li"))

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
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")
        prepare(connection)
        yield Office(path, connection, contacts or demo_contacts(), district or demo_district())
