"""Renewal: a warning never expires while its danger lasts. Pure."""

from collections.abc import Iterable, Mapping

from alerting.threads import MessageKind, Telling, Thread
from rules.transition import Level

_SHARE = 10  # a renewal comes when a tenth of a message's life is left


def renewal_due_ms(thread: Thread) -> int | None:
    """When the story's newest message must be renewed; none if nothing is in force."""
    if not thread.open or thread.level is Level.NORMAL or not thread.issued:
        return None
    newest = thread.issued[-1]
    return newest.expires_ms - (newest.expires_ms - newest.sent_ms) // _SHARE


def due_renewals(threads: Mapping[str, Thread], now_ms: int) -> list[str]:
    """The stories whose newest message must be renewed now."""
    moments = ((name, renewal_due_ms(thread)) for name, thread in threads.items())
    return sorted(name for name, due_ms in moments if due_ms is not None and due_ms <= now_ms)


def next_renewal_ms(threads: Iterable[Thread]) -> int | None:
    """When the first renewal is due."""
    moments = (renewal_due_ms(thread) for thread in threads)
    return min((one for one in moments if one is not None), default=None)


def retell(thread: Thread, before: Level) -> Telling:
    """How the story stands, told once more; ``before`` is what people are taken to believe."""
    gravest = max(thread.alarms.values(), key=lambda alarm: (alarm.level, alarm.transition.at_ms))
    return Telling(
        kind=MessageKind.UPDATE,
        level=thread.level,
        before=before,
        sites=thread.sites or thread.told_sites,
        trigger=gravest.transition,
    )
