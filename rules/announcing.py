"""Numbers transitions in one sequence, with those of the rules about rules that they lead to."""

from collections import defaultdict
from collections.abc import Sequence

from rules.combining import combine, expire
from rules.rulebook import Rulebook
from rules.state import Announced, CombinationState, EngineState, SilenceState, WatchState
from rules.transition import Transition


class Announcer:
    """Knows what people are told of each alarm, and judges rules about rules by it."""

    def __init__(self, rulebook: Rulebook, state: EngineState) -> None:
        self._state = state
        self._combinations = {key_of(each.rule, each.subject): each for each in rulebook.combinations}
        self._judged_by: defaultdict[str, list[str]] = defaultdict(list)  # alarm to combinations of it
        for key, combination in self._combinations.items():
            state.combinations.setdefault(key, CombinationState())
            for alarm in combination.inputs:
                self._judged_by[alarm].append(key)

    @property
    def combinations(self) -> frozenset[str]:
        """Keys of the rules about rules."""
        return frozenset(self._combinations)

    def expire(self, now_ms: int) -> list[Transition]:
        """What changes because alarms that have fallen cease to count."""
        return [
            each
            for key, combination in self._combinations.items()
            for each in expire(combination, self._state.combinations[key], now_ms)
        ]

    def number(self, news: Sequence[Transition]) -> list[Announced]:
        """Number transitions, by instant and name, and those they lead to; note what people are told."""
        announced = []
        waiting = sorted(news, key=lambda each: (each.at_ms, each.rule, each.subject))
        waiting.reverse()
        while waiting:
            transition = waiting.pop()
            self._state.ordinal += 1
            numbered = Announced(self._state.ordinal, transition)
            announced.append(numbered)
            key = key_of(transition.rule, transition.subject)
            if self._is_told(key, numbered):
                for combined in self._judged_by.get(key, ()):
                    combination, state = self._combinations[combined], self._state.combinations[combined]
                    waiting += reversed(list(combine(combination, state, key, transition)))
        return announced

    def _is_told(self, key: str, numbered: Announced) -> bool:
        """Note what people are told of an alarm; whether it is the newest of it."""
        state = self._state
        alarm: WatchState | SilenceState | CombinationState | None = (
            state.watches.get(key) or state.silences.get(key) or state.combinations.get(key)
        )
        if alarm is None or numbered.transition.superseded:
            return False
        before = alarm.standing
        if before is not None and numbered.transition.at_ms < before.transition.at_ms:
            return False
        alarm.standing = numbered
        return True


def key_of(rule: str, subject: str) -> str:
    """The name of one alarm."""
    return f"{rule}|{subject}"
