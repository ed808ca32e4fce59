"""Targets: exactly the people whose role is named and whose area shares ground with the affected one."""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from alerting.contacts import ContactsFile
from alerting.targeting import Directory
from district.areas import Rank
from district.fields import Names
from district.inventory import Area, District
from rules.transition import Level
from tests.alerting.samples import demo_contacts, demo_district

SIDE = 4  # a district of 4 x 4 cells, four towns of four cells each
ROLES = ("duty", "warden", "keeper")
LEVELS = ("blue", "yellow", "orange", "red")


def square(x: int, y: int, side: int) -> tuple[tuple[float, float], ...]:
    corners = ((x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y))
    return tuple((120 + lon / 100, 30 + lat / 100) for lon, lat in corners)


def made_area(name: str, parent: str | None, rank: Rank, x: int, y: int, *, side: int) -> Area:
    names = Names(zh=name, en=name)
    return Area(id=name, parent=parent, rank=rank, name=names, polygon=(square(x, y, side),))


def made_areas() -> dict[str, Area]:
    areas = [made_area("all", None, "district", 0, 0, side=SIDE)]
    corners = [(x, y) for x in range(SIDE) for y in range(SIDE)]
    areas += [
        made_area(f"town-{x}{y}", "all", "town", x, y, side=2) for x, y in corners if x % 2 == y % 2 == 0
    ]
    areas += [
        made_area(f"cell-{x}{y}", f"town-{x // 2 * 2}{y // 2 * 2}", "cell", x, y, side=1) for x, y in corners
    ]
    return {area.id: area for area in areas}


AREAS = made_areas()
CELLS = sorted(area for area in AREAS if area.startswith("cell"))
GROUND = {  # which cells an area is made of, without any geometry
    name: {c for c in CELLS if name in (c, AREAS[c].parent, "all")} for name in AREAS
}


def made_district() -> District:
    return District(
        id="all",
        name=Names(zh="全", en="all"),
        timezone=ZoneInfo("Asia/Shanghai"),
        code="330199",
        broker=None,
        tls=None,
        store=demo_district().store,
        gateways={},
        sites={},
        devices={},
        disabled={},
        areas=AREAS,
    )


DISTRICT = made_district()

holders = st.fixed_dictionaries({"role": st.sampled_from(ROLES), "area": st.sampled_from(sorted(AREAS))})
channels = st.fixed_dictionaries({"console": st.booleans(), "email": st.sampled_from([None, "a@b.example"])})
people = st.lists(st.tuples(st.lists(holders, min_size=1, max_size=3), channels), min_size=1, max_size=12)
routes = st.lists(
    st.fixed_dictionaries(
        {
            "levels": st.lists(st.sampled_from(LEVELS), min_size=1, unique=True),
            "hazards": st.sampled_from([None, ["flood"], ["gas"], ["flood", "gas"]]),
            "to": st.lists(st.sampled_from([f"role:{role}" for role in ROLES]), min_size=1, unique=True),
            "via": st.sampled_from([["console"], ["email"], ["console", "email"]]),
        }
    ),
    min_size=1,
    max_size=4,
)


def made_contacts(
    crowd: Iterable[tuple[list[dict[str, str]], dict[str, object]]], ways: list[dict[str, object]]
) -> ContactsFile:
    persons: list[Mapping[str, object]] = [
        {"id": f"p-{n}", "name": {"zh": "某", "en": "X"}, "roles": roles, "channels": reach}
        for n, (roles, reach) in enumerate(crowd)
    ]
    office = {
        "id": "office",
        "name": {"zh": "区", "en": "D"},
        "roles": [{"role": "duty", "area": "all"}],
        "channels": {"console": True, "email": "o@b.example"},
    }
    return ContactsFile.model_validate(
        {
            "version": 1,
            "sender": {"id": "s@x.example", "name": {"zh": "心", "en": "C"}},
            "roles": {role: {"zh": role, "en": role} for role in ROLES},
            "people": [*persons, office],
            "routes": ways,
            "last_resort": {"telephone": "+8657112345678"},
        }
    )


