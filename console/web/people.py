"""People: who there is, for what, by which channels; and who would be told of an alarm before it happens."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request

from alerting.contacts import PersonSpec
from alerting.preview import preview
from console.errors import ConsoleError
from console.gate import Visitor
from console.roles import Deed
from console.web.entrance import PROBLEMS, Needs, must_cover, office_of, stories_of
from district.findings import Text
from rules.spec import LEVELS

router = APIRouter(prefix="/api/v1", tags=["people"], responses=PROBLEMS)

Sees = Annotated[Visitor, Depends(Needs(Deed.SEE))]


@router.get("/people")
async def people(request: Request, visitor: Sees) -> dict[str, Any]:
    """Everybody whose area meets one's own: roles, channels, and the routes that name them; no addresses."""
    office = office_of(request)
    contacts = office.files.contacts
    return {
        "roles": {name: {"zh": one.zh, "en": one.en} for name, one in contacts.roles.items()},
        "people": [
            {
                "id": one.id,
                "name": {"zh": one.name.zh, "en": one.name.en},
                "language": one.language,
                "roles": [{"role": held.role, "area": held.area} for held in one.roles],
                "channels": _channels(one),
            }
            for one in contacts.people
            if any(
                visitor.reach.covers_area(held.area)
                or any(area in visitor.reach.areas for area in office.district.area_chain(held.area))
                for held in one.roles
            )
        ],
        "routes": [
            {
                "levels": one.levels,
                "hazards": one.hazards,
                "to": sorted(one.roles),
                "via": one.via,
                "escalate": [
                    {"after_s": step.after.total_seconds(), "to": sorted(step.roles), "via": step.via}
                    for step in one.escalate
                ],
            }
            for one in contacts.routes
        ],
    }


@router.get("/preview")
async def who_would_be_told(
    request: Request,
    visitor: Sees,
    site: str,
    hazard: str,
    level: Literal["blue", "yellow", "orange", "red"],
) -> dict[str, Any]:
    """Exactly who would be told of a warning, why, and by what: the very decision that alerting takes."""
    office = office_of(request)
    must_cover(visitor.reach.covers_site(site) and site in office.district.sites, site)
    if hazard not in {rule.hazard for rule in office.files.rulebook.rules.values()}:
        raise ConsoleError(Text(f"no rule raises {hazard!r}", f"没有规则针对 {hazard!r}"))
    found = preview(office.district, office.files.directory, hazard=hazard, level=LEVELS[level], site=site)
    return {
        "areas": found.areas,
        "widened": found.widened,
        "people": [
            {
                "person": one.person,
                "name": stories_of(request).person(one.person),
                "role": one.role,
                "area": one.area,
                "via": one.via,
            }
            for one in found.people
        ],
    }


def _channels(person: PersonSpec) -> list[str]:
    return [name for name in type(person.channels).model_fields if person.channels.address(name) is not None]
