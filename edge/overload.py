"""Whether a bus keeps up with what is asked of it: pure."""

_CALM_S = 60.0  # so long without a missed poll is keeping up
_MISSED = 5  # polls without such a calm between them; a device that dies may cost its neighbours fewer


class Overload:
    """A bus is overloaded from its fifth missed poll until a minute passes without one."""

    def __init__(self) -> None:
        self.is_on = False
        self._missed = 0
        self._missed_s = 0.0

    def note(self, missed: int, now_s: float) -> bool:
        """Note how many polls were missed before the one that begins; true if the state has changed."""
        was_on = self.is_on
        if self._missed and now_s - self._missed_s >= _CALM_S:
            self._missed = 0
        if missed:
            self._missed += missed
            self._missed_s = now_s
        self.is_on = self._missed >= _MISSED
        return self.is_on != was_on
