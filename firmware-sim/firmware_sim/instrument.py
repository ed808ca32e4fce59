"""What every simulated instrument has: a name, faults, a counter of its answers, a record."""

from collections.abc import Collection
from typing import Any

from firmware_sim.faults import FaultName, FaultSet
from firmware_sim.record import Record


class Instrument:
    """The identity of one instrument while the simulator runs."""

    def __init__(self, name: str, line: str, possible: Collection[FaultName], record: Record) -> None:
        """Start intact; the counter goes on from the record, so that it never repeats."""
        self.name = name
        self.line = line
        self.faults = FaultSet(name, possible)
        self.record = record
        self.answers = record.last_counter(name)
        self.pending = 0  # HJ 212: frames that no 9014 has answered

    def status(self) -> dict[str, Any]:
        """Return what a person wants to know."""
        return {
            "line": self.line,
            "answers": self.answers,
            "pending": self.pending,
            "faults": self.faults.names,
        }
