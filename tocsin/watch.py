"""Follows a running district over MQTT: newest values, alarms and what each process says of itself."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from alerting.ledger import WarningRecord, read_warnings
from rules.transition import Announcement, Level, Transition, decode_announcement
from transport import topics
from transport.batch import Sample, decode_batch
from transport.beat import Beat, decode_beat
from transport.errors import WireError
from transport.session import Message, Session

SUBSCRIPTIONS = (topics.ANY_LIVE, topics.ANY_STATUS, topics.ANY_TRANSITION, topics.server_status("+"))
_MOST_MESSAGES = 500


@dataclass(slots=True)
class Watch:
    """The present state of a district as its messages tell it."""

    ledger: Path
    newest: dict[tuple[str, str], Sample] = field(default_factory=dict)
    alarms: dict[tuple[str, str], Transition] = field(default_factory=dict)
    beats: dict[str, Beat] = field(default_factory=dict)
    warnings: list[WarningRecord] = field(default_factory=list)
    readings: int = 0
    on_transition: Callable[[Transition], None] = lambda _: None
    on_warning: Callable[[WarningRecord], None] = lambda _: None

    async def follow(self, session: Session) -> None:
        """Take messages until cancelled; what is not of our format is passed over, its receivers say so."""
        while True:
            for message in await session.receive(most=_MOST_MESSAGES):
                try:
                    self._take(message)
                except WireError:
                    continue

    def look_up_warnings(self) -> None:
        """Read the ledger anew."""
        if not self.ledger.exists():
            return
        known = len(self.warnings)
        try:
            self.warnings = read_warnings(self.ledger)
        except sqlite3.OperationalError:  # alerting is only just making it
            return
        for record in self.warnings[known:]:
            self.on_warning(record)

    def level_of(self, site: str) -> Level:
        """The gravest active alarm at a site."""
        return max((t.to for t in self.alarms.values() if t.site == site), default=Level.NORMAL)

    def _take(self, message: Message) -> None:
        if message.topic.endswith("/live"):
            for sample in decode_batch(message.payload).samples():
                self.newest[sample.device, sample.point] = sample
                self.readings += 1
        elif message.topic.endswith("/transition"):
            self._take_transition(decode_announcement(message.payload))
        elif message.payload:
            beat = decode_beat(message.payload)
            self.beats[beat.service] = beat

    def _take_transition(self, announcement: Announcement) -> None:
        transition = announcement.transition
        alarm = (transition.rule, transition.subject)
        last = self.alarms.get(alarm)
        if last is not None and transition.at_ms <= last.at_ms:
            return
        self.alarms[alarm] = transition
        if not announcement.standing:
            self.on_transition(transition)
