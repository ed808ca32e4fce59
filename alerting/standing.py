"""Other warnings that stand at the same water: an all-clear of one is none of theirs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from alerting.phrases import HAZARDS, LEVELS, hazard_of
from alerting.threads import Thread, thread_name
from district.findings import Text
from district.inventory import District
from rules.transition import Level


class Where(Enum):
    """Where a warning stands, seen from another."""

    HERE = Text("", "")
    UPSTREAM = Text(" upstream", "上游")
    DOWNSTREAM = Text(" downstream", "下游")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A warning that no all-clear has ended."""

    hazard: str
    level: Level  # as told; normal where limits have changed since
    sites: tuple[str, ...]
    where: Where

    def name(self, place: Text) -> Text:
        """What it is called in the middle of a sentence."""
        event, level = hazard_of(self.hazard).name, LEVELS[self.level]
        colour = Text(f"{level.en} ", level.zh) if self.level else Text("", "")
        return Text(
            f"the {colour.en}{event.en.lower()} warning for {place.en}{self.where.value.en}",
            f"{self.where.value.zh}{place.zh}{event.zh}{colour.zh}预警",
        )


def standing_beside(
    district: District, threads: Mapping[str, Thread], thread: Thread
) -> tuple[Standing, ...]:
    """What else stands at the thread's asset and along its water, the gravest first."""
    found = (
        Standing(
            hazard=hazard, level=other.told, sites=other.told_sites or _sites(district, asset), where=where
        )
        for where, asset in _assets(district, thread.asset)
        for hazard in HAZARDS
        if (other := threads.get(thread_name(hazard, asset))) is not None
        and other.open
        and other.name != thread.name
    )
    return tuple(sorted(found, key=lambda one: -one.level))


def _assets(district: District, asset: str) -> Iterator[tuple[Where, str]]:
    sites = district.sites
    own = set(_sites(district, asset))
    above = {other for site in own for other in district.upstream_sites(site)} - own
    below = {other for other in sites if own & district.upstream_sites(other)} - own
    yield Where.HERE, asset
    for where, others in ((Where.UPSTREAM, above), (Where.DOWNSTREAM, below)):
        for each in sorted({sites[site].asset for site in others}):
            yield where, each


def _sites(district: District, asset: str) -> tuple[str, ...]:
    return tuple(site.id for site in district.asset_sites(asset))
