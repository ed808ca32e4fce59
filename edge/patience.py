"""How long to wait for a device, learned from its own round trips: pure."""

_MARGIN_S = 0.03  # adapters and busy machines hand bytes over so late at times
_SHORTEST_S = 0.05
_DEVIATIONS = 4
_SMOOTHING, _DEVIATION_SMOOTHING = 1 / 8, 1 / 4
_GENEROUS, _GENEROUS_S = 6, 0.3  # an answer given up is a reading lost: who answers is given time
_PATIENT_EVERY = 4  # of the attempts on a silent device, one in so many waits as long as the bus has time
_SURELY_PATIENT_EVERY = 16  # and one in so many the longest, in case it has only become slower


class Patience:
    """The wait for one device's answers, beyond the time that request and answer take on the wire.

    A round trip is expected within its smoothed length and four deviations, as TCP does. A device that
    answers is given six times that; the attempt after its first silence waits the longest, in case it has
    only become slower. Then most attempts are cheap, one in four takes the time that nobody else needs, and
    one in sixteen the longest.

    Args:
        longest_s: What the configuration allows; also the wait for a device that was never heard.
    """

    def __init__(self, *, longest_s: float) -> None:
        self._longest_s = longest_s
        self._round_trip_s: float | None = None
        self._deviation_s = 0.0
        self._silences = 0

    @property
    def expected_s(self) -> float | None:
        """Within what time its round trips say that it answers; none before it has."""
        if self._round_trip_s is None:
            return None
        wait_s = self._round_trip_s + _DEVIATIONS * self._deviation_s + _MARGIN_S
        return min(self._longest_s, max(_SHORTEST_S, wait_s))

    @property
    def round_trip_s(self) -> float | None:
        """The smoothed time it takes to answer, without the time on the wire."""
        return self._round_trip_s

    def timeout_s(self, usual_s: float | None = None, spare_s: float = 0.0) -> float:
        """The wait for the next answer.

        Args:
            usual_s: What suffices for the others on its bus; a silent device that was never heard gets that.
            spare_s: How long nobody else needs the bus.
        """
        expected_s = self.expected_s
        if self._silences == 0:
            generous_s = self._longest_s if expected_s is None else max(_GENEROUS_S, _GENEROUS * expected_s)
            return min(generous_s, self._longest_s)
        cheap_s = expected_s if expected_s is not None else usual_s
        if cheap_s is None or self._silences % _SURELY_PATIENT_EVERY == 1:
            return self._longest_s
        if self._silences % _PATIENT_EVERY == 1:
            cheap_s = max(cheap_s, spare_s)
        return min(cheap_s, self._longest_s)

    def heard(self, round_trip_s: float) -> None:
        """Note an answer and how long it took, without the time on the wire."""
        round_trip_s = max(0.0, round_trip_s)
        self._silences = 0
        if self._round_trip_s is None:
            self._round_trip_s, self._deviation_s = round_trip_s, round_trip_s / 2
            return
        error_s = round_trip_s - self._round_trip_s
        self._deviation_s += _DEVIATION_SMOOTHING * (abs(error_s) - self._deviation_s)
        self._round_trip_s += _SMOOTHING * error_s

    def silent(self) -> None:
        """Note that no answer came in time."""
        self._silences += 1
