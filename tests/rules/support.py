"""A small district, its rules from a few lines of YAML, and readings in one line each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

from district.devices import SqliteStore
from district.fields import Names
from district.inventory import Area, CodeSource, Device, District, Gateway, Point, Site
from rules.compile import compile_rules
from rules.plain import Engine
from rules.rulebook import Rulebook
from rules.spec import RulesFile
from rules.state import Announced
from rules.transition import Level, Transition
from transport.batch import Batch, Reading, build_batch
from transport.measurement import Quality, to_ms

START = datetime(2018, 6, 3, 12, 0, tzinfo=UTC)
MINUTE_MS = 60_000
GOOD = Quality.GOOD
NAMES = Names(zh="名称", en="name")


def minute(number: float) -> int:
    """Epoch milliseconds so many minutes after the start."""
    return to_ms(START) + round(number * MINUTE_MS)


def point(name: str, unit: str = "m") -> Point:
    """A point that reports every reading."""
    return Point(
        id=name,
        unit=unit,
        source=CodeSource(code=name, scale=1.0, offset=0.0),
        valid=None,
        max_step=None,
        deadband=None,
        heartbeat=None,
        counter=False,
    )


def device(name: str, site: str, *points: str, every_min: float = 5, zero: float = 0.0) -> Device:
    """An instrument asked at an interval."""
    return Device(
        id=name,
        site=site,
        name=NAMES,
        gateway="gw",
        bus="bus",
        profile="profile",
        unit=1,
        mn=None,
        password_env=None,
        accept_flags=(),
        interval=timedelta(minutes=every_min),
        points={each: point(each) for each in points},
        datum_zero=zero,
        datum_system=None,
        at=None,
        disabled=False,
    )


def site(name: str, kind: str, *, upstream: Sequence[str] = (), asset: str | None = None) -> Site:
    """A monitored place."""
    return Site(
        id=name,
        kind=kind,  # type: ignore[arg-type]  # tests name kinds as files do
        area="cell",
        name=NAMES,
        asset=asset or name,
        upstream=tuple(upstream),
        at=None,
    )


def district(devices: Iterable[Device], sites: Iterable[Site]) -> District:
    """A district of one cell."""
    return District(
        id="linjiang",
        name=NAMES,
        timezone=ZoneInfo("Asia/Shanghai"),
        code="330199",
        broker=None,
        tls=None,
        store=SqliteStore(),
        gateways={"gw": Gateway(id="gw", area="linjiang", buses={}, spool_bytes=0)},
        sites={each.id: each for each in sites},
        devices={each.id: each for each in devices},
        disabled={},
        areas={"linjiang": Area(id="linjiang", parent=None, rank="district", name=NAMES, polygon=())},
    )


def rulebook(text: str, place: District) -> Rulebook:
    """The rules of a few lines of YAML for a district."""
    return compile_rules(RulesFile.model_validate(YAML(typ="safe").load(text)), place)


PIPE = district([device("rtu", "pipe", "ch4", every_min=5)], [site("pipe", "pipeline")])


def ladder(levels: str, *, clear_for: str = "10m", more: str = "") -> Rulebook:
    """One rule, named `gas`, on the point `ch4` of the device `rtu`, asked every five minutes."""
    text = f"""
version: 1
rules:
  - id: gas
    name: {{zh: 燃气, en: Gas}}
    hazard: gas
    select: {{point: ch4}}
    clear_for: {clear_for}
    levels: {levels}
    {more}
"""
    return rulebook(text, PIPE)


def reading(
    at_min: float, value: float | None, quality: Quality = GOOD, *, device: str = "rtu", point: str = "ch4"
) -> Reading:
    """One value of one point, so many minutes after the start."""
    return Reading(device, minute(at_min), {point: (value, quality)})


def batch(readings: Sequence[Reading], *, good_until_min: Mapping[str, float] | None = None) -> Batch:
    """What the gateway would send."""
    suppressed = {name: minute(at_min) for name, at_min in (good_until_min or {}).items()}
    return build_batch(list(readings), gateway="gw", epoch="e", seq=1, good_until_ms=suppressed)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a test says of a transition."""

    at_min: float
    before: str
    to: str


def seen(announced: Iterable[Announced | Transition]) -> list[Seen]:
    """The transitions as tests write them."""
    found = []
    for each in announced:
        transition = each.transition if isinstance(each, Announced) else each
        found.append(
            Seen((transition.at_ms - minute(0)) / MINUTE_MS, transition.before.word, transition.to.word)
        )
    return found


def play(engine: Engine, readings: Iterable[Reading], *, lag_min: float = 0.0) -> list[Transition]:
    """Hand readings in one by one, each arriving ``lag_min`` after it was taken."""
    found: list[Transition] = []
    for each in readings:
        now_ms = each.at_ms + round(lag_min * MINUTE_MS)
        found += [announced.transition for announced in engine.take(batch([each]), now_ms)]
    return found


def every(step_min: float, values: Iterable[float]) -> Iterator[Reading]:
    """Readings of `rtu:ch4` at a steady interval from the start."""
    return (reading(index * step_min, value) for index, value in enumerate(values))


def levels(transitions: Iterable[Transition]) -> list[Level]:
    """The levels reached, in order."""
    return [each.to for each in transitions]


def repository() -> Path:
    """The repository's root, which is the demo district."""
    return Path(__file__).parents[2]
