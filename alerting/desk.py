"""The desk: takes transitions, decides what is told to whom, and records both in one transaction."""

import sqlite3
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence

from alerting.archive import file_message, next_identifier, save_thread
from alerting.compose import Composer
from alerting.delivery import Story, enqueue, told
from alerting.docket import Docket
from alerting.errors import NoSuchThreadError
from alerting.ledger import Kind, append, is_recorded
from alerting.renewal import due_renewals, next_renewal_ms, retell
from alerting.shelving import Shelf, Shelves, note_kept_back, put, take_down
from alerting.sitting import Sitting
from alerting.targeting import Directory, Target, Targets
from alerting.threads import MessageKind, Telling, Thread, apply, record_issued, settle, thread_name
from district.inventory import District
from rules.transition import Announcement, Level, Transition

_CONSOLE = ("console",)


class Desk:
    """Holds the threads; every change of them is a transaction first."""

    def __init__(
        self,
        district: District,
        directory: Directory,
        composer: Composer,
        threads: Mapping[str, Thread],
        *,
        docket: Docket,
        shelves: Shelves,
    ) -> None:
        self._district = district
        self._directory = directory
        self._composer = composer
        self._threads = dict(threads)
        self._docket = docket
        self._shelves = shelves

    @property
    def threads(self) -> Mapping[str, Thread]:
        """Every thread by name, as committed."""
        return self._threads

    def thread_of(self, transition: Transition) -> str:
        """The name of the thread that a transition belongs to."""
        return thread_name(transition.hazard, self._asset(transition.site))

    def catching_up(self) -> frozenset[str]:
        """The threads whose late peak is not settled yet."""
        return frozenset(name for name, thread in self._threads.items() if thread.late_peak is not None)

    def take(self, sitting: Sitting, announcements: Sequence[Announcement]) -> Sitting:
        """Take transitions in the order they came; one that was recorded before changes nothing."""
        for announcement in announcements:
            transition = announcement.transition
            if is_recorded(sitting.connection, Kind.TRANSITION, transition.key):
                continue
            thread, verdict, tellings = apply(self._thread(sitting, transition), announcement)
            body = {
                "verdict": verdict.value,
                "thread": thread.name,
                "standing": announcement.standing,
                "transition": transition,
            }
            append(
                sitting.connection,
                at_ms=sitting.now_ms,
                kind=Kind.TRANSITION,
                name=transition.key,
                body=body,
            )
            self._keep(sitting, thread, tellings)
        return sitting

    def settle(self, sitting: Sitting, names: Iterable[str]) -> Sitting:
        """End catching up for these threads."""
        for name in names:
            thread, telling = settle(self._threads[name])
            self._keep(sitting, thread, [] if telling is None else [telling])
        return sitting

    def next_ms(self) -> int | None:
        """When a warning is due for renewal, or a shelf is over."""
        moments = (next_renewal_ms(self._threads.values()), self._shelves.next_ms())
        return min((one for one in moments if one is not None), default=None)

    def lanes_due(self, now_ms: int) -> frozenset[str]:
        """The lanes in which that is due now."""
        return frozenset([*due_renewals(self._threads, now_ms), *self._shelves.ended(now_ms)])

    def refresh(self, sitting: Sitting) -> Sitting:
        """Tell anew what would expire, and what a shelf kept back until now."""
        for name in self._shelves.ended(sitting.now_ms):
            self.take_down(sitting, name)
        for name in due_renewals({**self._threads, **sitting.threads}, sitting.now_ms):
            thread = sitting.threads.get(name) or self._threads[name]
            self._keep(sitting, thread, [retell(thread, thread.level)])
        return sitting

    def shelve(self, sitting: Sitting, shelf: Shelf, *, request: str) -> None:
        """Put a story aside.

        Raises:
            NoSuchThreadError: There is no such story.
            RedError: It is red.
        """
        if shelf.thread not in self._threads:
            raise NoSuchThreadError(shelf.thread)
        put(sitting.connection, shelf, self._threads[shelf.thread].level, request=request)
        sitting.shelves[shelf.thread] = shelf

    def take_down(self, sitting: Sitting, name: str, person: str = "") -> None:
        """Tell a story again, from how it stands; it is as new to people.

        Raises:
            NoSuchThreadError: No such story was put aside.
        """
        if name not in self._shelves.all:
            raise NoSuchThreadError(name)
        take_down(sitting.connection, name, now_ms=sitting.now_ms, person=person)
        sitting.shelves[name] = None
        thread = self._threads[name]
        if thread.open and thread.level and thread.issued:
            self._keep(sitting, thread, [retell(thread, Level.NORMAL)])

    def adopt(self, sitting: Sitting) -> None:
        """Go on from what has been committed."""
        self._threads.update(sitting.threads)
        self._docket.adopt(sitting.cases)
        self._shelves.adopt(sitting.shelves)

    def topic_area(self, thread: Thread) -> str:
        """The area under which a thread's warning is shown, the same for all its messages."""
        sites = self._district.asset_sites(thread.asset)
        return sites[0].area if sites else self._district.root_area

    def _keep(self, sitting: Sitting, thread: Thread, tellings: Iterable[Telling]) -> None:
        for telling in tellings:
            thread = self._issue(sitting, thread, telling)
        save_thread(sitting.connection, thread)
        sitting.threads[thread.name] = thread

    def _issue(self, sitting: Sitting, thread: Thread, telling: Telling) -> Thread:
        connection, composer = sitting.connection, self._composer
        newest_ms = thread.issued[-1].sent_ms if thread.issued else 0
        sent = composer.instant(max(sitting.now_ms, newest_ms))  # though the clock be set back
        identifier = next_identifier(connection, composer.identifier_stem(sent))
        threads = ChainMap(sitting.threads, self._threads)  # as they will be
        message = composer.compose(thread, telling, identifier=identifier, sent=sent, threads=threads)
        targets = self._targets(connection, thread, telling)
        tells = telling.kind.tells_story
        shelf = self._shelf(sitting, thread, telling)
        if shelf is not None:
            people = [one.person for one in targets.people]
            note_kept_back(connection, shelf, identifier, people, now_ms=sitting.now_ms)
            targets = Targets(people=(), widened=targets.widened)
        file_message(connection, message, telling, targets, now_ms=sitting.now_ms)
        code = self._follow(sitting, thread, telling) if tells else ""
        story = Story(
            identifier=identifier,
            lane=thread.name if tells else identifier,
            episode=thread.episode,
            level=telling.level,
            code=code,
        )
        sitting.messages.append(message)
        sitting.queue(
            *enqueue(connection, story, targets.people, now_ms=sitting.now_ms, in_flight=sitting.in_flight)
        )
        return record_issued(thread, composer.issued(message)) if tells else thread

    def _follow(self, sitting: Sitting, thread: Thread, telling: Telling) -> str:
        """Let the case follow its story; the code by which people answer, while there is danger."""
        shelf = self._shelf(sitting, thread, telling)
        areas = self._composer.affected_areas(telling) if shelf is None else ()
        case = self._docket.follow(sitting, thread, telling, areas)
        return case.code if telling.level else ""

    def _shelf(self, sitting: Sitting, thread: Thread, telling: Telling) -> Shelf | None:
        if telling.kind is MessageKind.ALL_CLEAR:
            return None  # who was told of a danger hears of its end
        if thread.name in sitting.shelves:  # it is being taken down, or put up, in this very transaction
            return sitting.shelves[thread.name]
        return self._shelves.holds(thread.name, telling.level, sitting.now_ms)

    def _targets(self, connection: sqlite3.Connection, thread: Thread, telling: Telling) -> Targets:
        areas = self._composer.affected_areas(telling)
        if telling.kind is MessageKind.NOTICE:
            return self._directory.duty(areas, via=_CONSOLE)
        if telling.kind is MessageKind.SUPPLEMENT:
            return self._directory.duty(areas)
        known = self._told(connection, thread)
        if telling.kind is MessageKind.ALL_CLEAR:
            return Targets(people=known) if known else self._directory.duty(areas)
        named = self._directory.targets(thread.hazard, telling.level, areas, blind=telling.trigger.blind)
        people = {target.person for target in named.people}
        # whoever was told of the danger hears how it goes on, though no route names them at this level
        others = tuple(target for target in known if target.person not in people)
        return Targets(people=(*named.people, *others), widened=named.widened)

    def _told(self, connection: sqlite3.Connection, thread: Thread) -> tuple[Target, ...]:
        people = self._directory.people
        return tuple(
            Target(person=person, role="told", area="", via=via)
            for person, via in sorted(told(connection, thread.name, thread.episode).items())
            if person in people
        )

    def _thread(self, sitting: Sitting, transition: Transition) -> Thread:
        name = self.thread_of(transition)
        known = sitting.threads.get(name) or self._threads.get(name)
        return known or Thread(hazard=transition.hazard, asset=self._asset(transition.site))

    def _asset(self, site: str) -> str:
        known = self._district.sites.get(site)
        return known.asset if known is not None else site
