"""Threads: many alarms of one hazard at one asset told as one story. Pure: values in, values out."""

from enum import StrEnum

import msgspec

from rules.transition import Announcement, Cause, Level, Transition


class Verdict(StrEnum):
    """What became of a transition."""

    APPLIED = "applied"  # it is its alarm's state now
    STALE = "stale"  # its alarm has gone on since
    SUPERSEDED = "superseded"  # history found while catching up


class MessageKind(StrEnum):
    """What a message is in its thread's story."""

    ALERT = "alert"  # the story begins
    UPDATE = "update"  # the level or the area changed
    ALL_CLEAR = "all-clear"  # the last alarm cleared
    SUPPLEMENT = "supplement"  # beside the story, to duty: what came late had been higher
    NOTICE = "notice"  # beside the story, on duty's console: a limit changed, nothing in the field

    @property
    def tells_story(self) -> bool:
        """Whether it is part of the chain that each later message refers to."""
        return self not in (MessageKind.SUPPLEMENT, MessageKind.NOTICE)


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one rule for one subject, as last heard."""

    transition: Transition
    epoch: str | None = None  # of the engine; none for a repeat, whose number says nothing of its order
    seq: int = 0

    @property
    def level(self) -> Level:
        """How grave it is."""
        return self.transition.to

    @property
    def active(self) -> bool:
        """Whether it is above normal."""
        return self.level is not Level.NORMAL


class Issued(msgspec.Struct, frozen=True):
    """A message of the story, as later ones refer to it."""

    identifier: str
    sent_ms: int
    expires_ms: int


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """The story of one hazard at one asset."""

    hazard: str
    asset: str
    alarms: dict[str, Alarm] = {}  # by rule and subject; never changed in place
    late_peak: Transition | None = None  # the highest found while catching up, not yet told
    told: Level = Level.NORMAL
    told_sites: tuple[str, ...] = ()
    episode: int = 0
    open: bool = False  # an episode has begun and no all-clear ended it
    opened_ms: int | None = None  # when people were first told of the episode
    issued: tuple[Issued, ...] = ()  # oldest first; what expired long ago is dropped

    @property
    def name(self) -> str:
        """Safe in a topic; an id never has two hyphens in a row, so it can be taken apart again."""
        return thread_name(self.hazard, self.asset)

    @property
    def level(self) -> Level:
        """The highest of its alarms."""
        return max((alarm.level for alarm in self.alarms.values()), default=Level.NORMAL)

    @property
    def sites(self) -> tuple[str, ...]:
        """Where its alarms are active."""
        return tuple(sorted({alarm.transition.site for alarm in self.alarms.values() if alarm.active}))

    def references(self, now_ms: int) -> tuple[Issued, ...]:
        """Every unexpired message; the newest at least, for an update must refer to something."""
        return tuple(one for one in self.issued if one.expires_ms > now_ms) or self.issued[-1:]


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """A message that has become due."""

    kind: MessageKind
    level: Level
    before: Level  # what people believed until now
    sites: tuple[str, ...]  # whose areas are affected
    trigger: Transition


def thread_name(hazard: str, asset: str) -> str:
    """The name of a thread."""
    return f"{hazard}--{asset}"


def apply(thread: Thread, announcement: Announcement) -> tuple[Thread, Verdict, list[Telling]]:
    """Take one transition that was never seen before: the thread after it and what must be told."""
    transition = announcement.transition
    if transition.superseded:
        peak = max(filter(None, (thread.late_peak, transition)), key=lambda one: one.to)
        return msgspec.structs.replace(thread, late_peak=peak), Verdict.SUPERSEDED, []
    key = f"{transition.rule}|{transition.subject}"
    alarm = _alarm(announcement)
    known = thread.alarms.get(key)
    if known is not None and _is_older(alarm, known):
        return thread, Verdict.STALE, []
    after = msgspec.structs.replace(thread, alarms={**thread.alarms, key: alarm})
    after, telling = _tell(after, transition)
    after, supplement = settle(after) if _same_alarm(thread.late_peak, transition) else (after, None)
    return after, Verdict.APPLIED, [one for one in (telling, supplement) if one is not None]


def settle(thread: Thread) -> tuple[Thread, Telling | None]:
    """End catching up: duty is told once of a peak that was higher than what stands (补报)."""
    peak = thread.late_peak
    if peak is None:
        return thread, None
    after = msgspec.structs.replace(thread, late_peak=None)
    if peak.to <= max(thread.level, thread.told):
        return after, None
    return after, Telling(
        kind=MessageKind.SUPPLEMENT, level=peak.to, before=thread.told, sites=(peak.site,), trigger=peak
    )


def record_issued(thread: Thread, issued: Issued) -> Thread:
    """Add a message to the story; those that no later one can refer to are dropped."""
    kept = tuple(one for one in thread.issued if one.expires_ms > issued.sent_ms)
    opened_ms = issued.sent_ms if thread.opened_ms is None else thread.opened_ms
    return msgspec.structs.replace(thread, issued=(*kept, issued), opened_ms=opened_ms)


def _tell(thread: Thread, trigger: Transition) -> tuple[Thread, Telling | None]:
    level, sites = thread.level, thread.sites
    if trigger.cause is Cause.LIMITS and not (level is Level.RED and thread.told < Level.RED):
        return _note_limits(thread, trigger)
    if level == thread.told and (sites == thread.told_sites or not sites):
        return thread, None
    kind = _next_kind(thread)
    if kind is None:
        return msgspec.structs.replace(thread, told=level, told_sites=sites), None
    telling = Telling(
        kind=kind, level=level, before=thread.told, sites=sites or thread.told_sites, trigger=trigger
    )
    after = msgspec.structs.replace(
        thread,
        told=level,
        told_sites=sites,
        open=kind is not MessageKind.ALL_CLEAR,
        opened_ms=None if kind is MessageKind.ALERT else thread.opened_ms,
        episode=thread.episode + (kind is MessageKind.ALERT),
    )
    return after, telling


def _note_limits(thread: Thread, trigger: Transition) -> tuple[Thread, Telling | None]:
    """A changed limit shows on duty's console and is no all-clear; what rises after it is told anew."""
    if thread.level == thread.told:
        return thread, None
    telling = Telling(
        kind=MessageKind.NOTICE,
        level=thread.level,
        before=thread.told,
        sites=thread.sites or (trigger.site,),
        trigger=trigger,
    )
    return msgspec.structs.replace(thread, told=min(thread.told, thread.level)), telling


def _next_kind(thread: Thread) -> MessageKind | None:
    if thread.level is Level.NORMAL:
        return MessageKind.ALL_CLEAR if thread.open else None
    return MessageKind.UPDATE if thread.open and thread.issued else MessageKind.ALERT


def _same_alarm(one: Transition | None, other: Transition) -> bool:
    return one is not None and (one.rule, one.subject) == (other.rule, other.subject)


def _alarm(announcement: Announcement) -> Alarm:
    if announcement.standing:
        return Alarm(transition=announcement.transition)
    return Alarm(transition=announcement.transition, epoch=announcement.epoch, seq=announcement.seq)


def _is_older(one: Alarm, other: Alarm) -> bool:
    """The engine's own order where both have a number in it, else event time."""
    if one.epoch is not None and one.epoch == other.epoch:
        return one.seq < other.seq
    return one.transition.at_ms < other.transition.at_ms
