"""A made-up district of 200 cells and 2,000 people, on a grid where sets of squares say who is meant."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from alerting.contacts import ContactsFile
from district.areas import Rank
from district.fields import Names
from district.inventory import Area, District, Site
from rules.transition import Level
from tests.alerting.samples import demo_district

WIDE, HIGH = 20, 10  # cells; five towns of 4 x 10, each of five villages of 4 x 2
ROLES = ("duty", "warden", "keeper", "chief", "operator")
HAZARDS = ("flood", "rainstorm", "gas", "air")
CHANNELS = ("console", "email", "webhook")
LEVELS = ("blue", "yellow", "orange", "red")

Square = tuple[int, int]


@dataclass(frozen=True)
class Ground:
    """An area of the grid."""

    name: str
    parent: str | None
    rank: Rank
    x: int
    y: int
    wide: int
    high: int

    @cached_property
    def squares(self) -> frozenset[Square]:
        return frozenset(
            (x, y) for x in range(self.x, self.x + self.wide) for y in range(self.y, self.y + self.high)
        )

    def area(self) -> Area:
        x, y, right, top = self.x, self.y, self.x + self.wide, self.y + self.high
        corners = ((x, y), (right, y), (right, top), (x, top), (x, y))
        ring = tuple((120 + lon / 100, 30 + lat / 100) for lon, lat in corners)
        names = Names(zh=self.name, en=self.name)
        return Area(id=self.name, parent=self.parent, rank=self.rank, name=names, polygon=(ring,))


def _grounds() -> Iterable[Ground]:
    yield Ground("all", None, "district", 0, 0, WIDE, HIGH)
    for town in range(5):
        yield Ground(f"town-{town}", "all", "town", town * 4, 0, 4, HIGH)
        for village in range(5):
            name = f"village-{town}-{village}"
            yield Ground(name, f"town-{town}", "village", town * 4, village * 2, 4, 2)
            for x in range(town * 4, town * 4 + 4):
                for y in range(village * 2, village * 2 + 2):
                    yield Ground(f"cell-{x}-{y}", name, "cell", x, y, 1, 1)


GROUNDS = {ground.name: ground for ground in _grounds()}
CELLS = [name for name, ground in GROUNDS.items() if ground.rank == "cell"]


def crowded_district() -> District:
    """One site in each cell."""
    sites = {
        f"site-{cell}": Site(
            id=f"site-{cell}",
            kind="river",
            area=cell,
            name=Names(zh=cell, en=cell),
            asset=f"site-{cell}",
            upstream=(),
            at=None,
        )
        for cell in CELLS
    }
    return District(
        id="all",
        name=Names(zh="全", en="all"),
        timezone=ZoneInfo("Asia/Shanghai"),
        code="330199",
        broker=None,
        tls=None,
        store=demo_district().store,
        gateways={},
        sites=sites,
        devices={},
        disabled={},
        areas={name: ground.area() for name, ground in GROUNDS.items()},
    )


def crowded_contacts(chance: random.Random, people: int = 2000) -> ContactsFile:
    """People with one to three roles anywhere, each with some channels; six routes."""
    places = sorted(GROUNDS)
    crowd = [
        {
            "id": f"p-{number}",
            "name": {"zh": "某", "en": "X"},
            "roles": [
                {"role": chance.choice(ROLES), "area": chance.choice(places)}
                for _ in range(chance.randint(1, 3))
            ],
            "channels": {
                "console": chance.random() < 0.6,
                "email": chance.choice([None, f"p{number}@x.example"]),
                "webhook": chance.choice([None, None, f"https://x.example/{number}"]),
            },
        }
        for number in range(people)
    ]
    office = {
        "id": "office",
        "name": {"zh": "区", "en": "D"},
        "roles": [{"role": "duty", "area": "all"}],
        "channels": {"console": True, "email": "o@x.example", "webhook": "https://x.example/o"},
    }
    routes = [
        {
            "levels": chance.sample(LEVELS, chance.randint(1, 3)),
            "hazards": chance.choice([None, chance.sample(HAZARDS, 2)]),
            "to": [f"role:{role}" for role in chance.sample(ROLES, chance.randint(1, 2))],
            "via": chance.sample(CHANNELS, chance.randint(1, 3)),
        }
        for _ in range(6)
    ]
    return ContactsFile.model_validate(
        {
            "version": 1,
            "sender": {"id": "s@x.example", "name": {"zh": "心", "en": "C"}},
            "roles": {role: {"zh": role, "en": role} for role in ROLES},
            "people": [*crowd, office],
            "routes": routes,
            "last_resort": {"telephone": "+8657112345678"},
            "webhook": {"secret_env": "X"},
        }
    )


def brute_force(
    contacts: ContactsFile, hazard: str, level: Level, cells: Iterable[str]
) -> dict[str, set[str]]:
    """Every cell, every route, every person, every role, square by square: who is told, and by what."""
    told: dict[str, set[str]] = {}
    for cell in cells:
        found: dict[str, set[str]] = {}
        named = [
            route
            for route in contacts.routes
            if level.word in route.levels and (route.hazards is None or hazard in route.hazards)
        ]
        for route in named:
            for person in contacts.people:
                usable: set[str] = {name for name in route.via if person.channels.address(name) is not None}
                if usable and any(
                    f"role:{held.role}" in route.to and GROUNDS[held.area].squares & GROUNDS[cell].squares
                    for held in person.roles
                ):
                    found.setdefault(person.id, set()).update(usable)
        for person_id, ways in (found or _widened(contacts, cell)).items():
            told.setdefault(person_id, set()).update(ways)
    return told


def _widened(contacts: ContactsFile, cell: str) -> dict[str, set[str]]:
    """Duty of the nearest area around, by whatever some route uses and they have."""
    every = {name for route in contacts.routes for name in route.via}
    around: str | None = cell
    while around is not None:
        found: dict[str, set[str]] = {}
        for person in contacts.people:
            usable: set[str] = {name for name in every if person.channels.address(name) is not None}
            if usable and any((held.role, held.area) == ("duty", around) for held in person.roles):
                found[person.id] = usable
        if found:
            return found
        around = GROUNDS[around].parent
    raise AssertionError("nobody at all")
