"""Stories as pages show them: open cases, and everything that one of them came to."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from alerting.archive import read_message
from alerting.cap import read_xml
from alerting.cases import Case
from alerting.docket import load_cases
from alerting.ledger import Kind
from alerting.threads import Thread
from console.files import Files
from console.journal import Fact, Journal
from console.newest import Newest
from console.roles import Reach
from console.stream import describe
from district.inventory import District
from rules.ladder import Ladder
from rules.measure import Value
from rules.rulebook import Watch, season_key
from rules.transition import Level


class Stories:
    """Reads stories from the ledger and from what alerting works with."""

    def __init__(self, district: District, files: Files, journal: Journal, newest: Newest) -> None:
        self._district = district
        self._files = files
        self._journal = journal
        self._newest = newest
        self._cases: tuple[int, list[dict[str, Any]]] = (-1, [])

    async def open_cases(self, reach: Reach) -> list[dict[str, Any]]:
        """Every open case within reach, those that need somebody first."""
        last = self._journal.last
        if self._cases[0] != last:
            try:
                found = await self._journal.read(self._read_cases)
            except sqlite3.Error:  # alerting has not begun
                found = []
            self._cases = (last, found)
        return [one for one in self._cases[1] if reach.covers_asset(one["asset"])]

    async def find(self, thread: str, episode: int) -> dict[str, Any] | None:
        """All of one story; none if there is none."""
        facts = await self._journal.story(thread, episode)
        if not facts:
            return None
        hazard, _, asset = thread.partition("--")
        opened = {one["ref"]: one for one in (await self._all_cases())}
        case = opened.get(f"{thread}.{episode}")
        changes = [self._change(fact) for fact in facts if fact.kind == Kind.TRANSITION]
        return {
            "thread": thread,
            "episode": episode,
            "episodes": self._journal.episodes(thread),
            "hazard": hazard,
            "asset": asset,
            "name": self._name(asset),
            "sites": [site.id for site in self._district.asset_sites(asset)],
            "case": case,
            "closing": _closing(facts),
            "messages": self._messages(facts),
            "changes": changes,
            "plots": self._plots(changes, hazard, asset),
            "entries": [
                describe(fact)
                for fact in facts
                if fact.kind not in (Kind.RECEIPT, Kind.ATTEMPT) or _tells(fact)
            ][-500:],
        }

    async def _all_cases(self) -> list[dict[str, Any]]:
        return await self.open_cases(Reach(self._district, [self._district.root_area]))

    def person(self, person: str) -> dict[str, str]:
        """Somebody's name by language; the id of who is in the contacts no more."""
        known = self._files.directory.people.get(person)
        return {"zh": known.name.zh, "en": known.name.en} if known else {"zh": person, "en": person}

    def _read_cases(self, connection: sqlite3.Connection) -> list[dict[str, Any]]:
        cases = load_cases(connection).values()
        found = [self._case(connection, case) for case in cases]
        order = {"unanswered": 0, "calling": 1, "overdue": 2, "answered": 3, "over": 4}
        return sorted(found, key=lambda one: (order[one["state"]] > 2, -one["rank"], -one["opened_ms"]))  # noqa: PLR2004

    def _case(self, connection: sqlite3.Connection, case: Case) -> dict[str, Any]:
        hazard, _, asset = case.thread.partition("--")
        row = connection.execute(
            "SELECT body FROM state WHERE kind = 'thread' AND name = ?", (case.thread,)
        ).fetchone()
        thread = msgspec.json.decode(row[0], type=Thread) if row else None
        answers = [
            {
                "person": one.person,
                "name": self.person(one.person),
                "at_ms": one.at_ms,
                "by": one.by,
                "level": one.level.word,
                "note": one.note,
            }
            for one in case.answers
        ]
        return {
            "ref": case.name,
            "code": case.code,
            "thread": case.thread,
            "episode": case.episode,
            "hazard": hazard,
            "asset": asset,
            "name": self._name(asset),
            "level": case.level.word,
            "rank": int(case.level),
            "state": case.state,
            "opened_ms": case.opened_ms,
            "ended_ms": case.ended_ms,
            "due_ms": case.due_ms,
            "areas": list(case.areas),
            "answers": answers,
            "message": _newest_message(connection, thread) if thread else None,
        }

    def _name(self, asset: str) -> dict[str, str]:
        sites = self._district.asset_sites(asset)
        if not sites:
            return {"zh": asset, "en": asset}
        return {"zh": sites[0].name.zh, "en": sites[0].name.en}

    def _messages(self, facts: Iterable[Fact]) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        receipts: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for fact in facts:
            if fact.kind == Kind.WARNING:
                body = msgspec.json.decode(fact.body)
                cap = read_xml(body["cap_xml"].encode())
                found[fact.name] = {
                    "identifier": fact.name,
                    "seq": fact.seq,
                    "at_ms": fact.at_ms,
                    "kind": body["kind"],
                    "msg_type": body["msg_type"],
                    "status": cap.status,
                    "level": body["level"],
                    "texts": {
                        language: {
                            "event": (info := cap.info(language)).event,
                            "headline": info.headline,
                            "description": info.description,
                            "instruction": info.instruction,
                            "expires": info.expires.isoformat(),
                            "areas": [area.area_desc for area in info.areas],
                        }
                        for language in ("zh", "en")
                    },
                    "recipients": body["recipients"],
                    "widened": body["widened"],
                }
            elif fact.kind in (Kind.RECEIPT, Kind.ATTEMPT):
                body = msgspec.json.decode(fact.body)
                receipts.setdefault(fact.name, {}).setdefault(body["person"], []).append(
                    {
                        "state": body["state"] if fact.kind == Kind.RECEIPT else "trying",
                        "channel": body["channel"],
                        "reason": body["reason"],
                        "at_ms": fact.at_ms,
                    }
                )
        for identifier, message in found.items():
            mine = receipts.get(identifier, {})
            named = {one["person"]: one for one in message["recipients"]}
            for person in mine:  # escalations tell people whom the message itself did not name
                named.setdefault(person, {"person": person, "role": "", "area": "", "via": []})
            message["recipients"] = [
                {**one, "name": self.person(person), "receipts": mine.get(person, [])}
                for person, one in named.items()
            ]
        return list(found.values())

    def _change(self, fact: Fact) -> dict[str, Any]:
        body = msgspec.json.decode(fact.body)
        transition = body["transition"]
        rule = self._files.rulebook.rules.get(transition["rule"])
        name = (
            {"zh": rule.name.zh, "en": rule.name.en}
            if rule
            else dict.fromkeys(("zh", "en"), transition["rule"])
        )
        return {
            "seq": fact.seq,
            "recorded_ms": fact.at_ms,
            "verdict": body["verdict"],
            "rule_name": name,
            **transition,
            "before": Level(transition["before"]).word,
            "to": Level(transition["to"]).word,
        }

    def _plots(self, changes: Sequence[Mapping[str, Any]], hazard: str, asset: str) -> list[dict[str, Any]]:
        """The series behind a story, each with its limits as they hold now."""
        subjects = {str(change["subject"]) for change in changes}
        subjects |= {f"{change['subject']}:{change['point']}" for change in changes if change.get("point")}
        sites = {site.id for site in self._district.asset_sites(asset)}
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for watch in self._files.rulebook.watches:
            beside = watch.site in sites and watch.hazard == hazard
            if watch.subject in subjects or beside:
                plot = found.setdefault((watch.device, watch.point), self.plot(watch.device, watch.point))
                _add_limits(plot, watch, self._ladder(watch))
        return list(found.values())

    def plot(self, device: str, point: str) -> dict[str, Any]:
        """What a plot of one series needs besides its values."""
        known = self._district.devices.get(device) or self._district.disabled[device]
        spec = known.points[point]
        return {
            "device": device,
            "name": {"zh": known.name.zh, "en": known.name.en},
            "point": point,
            "unit": spec.unit,
            "counter": spec.counter,
            "zero": 0.0 if spec.counter else known.datum_zero,
            "limits": [],
        }

    def limits_of(self, device: str, point: str) -> list[dict[str, Any]]:
        """The limits that hold now for what is read itself."""
        plot: dict[str, Any] = {"limits": []}
        for watch in self._files.rulebook.watches:
            if (watch.device, watch.point) == (device, point):
                _add_limits(plot, watch, self._ladder(watch))
        limits: list[dict[str, Any]] = plot["limits"]
        return limits

    def _ladder(self, watch: Watch) -> Ladder | None:
        newest = self._newest.values(watch.device).get(watch.point)
        at_ms = newest.at_ms if newest else 0
        seasons = self._files.rulebook.seasons_at(at_ms) & watch.seasons
        return watch.ladders.get(season_key(seasons))


