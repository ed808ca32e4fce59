"""What the tests of alerting are made of: the demo district, and transitions of its river."""

from functools import cache
from pathlib import Path

from alerting.contacts import Contacts
from alerting.load import load_contacts
from district.inventory import District
from district.load import load_district
from rules.transition import Announcement, Cause, Level, Transition

DEMO = Path(__file__).parents[2]
NOON_MS = 1_528_000_000_000  # 2018-06-03T04:26:40Z, just after noon in the demo district
MINUTE_MS = 60_000


@cache  # frozen, and slow to read
def demo_district() -> District:
    return load_district(DEMO)


@cache
def demo_contacts() -> Contacts:
    return load_contacts(DEMO, demo_district())


def transition(
    to: Level,
    before: Level = Level.NORMAL,
    *,
    minute: int = 0,
    rule: str = "river-level",
    subject: str = "river-01-level:level",
    site: str = "river-01",
    hazard: str = "flood",
    cause: Cause = Cause.SAMPLE,
    value: float | None = 1.198,
    uncertain: bool = False,
    blind: bool = False,
    superseded: bool = False,
) -> Transition:
    at_ms = NOON_MS + minute * MINUTE_MS
    return Transition(
        at_ms=at_ms,
        rule=rule,
        subject=subject,
        site=site,
        hazard=hazard,
        before=before,
        to=to,
        value=value,
        limit=1.2,
        unit="m",
        sampled_ms=at_ms,
        cause=cause,
        uncertain=uncertain,
        blind=blind,
        superseded=superseded,
    )


def announce(one: Transition, seq: int = 1, *, epoch: str = "e1", standing: bool = False) -> Announcement:
    return Announcement(epoch=epoch, seq=seq, transition=one, standing=standing)
