"""Resolution of limits: device, site, kind, default; the nearest counts, and a season refines each."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from district.inventory import Device, Site
from district.mistakes import Location
from rules.ladder import Ladder, Rung
from rules.measure import AnyMeasure
from rules.spec import LEVELS, Delay, LadderSpec, LevelName, LevelSpec, RuleSpec, Samples

_DECIMALS = 9  # a shifted `clear` is meant as people write figures, not as binary fractions add up


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One figure and where it stands in rules.yaml."""

    value: float
    location: Location
    rank: int  # of its layer: the higher, the nearer to the device
    own: bool  # written for this very site or device


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """One level as it holds for one subject in one season."""

    name: LevelName
    rising: bool = True
    limit: Written | None = None
    clear: Written | None = None  # None: the limit itself
    delay: Delay = timedelta()
    over: timedelta | None = None  # its own window
    location: Location  # of the nearest layer that mentions the level


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    location: Location
    ladder: LadderSpec
    own: bool


def resolve(
    index: int, rule: RuleSpec, device: Device, site: Site, seasons: Collection[str]
) -> tuple[Resolved, ...]:
    """The levels of rule number ``index`` for one device while ``seasons`` hold, ascending."""
    found: dict[LevelName, Resolved] = {}
    for rank, layer in enumerate(_layers(index, rule, device, site, seasons)):
        for name, spec in layer.ladder.items():
            location = (*layer.location, name)
            base = found.get(name) or Resolved(name=name, location=location)
            found[name] = _refined(base, spec, location, rank, own=layer.own)
    return tuple(sorted(found.values(), key=lambda level: LEVELS[level.name]))


def compile_ladder(
    levels: Collection[Resolved],
    clear_for: timedelta,
    measure_of: Callable[[Resolved], AnyMeasure],
    *,
    latched: bool = False,
) -> Ladder:
    """The ladder of levels that have been found right; ``measure_of`` says what each of them judges."""
    rungs = []
    for level in levels:
        assert level.limit is not None, "checked before"  # noqa: S101
        samples = level.delay.number if isinstance(level.delay, Samples) else 1
        delay = level.delay if isinstance(level.delay, timedelta) else timedelta()
        rungs.append(
            Rung(
                level=LEVELS[level.name],
                measure=measure_of(level),
                limit=level.limit.value,
                clear=level.clear.value if level.clear is not None else level.limit.value,
                for_ms=to_whole_ms(delay),
                for_samples=samples,
            )
        )
    rising = all(level.rising for level in levels)
    return Ladder(rising=rising, rungs=tuple(rungs), clear_for_ms=to_whole_ms(clear_for), latched=latched)


def to_whole_ms(duration: timedelta) -> int:
    """A duration as rules count it."""
    return round(duration / timedelta(milliseconds=1))


def relevant_seasons(rule: RuleSpec, device: Device, site: Site) -> frozenset[str]:
    """The seasons that the limits of one device depend on."""
    overrides = [rule.override[key] for key in (site.kind, site.id, device.id) if key in rule.override]
    return frozenset(rule.during).union(rule.only, *(override.during for override in overrides))


def _layers(
    index: int, rule: RuleSpec, device: Device, site: Site, seasons: Collection[str]
) -> Iterator[_Layer]:
    here: Location = ("rules", index)
    yield _Layer(location=(*here, "levels"), ladder=rule.levels, own=False)
    for name, ladder in rule.during.items():
        if name in seasons:
            yield _Layer(location=(*here, "during", name), ladder=ladder, own=False)
    for key in dict.fromkeys((site.kind, site.id, device.id)):
        override = rule.override.get(key)
        if override is None:
            continue
        own = key in {site.id, device.id}
        yield _Layer(location=(*here, "override", key, "levels"), ladder=override.levels, own=own)
        for name, ladder in override.during.items():
            if name in seasons:
                yield _Layer(location=(*here, "override", key, "during", name), ladder=ladder, own=own)


def _refined(base: Resolved, spec: LevelSpec, location: Location, rank: int, *, own: bool) -> Resolved:
    """A level with what a nearer layer says of it; a limit that moves alone takes its `clear` with it."""
    level = replace(base, location=location)
    value, key = (spec.above, "above") if spec.above is not None else (spec.below, "below")
    if value is not None:
        rising = key == "above"
        limit = Written(value=value, location=(*location, key), rank=rank, own=own)
        clear = base.clear
        if base.limit is not None and clear is not None:
            shifted = round(clear.value + value - base.limit.value, _DECIMALS)
            clear = replace(clear, value=shifted) if rising == base.rising else None
        level = replace(level, rising=rising, limit=limit, clear=clear)
    if spec.clear is not None:
        clear = Written(value=spec.clear, location=(*location, "clear"), rank=rank, own=own)
        level = replace(level, clear=clear)
    if spec.delay is not None:
        level = replace(level, delay=spec.delay)
    if spec.over is not None:
        level = replace(level, over=spec.over)
    return level
