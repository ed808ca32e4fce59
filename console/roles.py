"""Who may do what: roles, deeds, and the one table that binds them."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from district.inventory import District


class Role(StrEnum):
    """What an account is for; the last three administer, and none of them does another's part (三员分立)."""

    VIEWER = "viewer"
    RESPONDER = "responder"  # answers warnings, reports readings
    OPERATOR = "operator"  # runs the desk: closes, shelves, drafts rules, drills
    APPROVER = "approver"  # an operator who also approves what another drafted
    ADMINISTRATOR = "administrator"  # makes accounts, looks after gateways and servers
    SECURITY = "security"  # gives accounts their rights, makes tokens, unlocks
    AUDITOR = "auditor"  # reads what everybody did, and does nothing else


class Deed(StrEnum):
    """What an endpoint lets people do."""

    SEE = "see"
    ANSWER = "answer"
    CLOSE = "close"
    SHELVE = "shelve"
    REPORT = "report"
    DRAFT = "draft"
    APPROVE = "approve"
    DRILL = "drill"
    ACCOUNTS = "accounts"
    RIGHTS = "rights"
    AUDIT = "audit"


_DESK = frozenset({Role.OPERATOR, Role.APPROVER})
_FIELD = _DESK | {Role.RESPONDER}

ALLOWED: Mapping[Deed, frozenset[Role]] = {
    Deed.SEE: _FIELD | {Role.VIEWER, Role.ADMINISTRATOR},
    Deed.ANSWER: _FIELD,
    Deed.CLOSE: _DESK,
    Deed.SHELVE: _DESK,
    Deed.REPORT: _FIELD,
    Deed.DRAFT: _DESK,
    Deed.APPROVE: frozenset({Role.APPROVER}),
    Deed.DRILL: _DESK,
    Deed.ACCOUNTS: frozenset({Role.ADMINISTRATOR}),
    Deed.RIGHTS: frozenset({Role.SECURITY}),
    Deed.AUDIT: frozenset({Role.AUDITOR}),
}

ADMINISTERING = frozenset({Role.ADMINISTRATOR, Role.SECURITY, Role.AUDITOR})
SECOND_FACTOR = ADMINISTERING | {Role.APPROVER}
ANSWERING = ALLOWED[Deed.ANSWER]
"""Roles that act in a person's name: their accounts belong to somebody in the contacts."""


def may(role: Role, deed: Deed) -> bool:
    """Whether accounts of a role may do a deed."""
    return role in ALLOWED[deed]


def deeds_of(role: Role) -> list[Deed]:
    """All that a role may do."""
    return [deed for deed in Deed if may(role, deed)]


class Reach:
    """The part of the district that an account is bound to: its areas and all that lies in them."""

    def __init__(self, district: District, areas: Iterable[str]) -> None:
        self._district = district
        own = frozenset(areas)
        self.areas = frozenset(area for area in district.areas if own.intersection(district.area_chain(area)))
        self.whole = district.root_area in own

    def covers_area(self, area: str) -> bool:
        """Whether an area lies in it; what belongs to no area is the whole district's."""
        return self.whole or area in self.areas

    def covers_site(self, site: str) -> bool:
        """Whether a site lies in it; a site that nobody drew is the whole district's."""
        known = self._district.sites.get(site)
        return self.whole or (known is not None and known.area in self.areas)

    def covers_asset(self, asset: str) -> bool:
        """Whether one of an asset's sites lies in it."""
        return self.whole or any(self.covers_site(site.id) for site in self._district.asset_sites(asset))

    def covers_device(self, device: str) -> bool:
        """Whether a device stands in it."""
        known = self._district.devices.get(device) or self._district.disabled.get(device)
        return known is not None and self.covers_site(known.site)
