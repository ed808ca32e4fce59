"""Whom a warning goes to: people whose role is named and whose area meets the affected one; never nobody."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import shapely

from alerting.contacts import DUTY, Contacts, EscalationSpec, PersonSpec, RouteSpec
from district.inventory import Area, District
from rules.transition import Level

_INTERIORS_MEET = "T********"  # DE-9IM: neighbours that share only a border do not


class Grid:
    """The district's areas as shapes."""

    def __init__(self, areas: Mapping[str, Area]) -> None:
        self._areas = areas
        self._ids = list(areas)
        self._tree = shapely.STRtree([_shape(areas[area]) for area in self._ids])
        self._meeting: dict[str, tuple[str, ...]] = {}

    def meeting(self, area: str) -> tuple[str, ...]:
        """The areas, itself among them, that share ground with ``area``; sorted."""
        found = self._meeting.get(area)
        if found is None:
            shape = _shape(self._areas[area])
            near = self._tree.query(shape)
            shapes = self._tree.geometries.take(near)
            shared = shapely.relate_pattern(shapes, shape, _INTERIORS_MEET)
            found = tuple(sorted({area, *(self._ids[index] for index in near[shared])}))
            self._meeting[area] = found
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One person to be told, why, and by which channels in order of preference."""

    person: str
    role: str
    area: str  # the area of responsibility for which the person was chosen
    via: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Who is to be told, and the affected areas where nobody held a named role."""

    people: tuple[Target, ...]
    widened: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one route asks for in one area: who is told first, and who next while nobody answers."""

    area: str
    people: tuple[str, ...]
    escalate: tuple[EscalationSpec, ...]


@dataclass(frozen=True, slots=True)
class _Want:
    """Roles that are to be told, and by what."""

    roles: frozenset[str]
    via: tuple[str, ...]


class Directory:
    """Finds people; holds no state that changes."""

    def __init__(self, district: District, contacts: Contacts) -> None:
        self._district = district
        self._contacts = contacts
        self._grid = Grid(district.areas)
        self._holders_of: defaultdict[tuple[str, str], list[PersonSpec]] = defaultdict(list)
        for person in contacts.people:
            for held in person.roles:
                self._holders_of[held.role, held.area].append(person)

    @cached_property
    def people(self) -> Mapping[str, PersonSpec]:
        """Everybody by id."""
        return {person.id: person for person in self._contacts.people}

    def targets(self, hazard: str, level: Level, areas: Iterable[str], *, blind: bool = False) -> Targets:
        """Whom the routes name for a warning that affects ``areas``.

        Args:
            hazard: What threatens.
            level: How much; normal is for the caller, who knows whom an all-clear concerns.
            areas: The affected areas; each needs somebody who answers for it.
            blind: Nothing is heard from where an alarm is active: duty is told whatever the routes say.
        """
        wants = [
            _Want(route.roles, route.via) for route in self._contacts.routes if route.covers(hazard, level)
        ]
        if blind:
            wants.append(_Want(frozenset({DUTY}), self._every_channel))
        return self._find(wants, areas)

    def plans(self, hazard: str, level: Level, areas: Iterable[str]) -> list[Plan]:
        """What the routes ask for while nobody answers: each area and each route for itself."""
        routes = [route for route in self._contacts.routes if route.escalate and route.covers(hazard, level)]
        return [
            Plan(
                area=area,
                people=tuple(sorted({one.person for one in self._answerable(area, route)})),
                escalate=route.escalate,
            )
            for area in areas
            for route in routes
        ]

    def step_targets(self, area: str, roles: Iterable[str], via: tuple[str, ...]) -> Targets:
        """Whom a step of an escalation tells."""
        return self._find([_Want(frozenset(roles), via)], [area])

    def _answerable(self, area: str, route: RouteSpec) -> list[Target]:
        want = _Want(route.roles, route.via)
        return self._holders([want], self._grid.meeting(area)) or self._widen(area, [want])

    def duty(self, areas: Iterable[str], *, via: tuple[str, ...] | None = None) -> Targets:
        """Those on duty for ``areas``, by the channels given or by any they have."""
        return self._find([_Want(frozenset({DUTY}), via or self._every_channel)], areas)

    @property
    def _every_channel(self) -> tuple[str, ...]:
        """Every channel that a route uses, most preferred first."""
        return tuple(dict.fromkeys(name for route in self._contacts.routes for name in route.via))

    def _find(self, wants: Sequence[_Want], areas: Iterable[str]) -> Targets:
        chosen: dict[str, Target] = {}
        widened: list[str] = []
        for area in areas:
            found = self._holders(wants, self._grid.meeting(area))
            if not found:
                widened.append(area)
                found = self._widen(area, wants)
            for target in found:
                chosen[target.person] = _merge(chosen.get(target.person), target)
        return Targets(people=tuple(chosen[person] for person in sorted(chosen)), widened=tuple(widened))

    def _holders(self, wants: Iterable[_Want], areas: Iterable[str]) -> list[Target]:
        return [
            Target(person=person.id, role=role, area=area, via=via)
            for want in wants
            for area in areas
            for role in sorted(want.roles)
            for person in self._holders_of.get((role, area), ())
            if (via := _usable(person, want.via))
        ]

    def _widen(self, area: str, wants: Sequence[_Want]) -> list[Target]:
        """Duty of the nearest area around that has somebody on duty, by whatever reaches them."""
        via = tuple(dict.fromkeys([*(name for want in wants for name in want.via), *self._every_channel]))
        want = _Want(frozenset({DUTY}), via)
        for around in self._district.area_chain(area):
            found = self._holders([want], [around])
            if found:
                return found
        return []  # a check of the contacts sees to it that the district itself has somebody on duty


def _usable(person: PersonSpec, via: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in via if person.channels.address(name) is not None)


def _merge(known: Target | None, other: Target) -> Target:
    """One person chosen twice gets one message, by the channels of both reasons, the first reason's first."""
    if known is None:
        return other
    via = tuple(dict.fromkeys([*known.via, *other.via]))
    return Target(person=known.person, role=known.role, area=known.area, via=via)


def _shape(area: Area) -> shapely.Polygon:
    outer, *holes = area.polygon
    return shapely.Polygon(outer, holes)
