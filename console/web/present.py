"""The present: the district as it is drawn, how it stands, its open cases, its stories, and what is new."""

from bisect import bisect_left
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from alerting.archive import read_message
from alerting.phrases import HAZARDS, LEVELS
from console.errors import NoSuchThingError
from console.gate import Visitor
from console.load import sum_up
from console.roles import Deed
from console.stream import describe
from console.web.entrance import PROBLEMS, Needs, must_cover, office_of, stories_of
from district.findings import Text

router = APIRouter(prefix="/api/v1", tags=["present"], responses=PROBLEMS)

Sees = Annotated[Visitor, Depends(Needs(Deed.SEE))]
Seq = Annotated[int, Query(ge=0, le=2**53)]


@router.get("/district")
async def district(request: Request, visitor: Sees) -> dict[str, Any]:
    """What does not change while the console runs: areas, sites, devices, words."""
    office = office_of(request)
    here = office.district
    reach = visitor.reach
    return {
        "id": here.id,
        "name": {"zh": here.name.zh, "en": here.name.en},
        "timezone": str(here.timezone),
        "areas": [
            {
                "id": area.id,
                "parent": area.parent,
                "rank": area.rank,
                "name": {"zh": area.name.zh, "en": area.name.en},
                "polygon": area.polygon,
                "mine": reach.covers_area(area.id),
            }
            for area in here.areas.values()
        ],
        "sites": [
            {
                "id": site.id,
                "kind": site.kind,
                "area": site.area,
                "asset": site.asset,
                "name": {"zh": site.name.zh, "en": site.name.en},
                "at": site.at,
                "upstream": site.upstream,
            }
            for site in here.sites.values()
            if reach.covers_site(site.id)
        ],
        "devices": [
            {
                "id": device.id,
                "site": device.site,
                "gateway": device.gateway,
                "bus": device.bus,
                "profile": device.profile,
                "name": {"zh": device.name.zh, "en": device.name.en},
                "every_s": device.interval.total_seconds(),
                "stale_after_s": device.stale_after.total_seconds(),
                "datum": {"zero": device.datum_zero, "system": device.datum_system},
                "points": [
                    {"id": point.id, "unit": point.unit, "counter": point.counter, "valid": point.valid}
                    for point in device.points.values()
                ],
            }
            for device in here.devices.values()
            if reach.covers_device(device.id)
        ],
        "hazards": {name: {"zh": one.name.zh, "en": one.name.en} for name, one in HAZARDS.items()},
        "levels": {level.word: {"zh": words.zh, "en": words.en} for level, words in LEVELS.items()},
    }


@router.get("/now")
async def now(request: Request, visitor: Sees) -> dict[str, Any]:
    """How every site stands and which parts are alive; ``seq`` is where the stream goes on from."""
    office = office_of(request)
    now_ms = office.clock.now_ms()
    states = office.newest.sites(now_ms)
    return {
        "now_ms": now_ms,
        "speed": office.clock.speed,
        "seq": office.journal.last,
        "sites": {
            site: [state.level.word, state.heard_ms, state.silent, state.devices]
            for site, state in states.items()
            if visitor.reach.covers_site(site)
        },
        "services": {
            name: {"state": beat.state, "at_ms": beat.at_ms, "counters": beat.counters}
            for name, beat in office.newest.beats.items()
        },
    }


@router.get("/cases")
async def cases(request: Request, visitor: Sees) -> dict[str, Any]:
    """The open cases: who answered, who is called next."""
    office = office_of(request)
    seq = office.journal.last
    return {"seq": seq, "cases": await stories_of(request).open_cases(visitor.reach)}


