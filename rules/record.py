"""The record: what one point has said lately, sorted by time whatever order it came in."""

from bisect import bisect_left, bisect_right
from enum import IntEnum
from typing import NamedTuple

import msgspec

from transport.measurement import Quality

_BELIEVED_AHEAD_MS = 60_000  # clocks that are kept differ by less


class Mark(IntEnum):
    """What an entry of a record is worth."""

    GOOD = 0
    UNCERTAIN = 1
    CARRIED = 2  # a suppressed poll: a good sample of the value before it
    BAD = 3  # no sample; it stands here so that nothing is carried over it
    EMPTY = 4  # a suppressed poll with no good value before it: no sample

    @property
    def is_sample(self) -> bool:
        """Whether a rule may judge it."""
        return self <= Mark.CARRIED

    @property
    def is_good(self) -> bool:
        """Whether it may both raise and clear."""
        return self is Mark.GOOD or self is Mark.CARRIED


def mark_of(quality: Quality, *, ahead_ms: int) -> Mark:
    """The mark of a reading of this quality that is dated so far ahead of our own clock.

    What a clock that runs ahead says of the future is of doubtful time: it may raise and not clear.
    """
    if quality.is_good:
        return Mark.GOOD if ahead_ms <= _BELIEVED_AHEAD_MS else Mark.UNCERTAIN
    return Mark.UNCERTAIN if quality.is_uncertain else Mark.BAD


class Change(NamedTuple):
    """How far a value has moved over a window, and whether that rests on good samples alone."""

    value: float
    good: bool


class Record(msgspec.Struct, kw_only=True):
    """The readings of one point in its own unit, as three columns sorted by time."""

    at_ms: list[int] = []
    values: list[float] = []
    marks: list[Mark] = []

    def put(self, at_ms: int, value: float | None, mark: Mark) -> bool:
        """Take a reading; a repeat of an instant changes nothing. Return whether anything changed."""
        if not self.at_ms or at_ms > self.at_ms[-1]:  # nearly always
            self.at_ms.append(at_ms)
            self.values.append(0.0 if value is None else value)
            self.marks.append(mark)
            return True
        index = bisect_left(self.at_ms, at_ms)
        if self.at_ms[index] != at_ms:
            self.at_ms.insert(index, at_ms)
            self.values.insert(index, 0.0)
            self.marks.insert(index, Mark.EMPTY)
        elif self.marks[index] not in {Mark.CARRIED, Mark.EMPTY}:
            return False
        self.values[index] = 0.0 if value is None else value
        self.marks[index] = mark
        self._carry_on(index)
        return True

    def carry(self, at_ms: int) -> bool:
        """Take a suppressed poll. Return whether anything changed."""
        index = bisect_left(self.at_ms, at_ms)
        if index < len(self.at_ms) and self.at_ms[index] == at_ms:
            return False
        self.at_ms.insert(index, at_ms)
        self.values.insert(index, 0.0)
        self.marks.insert(index, Mark.EMPTY)
        self._carry_on(index - 1)
        return True

    def _carry_on(self, index: int) -> None:
        """Give the suppressed polls right behind ``index`` the value that stands there."""
        good = index >= 0 and self.marks[index].is_good
        for follower in range(index + 1, len(self.at_ms)):
            if self.marks[follower] not in {Mark.CARRIED, Mark.EMPTY}:
                return
            self.values[follower] = self.values[index] if good else 0.0
            self.marks[follower] = Mark.CARRIED if good else Mark.EMPTY

    def is_sample_at(self, at_ms: int) -> bool:
        """Whether there is a sample of this very instant."""
        index = bisect_left(self.at_ms, at_ms)
        return index < len(self.at_ms) and self.at_ms[index] == at_ms and self.marks[index].is_sample

    def sample_before(self, index: int) -> int | None:
        """The index of the last sample before position ``index``."""
        return self._sample_at_or_before(index - 1)

    def count_to(self, at_ms: int) -> int:
        """How many readings there are up to an instant, included."""
        return bisect_right(self.at_ms, at_ms)

    def newest_sample(self) -> int | None:
        """The index of the newest sample."""
        return self._sample_at_or_before(len(self.at_ms) - 1)

    def change(self, index: int, over_ms: int) -> Change | None:
        """The value of the sample at ``index`` minus the value ``over_ms`` earlier.

        The earlier value is interpolated linearly between the samples around that instant; with none at or
        before it there is no result.
        """
        then_ms = self.at_ms[index] - over_ms
        before = self._sample_at_or_before(bisect_right(self.at_ms, then_ms) - 1)
        if before is None:
            return None
        value, good = self.values[before], self.marks[before].is_good
        if self.at_ms[before] != then_ms:
            after = before + 1
            while not self.marks[after].is_sample:  # the sample at ``index`` ends the search
                after += 1
            share = (then_ms - self.at_ms[before]) / (self.at_ms[after] - self.at_ms[before])
            value += (self.values[after] - value) * share
            good = good and self.marks[after].is_good
        return Change(self.values[index] - value, good and self.marks[index].is_good)

    def longest_gap_ms(self, since_ms: int) -> int:
        """The longest time between successive samples from the last one before ``since_ms`` on."""
        first = self._sample_at_or_before(bisect_left(self.at_ms, since_ms) - 1)
        longest_ms, previous_ms = 0, None
        for index in range(first or 0, len(self.at_ms)):
            if self.marks[index].is_sample:
                if previous_ms is not None:
                    longest_ms = max(longest_ms, self.at_ms[index] - previous_ms)
                previous_ms = self.at_ms[index]
        return longest_ms

    def drop_before(self, at_ms: int) -> None:
        """Forget what is older than ``at_ms``, except the last sample before it: windows reach back to it."""
        kept = self._sample_at_or_before(bisect_right(self.at_ms, at_ms) - 1)
        if kept:
            del self.at_ms[:kept], self.values[:kept], self.marks[:kept]

    def _sample_at_or_before(self, index: int) -> int | None:
        while index >= 0 and not self.marks[index].is_sample:
            index -= 1
        return index if index >= 0 else None