def _add_limits(plot: dict[str, Any], watch: Watch, ladder: Ladder | None) -> None:
    """Limits of the value itself can be drawn beside it; those of sums and slopes cannot."""
    if ladder is None:
        return
    for rung in ladder.rungs:
        if isinstance(rung.measure, Value):
            plot["limits"].append(
                {
                    "rule": watch.rule,
                    "level": rung.level.word,
                    "limit": rung.limit,
                    "clear": rung.clear,
                    "rising": ladder.rising,
                    "for_ms": rung.for_ms,
                }
            )


def _newest_message(connection: sqlite3.Connection, thread: Thread) -> dict[str, Any] | None:
    if not thread.issued:
        return None
    message = read_message(connection, thread.issued[-1].identifier)
    return {
        "identifier": message.identifier,
        "level": message.level.word,
        "sent_ms": round(message.sent.timestamp() * 1000),
        "status": message.cap.status,
        "texts": {
            language: {"event": message.cap.info(language).event, **texts._asdict()}
            for language, texts in message.texts.items()
        },
    }


def _closing(facts: Iterable[Fact]) -> dict[str, Any] | None:
    for fact in reversed(list(facts)):
        if fact.kind == Kind.CASE:
            body = msgspec.json.decode(fact.body)
            if body["what"] == "closed":
                return {"person": body["person"], "done": body["done"], "at_ms": fact.at_ms}
    return None


def _tells(fact: Fact) -> bool:
    """Whether a receipt says more than that all went well: those are shown beside each person."""
    body = msgspec.json.decode(fact.body)
    return body.get("state") in ("refused", "unreachable")
