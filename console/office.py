"""What every page works with."""

from dataclasses import dataclass
from pathlib import Path

from collector.manual import Manual
from collector.store import Store
from console.administration import Administration
from console.asking import Asker
from console.drafts import Drafting
from console.files import Files
from console.gate import Gate
from console.journal import Journal
from console.newest import Newest
from console.register import Register
from console.stream import Stream
from console.trial import Trial
from district.inventory import District
from transport.clock import Clock
from transport.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The parts of one console, connected."""

    district: District
    files: Files
    state_dir: Path
    clock: Clock
    store: Store
    register: Register
    gate: Gate
    administration: Administration
    journal: Journal
    stream: Stream
    newest: Newest
    asker: Asker
    trial: Trial
    drafting: Drafting
    manual: Manual
    session: Session  # with the broker

    def counters(self) -> dict[str, float]:
        """What the console has done since it started."""
        return {
            "readings": self.newest.readings,
            "screens": self.stream.screens,
            "entries": self.journal.last,
            "dropped": self.session.dropped,
        }

    def needs(self) -> dict[str, bool]:
        """Whether each thing is there that the console needs."""
        return {"broker": self.session.connected.is_set(), "ledger": self.journal.is_there}
