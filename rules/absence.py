"""One silence rule for one device over a long time: arrays find the readings that end a gap or are the first.

Between those nothing changes for a device that is heard, so nothing is asked.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping

import numpy as np

from rules.rulebook import SilenceWatch
from rules.series import QUALITIES, Ints, Records, Series
from rules.silence import hear, judge_silence, note_fault
from rules.state import SilenceState
from rules.transition import Transition
from transport.batch import Sample


class Absence:
    """What a silence rule must be asked, and when; its state as of then."""

    def __init__(self, watch: SilenceWatch, series: Mapping[str, Series], begun_ms: int) -> None:
        self.watch = watch
        self.state = SilenceState()
        self._points = {
            name.partition(":")[2]: each
            for name, each in series.items()
            if name.partition(":")[0] == watch.device
        }
        heard = {point: each.sampled_ms for point, each in self._points.items()}
        if watch.watched:
            heard = {point: heard.get(point, np.zeros(0, dtype=np.int64)) for point in watch.watched}
        self._heard_ms = heard
        missed = list(heard.values()) if watch.watched else [_together(list(heard.values()))]
        stops = _together([each for at_ms in missed for each in (at_ms[:1], _after_gaps(at_ms, watch))])
        self._stops_ms: list[int] = stops.tolist()
        self._events_ms: list[int] | None = None
        self._records = Records(series)
        self._begun_ms = begun_ms
        self.due_ms = [each for at_ms in missed for each in _due(at_ms, watch, begun_ms)]

    def next_ms(self, at_ms: int) -> int | None:
        """The next instant from ``at_ms`` on at which the device must be heard."""
        stops = self._events if self.state.level else self._stops_ms
        found = bisect_left(stops, at_ms)
        return stops[found] if found < len(stops) else None

    @property
    def _events(self) -> list[int]:
        if self._events_ms is None:
            self._events_ms = _together(list(self._heard_ms.values())).tolist()
        return self._events_ms

    def hear(self, now_ms: int) -> Iterator[Transition]:
        """Hear what was taken at ``now_ms``, and what went before without a question."""
        self.catch_up(now_ms)
        signs: list[tuple[int, str | None]] = []
        for point, at_ms in self._heard_ms.items():
            found = int(np.searchsorted(at_ms, now_ms))
            if found < len(at_ms) and int(at_ms[found]) == now_ms:
                signs.append((now_ms, point))
        yield from hear(self.watch, self.state, signs, self._records, now_ms)

    def judge(self, alarmed_sites: Mapping[str, int], now_ms: int) -> list[Transition]:
        """Judge the silence; see :func:`rules.silence.judge_silence`."""
        return judge_silence(
            self.watch,
            self.state,
            self._records,
            alarmed_sites=alarmed_sites,
            hearing_since_ms=self._begun_ms,
            now_ms=now_ms,
        )

    def catch_up(self, now_ms: int) -> None:
        """Note what the device said before ``now_ms``, good and bad."""
        for point, at_ms in self._heard_ms.items():
            found = int(np.searchsorted(at_ms, now_ms))
            if found:
                self.state.heard_ms[point] = int(at_ms[found - 1])
        for point, each in self._points.items():
            row = bisect_right(each.faults, each.before(now_ms) - 1) - 1
            if row >= 0:
                fault = each.faults[row]
                quality = QUALITIES[int(each.qualities[fault])]
                note_fault(
                    self.state, Sample(self.watch.device, point, int(each.at_ms[fault]), None, quality)
                )


def _together(columns: list[Ints]) -> Ints:
    return np.unique(np.concatenate(columns)) if columns else np.zeros(0, dtype=np.int64)


def _after_gaps(at_ms: Ints, watch: SilenceWatch) -> Ints:
    return at_ms[1:][np.diff(at_ms) > watch.stale_after_ms]


def _due(at_ms: Ints, watch: SilenceWatch, begun_ms: int) -> list[int]:
    """The instants at which a silence of one point may begin."""
    heard = np.concatenate((np.array([begun_ms], dtype=np.int64), at_ms))
    due = heard + watch.silent_after_ms + 1
    missed = np.append(heard[1:] >= due[:-1], True)
    return [int(each) for each in due[missed]]
