"""Alone: what a gateway does while the centre is away.

The centre is away when alerting's beat has been missing for a minute, whatever the cause: alerting beats only
while the rules engine does. The judge sees every batch all the time, so that it knows how things stand when
it is needed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

import structlog

from edge.siren import Sirens
from transport.batch import Batch
from transport.beat import Beat

log = structlog.get_logger(__name__)

ALERTING = "alerting"
AWAY_AFTER_S = 60.0  # wall time
_LOOK_EVERY_S = 0.5
_TOLD_WITHIN = 1 / 12  # of that: five seconds after the gateway, the centre knows too
_AGAIN_AFTER_S = 5.0  # a relay that did not obey


class Danger(NamedTuple):
    """One alarm that stands, as the gateway sees it."""

    rule: str
    subject: str
    level: str
    value: float | None
    since_ms: int  # when its episode began


class Judge(Protocol):
    """Whoever knows the rules that a gateway may act upon."""

    def take(self, batch: Batch) -> None:
        """Judge what was read."""
        ...

    def dangers(self) -> list[Danger]:
        """The alarms that stand."""
        ...


class Alone:
    """Watches whether the centre is there, and acts in its place while it is not.

    Args:
        judge: Knows how things stand.
        actions: By level: the sirens that sound.
        sirens: Sounds them.
        monotonic_s: Seconds that nobody can set.
        done: Hears which siren was sounded, and for what.
        away_after_s: How long alerting's beat may be missing.
    """

    def __init__(
        self,
        judge: Judge,
        actions: Mapping[str, frozenset[str]],
        sirens: Sirens,
        *,
        monotonic_s: Callable[[], float],
        done: Callable[[str, Danger], Awaitable[None]],
        away_after_s: float = AWAY_AFTER_S,
    ) -> None:
        self._judge = judge
        self._actions = actions
        self._sirens = sirens
        self._monotonic_s = monotonic_s
        self._done = done
        self._away_after_s = away_after_s
        self._heard_s = monotonic_s()
        self._known_s: dict[Danger, float] = {}  # since when the gateway knows of it
        self._acted: dict[tuple[str, str, int], set[str]] = {}  # by episode: the sirens that need not sound
        self._was_alone = False
        self._not_before_s: dict[str, float] = {}  # by siren that did not obey

    @property
    def is_alone(self) -> bool:
        """Whether the centre has been away for so long."""
        return self._monotonic_s() - self._heard_s > self._away_after_s

    def heard(self, beat: Beat) -> None:
        """Take a beat of a server process.

        What the gateway knew well before, the centre knows by now: it is the centre's business from then on,
        also if it goes away later.
        """
        if beat.service != ALERTING or beat.state != "up":
            return
        self._heard_s = self._monotonic_s()
        for danger, known_s in self._known_s.items():
            if self._heard_s - known_s > self._away_after_s * _TOLD_WITHIN:
                self._acted.setdefault(_episode(danger), set()).update(self._actions.get(danger.level, ()))

    async def run(self) -> None:
        """Watch and act until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self) -> None:
        dangers = self._judge.dangers()
        now_s = self._monotonic_s()
        self._known_s = {danger: self._known_s.get(danger, now_s) for danger in dangers}
        for over in self._acted.keys() - {_episode(danger) for danger in dangers}:
            del self._acted[over]
        if self.is_alone is not self._was_alone:
            self._was_alone = self.is_alone
            log.warning("centre-away" if self._was_alone else "centre-back")
        if self._was_alone:
            for danger in dangers:
                acted = self._acted.setdefault(_episode(danger), set())
                for siren in sorted(self._actions.get(danger.level, frozenset()) - acted):
                    await self._sound(siren, danger, acted)

    async def _sound(self, siren: str, danger: Danger, acted: set[str]) -> None:
        if self._monotonic_s() < self._not_before_s.get(siren, 0.0):
            return
        if not await self._sirens.sound(siren):
            self._not_before_s[siren] = self._monotonic_s() + _AGAIN_AFTER_S
            return
        acted.add(siren)
        log.warning("siren-sounds", siren=siren, **danger._asdict())
        await self._done(siren, danger)


def _episode(danger: Danger) -> tuple[str, str, int]:
    return danger.rule, danger.subject, danger.since_ms
