"""How many messages a person gets: at most ten below red in ten minutes; what is beyond comes rolled up.

Red is neither counted nor held back. All times are event time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from alerting.delivery import Delivery
from rules.transition import Level

MOST = 10
WINDOW_MS = 600_000
GATHER_MS = 60_000  # so long a roll-up waits for more; the last of the ten is kept for it
ROLL_UP = "roll-up--"
"""What lanes of roll-ups begin with: each has its own, for none replaces another."""


class Quota:
    """What each person has had lately, and for whom something is held back."""

    def __init__(self, handed: Iterable[tuple[str, int]] = (), held: Mapping[str, int] | None = None) -> None:
        self._handed: defaultdict[str, list[int]] = defaultdict(list)  # when, ascending
        self._taken: defaultdict[str, set[int]] = defaultdict(set)  # deliveries that are on their way
        self._held = dict(held or {})  # since when
        for person, at_ms in sorted(handed, key=lambda one: one[1]):
            self._handed[person].append(at_ms)

    def admits(self, delivery: Delivery, now_ms: int) -> bool:
        """Whether a delivery may go now; it then counts, though it be tried several times."""
        if delivery.level is Level.RED or delivery.id in self._taken[delivery.person]:
            return True
        rolls_up = delivery.lane.startswith(ROLL_UP)
        if not rolls_up and delivery.person in self._held:
            return False  # it joins what is held back, so that nothing overtakes
        if self._used(delivery.person, now_ms) >= MOST - (not rolls_up):
            return False
        self._taken[delivery.person].add(delivery.id)
        return True

    def ended(self, delivery: Delivery, *, handed_ms: int | None) -> None:
        """Note that a delivery went at ``handed_ms``, or will never go."""
        taken = self._taken[delivery.person]
        if delivery.id in taken:
            taken.discard(delivery.id)
            if handed_ms is not None:
                self._handed[delivery.person].append(handed_ms)

    def hold(self, person: str, now_ms: int) -> None:
        """Note that something is held back for a person."""
        self._held.setdefault(person, now_ms)

    def rolled(self, person: str) -> None:
        """Note that nothing is held back for a person any more."""
        self._held.pop(person, None)

    def due(self, now_ms: int) -> list[str]:
        """For whom a roll-up may go now."""
        return sorted(person for person in self._held if self._due_ms(person) <= now_ms)

    def next_ms(self) -> int | None:
        """When a roll-up may go next; none if nothing is held back."""
        return min((self._due_ms(person) for person in self._held), default=None)

    @property
    def held_for(self) -> int:
        """For how many people something is held back."""
        return len(self._held)

    def _due_ms(self, person: str) -> int:
        """After gathering, once fewer than ten count: the tenth last then leaves the window."""
        gathered = self._held[person] + GATHER_MS
        spare = MOST - len(self._taken[person])
        handed = self._handed[person]
        if len(handed) < spare:
            return gathered
        return max(gathered, handed[-max(1, spare)] + WINDOW_MS + 1)

    def _used(self, person: str, now_ms: int) -> int:
        handed = self._handed[person]
        while handed and handed[0] < now_ms - WINDOW_MS:
            handed.pop(0)
        return len(handed) + len(self._taken[person])
