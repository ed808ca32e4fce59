"""What a device refuses to answer for, and when to ask again: pure."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

_FIRST_S = 600.0
_LONGEST_S = 86_400.0

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class _Held:
    until_s: float
    for_s: float


class Quarantine(Generic[Key]):
    """Things that were refused; each is tried again after ten minutes, later ever more rarely."""

    def __init__(self) -> None:
        self._held: dict[Key, _Held] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._held

    def __bool__(self) -> bool:
        return bool(self._held)

    @property
    def keys(self) -> frozenset[Key]:
        """Everything that is held, also what may be tried again by now."""
        return frozenset(self._held)

    def refused(self, key: Key, now_s: float) -> None:
        """Hold a thing; twice as long as before if it is held already."""
        held = self._held.get(key)
        for_s = _FIRST_S if held is None else min(_LONGEST_S, held.for_s * 2)
        self._held[key] = _Held(now_s + for_s, for_s)

    def accepted(self, key: Key) -> bool:
        """Let a thing go; true if it had been held."""
        return self._held.pop(key, None) is not None

    def to_try(self, now_s: float) -> list[Key]:
        """What has been held long enough to be tried again."""
        return [key for key, held in self._held.items() if held.until_s <= now_s]
