"""Threads: one story of many alarms; its level is that of its highest alarm, whatever comes in what order."""

from hypothesis import given
from hypothesis import strategies as st

from alerting.threads import Issued, MessageKind, Telling, Thread, Verdict, apply, record_issued, settle
from rules.transition import Announcement, Cause, Level
from tests.alerting.samples import announce, transition

KINDS = MessageKind


class Story:
    """A thread and all that it told."""

    def __init__(self) -> None:
        self.thread = Thread(hazard="flood", asset="river-01")
        self.told: list[Telling] = []
        self._minute = 0

    def hears(self, level: Level, *, rule: str = "river-level", **changes: object) -> Verdict:
        self._minute += 5
        key = f"{rule}|river-01-level:level"
        before = self.thread.alarms[key].level if key in self.thread.alarms else Level.NORMAL
        one = transition(level, before, minute=self._minute, rule=rule, **changes)  # type: ignore[arg-type]
        return self.takes(announce(one, seq=self._minute))

    def takes(self, announcement: Announcement) -> Verdict:
        self.thread, verdict, tellings = apply(self.thread, announcement)
        for telling in tellings:
            self._issue(telling)
        return verdict

    def settles(self) -> None:
        self.thread, telling = settle(self.thread)
        if telling is not None:
            self._issue(telling)

    def _issue(self, telling: Telling) -> None:
        self.told.append(telling)
        if telling.kind.tells_story:
            number = len(self.told)
            self.thread = record_issued(self.thread, Issued(f"m{number}", number, 10**6))

    @property
    def kinds(self) -> list[tuple[MessageKind, Level]]:
        return [(telling.kind, telling.level) for telling in self.told]


def test_a_rise_and_fall_is_an_alert_updates_and_an_all_clear() -> None:
    story = Story()
    for level in (Level.BLUE, Level.RED, Level.YELLOW, Level.NORMAL):
        story.hears(level)

    assert story.kinds == [
        (KINDS.ALERT, Level.BLUE),
        (KINDS.UPDATE, Level.RED),
        (KINDS.UPDATE, Level.YELLOW),
        (KINDS.ALL_CLEAR, Level.NORMAL),
    ]


def test_two_rules_of_one_asset_never_contradict_each_other() -> None:
    story = Story()
    story.hears(Level.ORANGE)
    story.hears(Level.YELLOW, rule="river-rise")
    story.hears(Level.NORMAL, rule="river-level")

    assert story.kinds == [(KINDS.ALERT, Level.ORANGE), (KINDS.UPDATE, Level.YELLOW)]


def test_all_is_clear_only_when_the_last_alarm_clears() -> None:
    story = Story()
    story.hears(Level.YELLOW)
    story.hears(Level.YELLOW, rule="river-rise")
    story.hears(Level.NORMAL)
    assert story.kinds == [(KINDS.ALERT, Level.YELLOW)]

    story.hears(Level.NORMAL, rule="river-rise")
    assert story.kinds[-1] == (KINDS.ALL_CLEAR, Level.NORMAL)


def test_what_comes_after_an_all_clear_is_a_new_episode() -> None:
    story = Story()
    for level in (Level.BLUE, Level.NORMAL, Level.YELLOW):
        story.hears(level)

    assert story.kinds[-1] == (KINDS.ALERT, Level.YELLOW)
    assert story.thread.episode == 2


def test_a_danger_that_spreads_to_another_site_is_told_at_the_same_level() -> None:
    story = Story()
    story.hears(Level.YELLOW)
    story.hears(Level.YELLOW, rule="lower-gauge", site="river-02")

    assert [telling.sites for telling in story.told] == [("river-01",), ("river-01", "river-02")]


def test_what_is_older_than_its_alarm_is_recorded_only() -> None:
    story = Story()
    story.takes(announce(transition(Level.RED, minute=20), seq=2))

    assert story.takes(announce(transition(Level.YELLOW, minute=10), seq=1)) is Verdict.STALE
    assert story.takes(announce(transition(Level.BLUE, minute=15), seq=9, epoch="e2")) is Verdict.STALE
    assert story.thread.level is Level.RED
    assert len(story.told) == 1


def test_the_engines_order_counts_where_there_is_one() -> None:
    story = Story()
    story.takes(announce(transition(Level.RED, minute=20), seq=2))

    assert story.takes(announce(transition(Level.YELLOW, minute=19), seq=3)) is Verdict.APPLIED


