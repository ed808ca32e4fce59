"""How one instrument is: pure; when it counts as silent, and when a dead one is worth another attempt."""

import random

_SILENT_AFTER = 2  # failures in a row; one is an accident
_FIRST_PAUSE_S = 1.0
_SHARE = 0.05  # of its bus's time that a dead instrument may cost


class Health:
    """The record of one instrument's attempts.

    Args:
        attempt_s: What a failed attempt costs the bus, in seconds.
    """

    def __init__(self, *, attempt_s: float) -> None:
        self.is_silent = False
        self._longest_pause_s = max(_FIRST_PAUSE_S, attempt_s / _SHARE)
        self._pause_s = _FIRST_PAUSE_S
        self._failures = 0
        self._not_before_s = 0.0

    def may_try(self, now_s: float) -> bool:
        """Whether an attempt now is worth its cost; always, unless it is silent."""
        return now_s >= self._not_before_s

    def answered(self) -> bool:
        """Note an answer; true if it had been silent."""
        was_silent, self.is_silent = self.is_silent, False
        self._failures = 0
        self._pause_s, self._not_before_s = _FIRST_PAUSE_S, 0.0
        return was_silent

    def failed(self, now_s: float) -> bool:
        """Note an attempt without an answer; true if it counts as silent from now on."""
        self._failures += 1
        if self._failures < _SILENT_AFTER:
            return False
        self._not_before_s = now_s + self._pause_s * random.uniform(0.5, 1.0)
        self._pause_s = min(self._longest_pause_s, self._pause_s * 2)
        was_silent, self.is_silent = self.is_silent, True
        return not was_silent
