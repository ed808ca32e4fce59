"""How fast a provider lets us post; the last places of each window are kept for red, which is never held."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Limit(NamedTuple):
    """At most ``posts`` in any ``window_s`` seconds; others than red leave ``for_red`` of them free."""

    posts: int
    window_s: float
    for_red: int


class Pace:
    """Keeps one account within its limits."""

    def __init__(self, limits: Sequence[Limit], *, now_s: Callable[[], float]) -> None:
        self._limits = limits
        self._now_s = now_s
        self._longest_s = max(limit.window_s for limit in limits)
        self._taken: deque[float] = deque()

    def take(self, *, red: bool) -> float:
        """Take a place for one post and return 0, or the seconds until there may be one."""
        now = self._now_s()
        while self._taken and now - self._taken[0] >= self._longest_s:
            self._taken.popleft()
        wait_s = 0.0 if red else max(self._wait_s(limit, now) for limit in self._limits)
        if wait_s <= 0.0:
            self._taken.append(now)
            return 0.0
        return wait_s

    def _wait_s(self, limit: Limit, now: float) -> float:
        within = [at for at in self._taken if now - at < limit.window_s]
        excess = len(within) - (limit.posts - limit.for_red)
        return within[excess] + limit.window_s - now if excess >= 0 else 0.0