def brute_force(contacts: ContactsFile, hazard: str, level: Level, cell: str) -> dict[str, set[str]]:
    """Every person, every role, every route, every square: who is told, and by what."""
    told: dict[str, set[str]] = {}
    for route in contacts.routes:
        if level.word not in route.levels or (route.hazards is not None and hazard not in route.hazards):
            continue
        for person in contacts.people:
            reach = {"console": person.channels.console, "email": bool(person.channels.email)}
            usable = {channel for channel in route.via if reach[channel]}
            named = any(
                f"role:{held.role}" in route.to and GROUND[held.area] & {cell} for held in person.roles
            )
            if named and usable:
                told.setdefault(person.id, set()).update(usable)
    return told


@given(
    crowd=people,
    ways=routes,
    hazard=st.sampled_from(["flood", "gas", "air"]),
    level=st.sampled_from(list(Level)[1:]),
    cells=st.lists(st.sampled_from(CELLS), min_size=1, max_size=3, unique=True),
)
def test_targets_equal_a_brute_force_over_every_person_and_square(
    crowd: list[tuple[list[dict[str, str]], dict[str, object]]],
    ways: list[dict[str, object]],
    hazard: str,
    level: Level,
    cells: list[str],
) -> None:
    contacts = made_contacts(crowd, ways)
    targets = Directory(DISTRICT, contacts).targets(hazard, level, cells)

    expected: dict[str, set[str]] = {}
    empty = []
    for cell in cells:
        found = brute_force(contacts, hazard, level, cell)
        if not found:
            empty.append(cell)
        for person, via in found.items():
            expected.setdefault(person, set()).update(via)

    told = {target.person: set(target.via) for target in targets.people}
    assert list(targets.widened) == empty
    assert told.keys() >= expected.keys()
    assert told, "nobody is told"
    beyond = told.keys() - expected.keys()
    if empty:  # only those on duty for an area around a forgotten cell come in beside
        for other in (one for one in contacts.people if one.id in beyond):
            assert any(h.role == "duty" and GROUND[h.area] & set(empty) for h in other.roles)
    else:
        assert told == expected


def test_a_neighbour_that_shares_only_a_border_is_not_told() -> None:
    reach: dict[str, object] = {"console": True, "email": None}
    crowd: list[tuple[list[dict[str, str]], dict[str, object]]] = [
        ([{"role": "warden", "area": cell}], reach) for cell in CELLS
    ]
    ways: list[dict[str, object]] = [{"levels": ["red"], "to": ["role:warden"], "via": ["console"]}]

    targets = Directory(DISTRICT, made_contacts(crowd, ways)).targets("flood", Level.RED, ["cell-11"])

    assert [target.area for target in targets.people] == ["cell-11"]


def test_widening_goes_to_duty_of_the_nearest_area_and_not_to_its_residents() -> None:
    reach: dict[str, object] = {"console": True, "email": None}
    crowd: list[tuple[list[dict[str, str]], dict[str, object]]] = [
        ([{"role": "duty", "area": "town-00"}], reach),
        ([{"role": "duty", "area": "town-20"}], reach),
        ([{"role": "warden", "area": "cell-01"}], reach),
    ]
    ways: list[dict[str, object]] = [{"levels": ["red"], "to": ["role:keeper"], "via": ["console"]}]

    targets = Directory(DISTRICT, made_contacts(crowd, ways)).targets("flood", Level.RED, ["cell-00"])

    assert [target.person for target in targets.people] == ["p-0"]
    assert targets.widened == ("cell-00",)


def test_silence_near_danger_reaches_duty_whatever_the_routes_say() -> None:
    contacts = demo_contacts()
    only_red = contacts.model_copy(update={"routes": contacts.routes[3:]})
    directory = Directory(demo_district(), only_red)

    blind = directory.targets("equipment", Level.YELLOW, ["xiaxi-1"], blind=True)

    assert {"district-duty", "qingshan-duty", "field-service"} == {one.person for one in blind.people}


def test_a_person_is_told_once_by_every_channel_that_some_route_gives() -> None:
    roles = [{"role": "duty", "area": "all"}, {"role": "warden", "area": "cell-00"}]
    ways: list[dict[str, object]] = [
        {"levels": ["red"], "to": ["role:duty"], "via": ["console"]},
        {"levels": ["red"], "to": ["role:warden"], "via": ["email", "console"]},
    ]
    contacts = made_contacts([(roles, {"console": True, "email": "a@b.example"})], ways)

    targets = Directory(DISTRICT, contacts).targets("flood", Level.RED, ["cell-00"])

    assert [one.via for one in targets.people if one.person == "p-0"] == [("console", "email")]
