"""How often somebody may try: attempts within a sliding window, by whoever makes them."""

from collections import deque
from collections.abc import Callable

_MOST_KNOWN = 10_000  # whoever tries from more places than that is refused by the accounts' own locks


class Pace:
    """Counts attempts by name; a name that was too quick waits until the window has passed."""

    def __init__(self, most: int, within_s: float, *, now_s: Callable[[], float]) -> None:
        self._most = most
        self._within_s = within_s
        self._now_s = now_s
        self._attempts: dict[str, deque[float]] = {}

    def allows(self, name: str) -> bool:
        """Whether one more attempt is allowed; if so, it counts."""
        now_s = self._now_s()
        attempts = self._attempts.pop(name, None) or deque()
        while attempts and attempts[0] <= now_s - self._within_s:
            attempts.popleft()
        allowed = len(attempts) < self._most
        if allowed:
            attempts.append(now_s)
        self._attempts[name] = attempts  # the newest last
        while len(self._attempts) > _MOST_KNOWN:
            del self._attempts[next(iter(self._attempts))]
        return allowed
