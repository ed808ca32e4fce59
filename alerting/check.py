"""What can be wrong with contacts.yaml beside the district and the rules it is for."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from alerting.channels.settings import NAMED_IN, SET_UP_BY
from alerting.contacts import DUTY, ContactsFile, EscalationSpec, PersonSpec, RouteSpec
from alerting.targeting import Directory
from district.document import Document, Location
from district.findings import Finding, Text, closest
from district.inventory import District
from rules.rulebook import Rulebook
from rules.transition import Level

_LISTED = 12  # more words than this are not read by anybody
_LEVELS = (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)


class _Case(NamedTuple):
    """A warning that may have to be given."""

    hazard: str
    level: Level
    site: str


def check_names(document: Document, areas: Collection[str] | None) -> list[Finding]:
    """Names in contacts.yaml that mean nothing: roles, areas, channels; also where blocks hold mistakes.

    Nothing is said of areas where it is not known which there are.
    """
    check = _Names(document, areas)
    return [*check.people(), *check.routes()]


def check_reach(
    spec: ContactsFile, document: Document, district: District, rulebook: Rulebook | None
) -> list[Finding]:
    """People and routes whose names mean something, yet who are not reached or reach nobody."""
    check = _Reach(spec, document, district)
    return [*check.duty(), *check.channels(), *check.coverage(rulebook)]


@dataclass(frozen=True, slots=True)
class _Names:
    document: Document
    areas: Collection[str] | None

    @property
    def roles(self) -> Collection[str]:
        return self.document.block("roles")

    def people(self) -> Iterator[Finding]:
        """Ids written twice; roles and areas that there are not."""
        if self.roles and DUTY not in self.roles:
            yield self.document.finding(
                "missing-duty",
                ("roles",),
                Text(f"there is no role {DUTY!r}", f"没有角色 {DUTY!r}"),
                Text(
                    f"add {DUTY!r}: a warning that concerns nobody else goes to it",
                    f"请加上 {DUTY!r}：没有其他对象的预警都发给它",
                ),
                of_key=True,
            )
        seen: set[object] = set()
        for index, person in self.document.rows("people"):
            name = person.get("id")
            if isinstance(name, str) and name in seen:
                yield self.document.finding(
                    "duplicate-id",
                    ("people", index, "id"),
                    Text(f"{name!r} is written twice", f"{name!r} 重复"),
                    Text("give each person an id of their own", "请为每个人使用不同的标识"),
                )
            seen.add(name)
            for position, held in self.document.rows("people", index, "roles"):
                place = ("people", index, "roles", position)
                if isinstance(role := held.get("role"), str):
                    yield from self._unknown("role", role, (*place, "role"), self.roles)
                if isinstance(area := held.get("area"), str) and self.areas is not None:
                    yield from self._unknown("area", area, (*place, "area"), self.areas)
            yield from self._addresses(index)

    def routes(self) -> Iterator[Finding]:
        """Roles that there are not, channels that nothing sets up."""
        for index, _ in self.document.rows("routes"):
            yield from self._route(("routes", index))
            for step, _ in self.document.rows("routes", index, "escalate"):
                yield from self._route(("routes", index, "escalate", step))

    def _route(self, place: Location) -> Iterator[Finding]:
        """What a route, or a step of one, names."""
        for position, reference in self._words(*place, "to"):
            prefix, _, role = reference.partition(":")
            if prefix == "role" and role:
                yield from self._unknown("role", role, (*place, "to", position), self.roles, prefix="role:")
        for position, channel in self._words(*place, "via"):
            block = SET_UP_BY.get(channel)
            if block is not None and self.document.at(block) is None:
                yield self.document.finding(
                    "channel-not-set-up",
                    (*place, "via", position),
                    Text(f"{channel} needs a block {block!r}", f"{channel} 需要 {block!r} 配置块"),
                    Text(f"add {block!r} to this file", f"请在本文件中加上 {block!r}"),
                )

    def _addresses(self, index: int) -> Iterator[Finding]:
        """Addresses that are names, of which there are none such."""
        for channel, (table, what) in NAMED_IN.items():
            place = ("people", index, "channels", channel)
            block = SET_UP_BY[channel]
            if isinstance(name := self.document.at(*place), str) and self.document.at(block) is not None:
                yield from self._unknown(what, name, place, self.document.block(block, table))

    def _words(self, *location: str | int) -> Iterator[tuple[int, str]]:
        words = self.document.at(*location)
        for position, word in enumerate(words if isinstance(words, list) else ()):
            if isinstance(word, str):
                yield position, word

    def _unknown(
        self, what: str, name: str, location: Location, known: Collection[str], *, prefix: str = ""
    ) -> Iterator[Finding]:
        if name in known:
            return
        words = {"role": "角色", "area": "区域", "robot": "机器人", "service": "服务"}
        listed = [f"{prefix}{one}" for one in sorted(known)[:_LISTED]]
        meant = closest(name, known)
        yield self.document.finding(
            f"unknown-{what}",
            location,
            Text(f"there is no {what} {name!r}", f"没有{words[what]} {name!r}"),
            Text(f"use one of: {', '.join(listed)}", f"可用的有：{'、'.join(listed)}"),
            suggestion=f"{prefix}{meant}" if meant else None,
        )


@dataclass(frozen=True, slots=True)
class _Reach:
    spec: ContactsFile
    document: Document
    district: District

    def duty(self) -> Iterator[Finding]:
        """Somebody must be on duty for the whole district: the end of all widening."""
        root = self.district.root_area
        held = any(held.role == DUTY and held.area == root for one in self.spec.people for held in one.roles)
        if not held:
            yield self.document.finding(
                "nobody-on-duty",
                ("people",),
                Text(f"nobody holds {DUTY!r} for {root}", f"没有人在 {root} 担任 {DUTY!r}"),
                Text(
                    "give the role to the district's duty office: warnings that find nobody go to it",
                    "请指定区级值班室：找不到对象的预警都发给它",
                ),
                of_key=True,
            )

    def channels(self) -> Iterator[Finding]:
        """People whom a route names and none of its channels reaches."""
        for index, person in enumerate(self.spec.people):
            for route in self._asked():
                if _is_named(person, route) and not _is_reached(person, route):
                    known = ", ".join(route.via)
                    yield self.document.finding(
                        "no-channel",
                        ("people", index, "channels"),
                        Text(
                            f"{person.id} is named by a route, yet has none of its channels: {known}",
                            f"路由指定了 {person.id}，但其没有路由所用的任何通道：{known}",
                        ),
                        Text("add one of them", "请加上其中一种"),
                    )
                    break

    def _asked(self) -> Iterator[RouteSpec | EscalationSpec]:
        """Every route and every step of one."""
        for route in self.spec.routes:
            yield route
            yield from route.escalate

    def coverage(self, rulebook: Rulebook | None) -> Iterator[Finding]:
        """Routes that reach nobody anywhere, and warnings that reach nobody whom a route names."""
        directory = Directory(self.district, self.spec)
        for index, route in enumerate(self.spec.routes):
            alone = Directory(self.district, self.spec.model_copy(update={"routes": (route,)}))
            cases = [case for case in self._cases(rulebook, route) if route.covers(case.hazard, case.level)]
            if cases and all(self._reaches_nobody(alone, case) for case in cases):
                yield self._nobody(index, cases)
        missed: dict[int | None, list[_Case]] = {}
        for case in self._rules_cases(rulebook):
            if self._reaches_nobody(directory, case):
                covering = (i for i, r in enumerate(self.spec.routes) if r.covers(case.hazard, case.level))
                missed.setdefault(next(covering, None), []).append(case)
        for first, cases in missed.items():
            yield self._nobody(first, cases)

    def _reaches_nobody(self, directory: Directory, case: _Case) -> bool:
        targets = directory.targets(case.hazard, case.level, [self.district.sites[case.site].area])
        return bool(targets.widened)

    def _cases(self, rulebook: Rulebook | None, route: RouteSpec) -> list[_Case]:
        """What may have to be told; without rules, whatever the route names at any site."""
        if rulebook is not None:
            return self._rules_cases(rulebook)
        return [
            _Case((route.hazards or ("",))[0], level, site)
            for level in _LEVELS
            for site in self.district.sites
        ]

    @staticmethod
    def _rules_cases(rulebook: Rulebook | None) -> list[_Case]:
        if rulebook is None:
            return []
        found = {
            _Case(watch.hazard, rung.level, watch.site)
            for watch in rulebook.watches
            for ladder in watch.ladders.values()
            for rung in ladder.rungs
        }
        found |= {_Case(silence.hazard, silence.level, silence.site) for silence in rulebook.silences}
        return sorted(found)

    def _nobody(self, route: int | None, cases: list[_Case]) -> Finding:
        case = cases[0]
        kind = self.district.sites[case.site].kind
        location: Location = ("routes",) if route is None else ("routes", route, "to")
        return self.document.finding(
            "reaches-nobody",
            location,
            Text(
                f"nobody is named for {case.hazard} {case.level.word} at {case.site} ({kind})",
                f"{case.site}（{kind}）的 {case.hazard} {case.level.word} 预警没有通知对象",
            ),
            Text(
                "name a role that somebody holds for that area, or one around it",
                "请指定在该区域或其上级区域有人担任的角色",
            ),
            of_key=True,
        )


def _is_named(person: PersonSpec, route: RouteSpec | EscalationSpec) -> bool:
    return any(held.role in route.roles for held in person.roles)


def _is_reached(person: PersonSpec, route: RouteSpec | EscalationSpec) -> bool:
    return any(person.channels.address(channel) is not None for channel in route.via)