@router.get("/timeline")
async def timeline(
    request: Request, visitor: Sees, hours: Annotated[float, Query(gt=0, le=24 * 31)] = 24
) -> dict[str, Any]:
    """Every message of the last hours, by story: when which level was told."""
    office = office_of(request)
    now_ms = office.clock.now_ms()
    from_ms = now_ms - round(hours * 3_600_000)
    marks = office.journal.marks
    first = bisect_left(marks, from_ms, key=lambda one: one.at_ms)
    before: dict[str, str] = {}
    for mark in marks[max(0, first - 2000) : first]:
        if mark.kind in _STORY:
            before[mark.thread] = mark.level
    return {
        "from_ms": from_ms,
        "to_ms": now_ms,
        "before": {
            thread: level
            for thread, level in before.items()
            if level != "normal" and visitor.reach.covers_asset(thread.partition("--")[2])
        },
        "marks": [
            one._asdict()
            for one in marks[first:]
            if one.kind in _STORY and visitor.reach.covers_asset(one.thread.partition("--")[2])
        ],
    }


_DAY_MS = 86_400_000
_STORY = frozenset({"alert", "update", "all-clear"})


@router.get("/load")
async def load(
    request: Request, visitor: Sees, days: Annotated[float, Query(gt=0, le=366)] = 7
) -> dict[str, Any]:
    """How much people were told in the last days, by what, and how long they took to answer."""
    office = office_of(request)
    now_ms = office.clock.now_ms()
    from_ms = now_ms - round(days * _DAY_MS)
    facts = await office.journal.since(from_ms)
    seen = [one for one in facts if visitor.reach.covers_asset(one.thread.partition("--")[2])]
    found = sum_up(seen, from_ms=from_ms, to_ms=now_ms)
    for one in found["people"]:
        one["name"] = stories_of(request).person(one["person"])
    return found


@router.get("/stories")
async def stories(
    request: Request,
    visitor: Sees,
    before: Seq = 2**53,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Messages of every story, newest first; ``before`` pages on."""
    found = []
    for mark in reversed(office_of(request).journal.marks):
        if mark.seq < before and visitor.reach.covers_asset(mark.thread.partition("--")[2]):
            found.append(mark._asdict())
            if len(found) == limit:
                break
    return {"marks": found, "next": found[-1]["seq"] if len(found) == limit else None}


@router.get("/stories/{thread}/{episode}")
async def story(thread: str, episode: int, request: Request, visitor: Sees) -> dict[str, Any]:
    """All of one story: messages, receipts, answers, the alarms behind it, the series, the ledger."""
    must_cover(visitor.reach.covers_asset(thread.partition("--")[2]), thread)
    found = await stories_of(request).find(thread, episode)
    if found is None:
        raise NoSuchThingError(Text(f"there is no story {thread}.{episode}", f"没有预警 {thread}.{episode}"))
    return found


@router.get("/messages/{identifier}/cap.xml", response_class=Response)
async def cap(identifier: str, request: Request, visitor: Sees) -> Response:
    """A message exactly as it was issued."""
    office = office_of(request)
    story = office.journal.story_of(identifier)
    if story is None:
        raise NoSuchThingError(Text(f"there is no message {identifier}", f"没有消息 {identifier}"))
    must_cover(visitor.reach.covers_asset(story[0].partition("--")[2]), identifier)
    message = await office.journal.read(lambda connection: read_message(connection, identifier))
    return Response(message.cap_xml, media_type="application/xml")


@router.get("/journal")
async def journal(
    request: Request, visitor: Sees, after: Seq = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> dict[str, Any]:
    """What the stream of events would say after a number, in pages."""
    office = office_of(request)
    facts = await office.journal.after(after, limit)
    return {
        "last": office.journal.last,
        "next": facts[-1].seq if facts else after,
        "entries": [
            describe(fact)
            for fact in facts
            if not fact.thread or visitor.reach.covers_asset(fact.thread.partition("--")[2])
        ],
    }


@router.get("/events", response_class=StreamingResponse)
async def events(
    request: Request,
    visitor: Sees,
    after: Seq | None = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Everything new, as server-sent events; an event's id is its number in the ledger."""
    office = office_of(request)
    seq = office.journal.last if after is None else after
    if last_event_id is not None and last_event_id.isdecimal():
        seq = int(last_event_id[:16])

    async def body() -> AsyncIterator[bytes]:
        async for event in office.stream.listen(visitor.reach, seq):
            yield event

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(body(), media_type="text/event-stream", headers=headers)
