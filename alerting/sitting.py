"""One transaction in which something is decided."""

import sqlite3
from dataclasses import dataclass, field

from alerting.cases import Case
from alerting.channels.channel import WarningMessage
from alerting.delivery import Delivery
from alerting.shelving import Shelf
from alerting.threads import Thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """One transaction of the desk, and what it decides; that holds once the transaction is committed."""

    connection: sqlite3.Connection
    now_ms: int  # event time
    in_flight: frozenset[int] = frozenset()  # deliveries being sent: nothing can replace them any more
    threads: dict[str, Thread] = field(default_factory=dict)  # those that changed
    cases: dict[str, Case] = field(default_factory=dict)  # those that changed
    shelves: dict[str, Shelf | None] = field(default_factory=dict)  # those that changed; none: taken down
    messages: list[WarningMessage] = field(default_factory=list)
    queued: dict[int, Delivery] = field(default_factory=dict)
    replaced: set[int] = field(default_factory=set)

    def queue(self, queued: list[Delivery], replaced: list[int]) -> None:
        """Note what the queue made of a message."""
        self.replaced.update(replaced)
        self.queued.update((one.id, one) for one in queued)
        for number in replaced:
            self.queued.pop(number, None)
