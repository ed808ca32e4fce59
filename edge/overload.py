"""Whether a bus keeps up with what is asked of it: pure."""

_CALM_S = 60.0  # so long without a missed poll is keeping up


class Overload:
    """A bus is overloaded from the second missed poll within a minute until a minute passes without one."""

    def __init__(self) -> None:
        self.is_on = False
        self._missed_s: float | None = None

    def note(self, missed: int, now_s: float) -> bool:
        """Note how many polls were missed before the one that begins; true if the state has changed."""
        was_on = self.is_on
        recently = self._missed_s is not None and now_s - self._missed_s < _CALM_S
        self.is_on = recently if not missed else recently or missed > 1
        if missed:
            self._missed_s = now_s
        return self.is_on != was_on