def test_a_standing_alarm_that_was_never_heard_of_is_told() -> None:
    story = Story()
    story.takes(announce(transition(Level.ORANGE), seq=0, standing=True))

    assert story.kinds == [(KINDS.ALERT, Level.ORANGE)]


def test_superseded_history_is_told_to_nobody_until_catching_up_ends() -> None:
    story = Story()

    assert story.hears(Level.RED, superseded=True) is Verdict.SUPERSEDED
    assert story.told == []

    story.settles()
    story.settles()
    assert story.kinds == [(KINDS.SUPPLEMENT, Level.RED)]
    assert story.thread.level is Level.NORMAL


def test_a_late_level_that_stands_is_told_with_the_higher_peak_once() -> None:
    story = Story()
    for level in (Level.YELLOW, Level.RED, Level.ORANGE):
        story.hears(level, superseded=True)
    story.hears(Level.YELLOW, cause=Cause.LATE)
    story.settles()

    assert story.kinds == [(KINDS.ALERT, Level.YELLOW), (KINDS.SUPPLEMENT, Level.RED)]


def test_a_late_peak_that_still_stands_needs_no_supplement() -> None:
    story = Story()
    story.hears(Level.YELLOW, superseded=True)
    story.hears(Level.RED, cause=Cause.LATE)
    story.settles()

    assert story.kinds == [(KINDS.ALERT, Level.RED)]


def test_a_changed_limit_is_noted_and_is_no_all_clear() -> None:
    story = Story()
    story.hears(Level.YELLOW)
    story.hears(Level.NORMAL, cause=Cause.LIMITS)
    assert story.kinds == [(KINDS.ALERT, Level.YELLOW), (KINDS.NOTICE, Level.NORMAL)]

    story.hears(Level.YELLOW)
    assert story.kinds[-1] == (KINDS.UPDATE, Level.YELLOW)


def test_a_changed_limit_that_raises_to_red_pages() -> None:
    story = Story()
    story.hears(Level.ORANGE, cause=Cause.LIMITS)
    story.hears(Level.RED, cause=Cause.LIMITS)

    assert story.kinds == [(KINDS.NOTICE, Level.ORANGE), (KINDS.ALERT, Level.RED)]


def test_a_message_that_expired_is_referred_to_only_if_nothing_else_is_left() -> None:
    thread = Thread(hazard="flood", asset="river-01")
    thread = record_issued(thread, Issued("a", 0, 100))
    thread = record_issued(thread, Issued("b", 50, 150))

    assert [one.identifier for one in thread.references(60)] == ["a", "b"]
    assert [one.identifier for one in thread.references(120)] == ["b"]
    assert [one.identifier for one in thread.references(200)] == ["b"]


alarms = st.tuples(st.sampled_from(["level", "rise", "gauge-2"]), st.sampled_from(list(Level)))


@given(st.lists(alarms, max_size=40))
def test_the_level_is_that_of_a_naive_fold_and_people_know_it(changes: list[tuple[str, Level]]) -> None:
    story = Story()
    levels: dict[str, Level] = {}
    believed = Level.NORMAL
    for rule, level in changes:
        story.hears(level, rule=rule)
        levels[rule] = level
        highest = max(levels.values())

        assert story.thread.level is highest
        if story.told:
            believed = story.told[-1].level
        assert believed is highest

    opened = [kind for kind, _ in story.kinds if kind in (KINDS.ALERT, KINDS.ALL_CLEAR)]
    assert opened == [(KINDS.ALERT, KINDS.ALL_CLEAR)[n % 2] for n in range(len(opened))]


@given(st.lists(alarms, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_level(changes: list[tuple[str, Level]], order: object) -> None:
    announcements = [
        announce(transition(level, minute=n, rule=rule), seq=n + 1) for n, (rule, level) in enumerate(changes)
    ]
    straight, shuffled = Story(), Story()
    for announcement in announcements:
        straight.takes(announcement)
    order.shuffle(announcements)  # type: ignore[attr-defined]
    for announcement in announcements:
        shuffled.takes(announcement)

    assert shuffled.thread.level is straight.thread.level
    assert shuffled.thread.sites == straight.thread.sites
