"""What people say to warnings: acknowledge, close, put aside; every request is alerting's to decide."""

from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from alerting.commands import (
    LONGEST_SHELF_S,
    Acknowledge,
    Close,
    Command,
    Comment,
    Escalate,
    FollowLink,
    Shelve,
    Unshelve,
)
from alerting.errors import BadLinkError
from alerting.links import read_token
from console.accounts import action
from console.errors import ClashError, NoSuchThingError, NotAllowedError, TooManyError
from console.gate import Visitor
from console.office import Office
from console.roles import Deed
from console.web.entrance import PROBLEMS, Needs, address_of, must_cover, office_of, stories_of
from district.findings import Text

router = APIRouter(prefix="/api/v1", tags=["answers"], responses=PROBLEMS)

Request_ = Annotated[
    str, Field(pattern=r"^[0-9a-f]{32}$", description="Of the request: a repeat has the same.")
]


class Note(BaseModel):
    """Somebody is on it; with a note, what else there is to say."""

    note: Annotated[str, Field(max_length=500)] = ""
    request: Request_ | None = None


class Remark(BaseModel):
    """What there is to say."""

    note: Annotated[str, Field(min_length=1, max_length=500)]
    request: Request_ | None = None


class Done(BaseModel):
    """What was done."""

    done: Annotated[str, Field(min_length=1, max_length=2000)]
    request: Request_ | None = None


class Aside(BaseModel):
    """Why, and for how long."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]
    hours: Annotated[float, Field(gt=0, le=LONGEST_SHELF_S / 3600)]
    request: Request_ | None = None


class Answered(BaseModel):
    """What became of it."""

    ok: Literal[True]
    en: str
    zh: str


@router.post("/cases/{ref}/ack")
async def acknowledge(
    ref: str, asked: Note, request: Request, visitor: Annotated[Visitor, Depends(Needs(Deed.ANSWER))]
) -> Answered:
    """Say that you are awake and on it: the calling that reached you ends."""
    await _must_reach(request, visitor, ref)
    command = Acknowledge(id=_id(asked.request), person=_person(visitor), ref=ref, note=asked.note)
    return await _ask(request, visitor.name, command)


@router.post("/cases/{ref}/comment")
async def comment(
    ref: str, asked: Remark, request: Request, visitor: Annotated[Visitor, Depends(Needs(Deed.ANSWER))]
) -> Answered:
    """Add to the record of a case; nobody's calling ends by it."""
    await _must_reach(request, visitor, ref)
    command = Comment(id=_id(asked.request), person=_person(visitor), ref=ref, note=asked.note)
    return await _ask(request, visitor.name, command)


@router.post("/cases/{ref}/escalate")
async def escalate(
    ref: str, asked: Note, request: Request, visitor: Annotated[Visitor, Depends(Needs(Deed.CLOSE))]
) -> Answered:
    """Tell whoever is next now, not when their time has come."""
    await _must_reach(request, visitor, ref)
    return await _ask(
        request, visitor.name, Escalate(id=_id(asked.request), person=_person(visitor), ref=ref)
    )


@router.post("/cases/{ref}/close")
async def close(
    ref: str, asked: Done, request: Request, visitor: Annotated[Visitor, Depends(Needs(Deed.CLOSE))]
) -> Answered:
    """Close a case: what was done."""
    await _must_reach(request, visitor, ref)
    command = Close(id=_id(asked.request), person=_person(visitor), ref=ref, done=asked.done)
    return await _ask(request, visitor.name, command)


@router.post("/threads/{thread}/shelve")
async def shelve(
    thread: str, asked: Aside, request: Request, visitor: Annotated[Visitor, Depends(Needs(Deed.SHELVE))]
) -> Answered:
    """Put a story aside for a while: it is recorded and not told. Red is never put aside."""
    must_cover(visitor.reach.covers_asset(thread.partition("--")[2]), thread)
    command = Shelve(
        id=_id(asked.request),
        person=_person(visitor),
        thread=thread,
        reason=asked.reason,
        for_s=asked.hours * 3600,
    )
    return await _ask(request, visitor.name, command)


@router.post("/threads/{thread}/unshelve")
async def unshelve(
    thread: str, asked: Note, request: Request, visitor: Annotated[Visitor, Depends(Needs(Deed.SHELVE))]
) -> Answered:
    """Hear of a story again before its time."""
    must_cover(visitor.reach.covers_asset(thread.partition("--")[2]), thread)
    return await _ask(
        request, visitor.name, Unshelve(id=_id(asked.request), person=_person(visitor), thread=thread)
    )


@router.get("/links/{token}")
async def open_link(token: str, request: Request) -> dict[str, Any]:
    """The warning that a link in a message is for; whoever holds it need not sign in."""
    office = office_of(request)
    case, person = await _read_link(office, token, address_of(request))
    thread, _, episode = case.rpartition(".")
    story = await stories_of(request).find(thread, int(episode))
    if story is None or story["case"] is None:
        raise NoSuchThingError(Text("this warning is closed: the link has ended", "该预警已办结，链接已失效"))
    people = stories_of(request)
    newest = [one for one in story["messages"] if one["kind"] != "notice"][-1]
    return {
        "person": person,
        "name": people.person(person),
        "case": story["case"],
        "place": story["name"],
        "texts": newest["texts"],
        "level": newest["level"],
        "status": newest["status"],
        "sent_ms": newest["at_ms"],
        "plots": story["plots"][:1],
        "now_ms": office.clock.now_ms(),
    }


@router.post("/links/{token}")
async def follow_link(token: str, asked: Note, request: Request) -> Answered:
    """Answer by a link: it says who answers, and what."""
    _case, person = await _read_link(office_of(request), token, address_of(request))
    return await _ask(request, person, FollowLink(id=_id(asked.request), token=token, note=asked.note))


async def _read_link(office: Office, token: str, address: str) -> tuple[str, str]:
    if not office.gate.may_try(address):
        raise TooManyError(Text("too many attempts: wait a minute", "尝试过于频繁，请一分钟后再试"))
    row = await office.journal.read(
        lambda connection: connection.execute(
            "SELECT body FROM state WHERE kind = 'secret' AND name = 'links'"
        ).fetchone()
    )
    bad = NoSuchThingError(Text("this link is none of ours", "链接无效"))
    if row is None:
        raise bad
    try:
        case, person = read_token(bytes(row[0]), token)
    except BadLinkError as exc:
        raise bad from exc
    return case, person


async def _must_reach(request: Request, visitor: Visitor, ref: str) -> None:
    """Only open cases within one's areas are answered; others are as if they were not there."""
    cases = await stories_of(request).open_cases(visitor.reach)
    must_cover(any(ref in (one["ref"], one["code"], one["thread"]) for one in cases), ref)


def _person(visitor: Visitor) -> str:
    if not visitor.person:
        raise NotAllowedError(
            Text(
                "your account belongs to nobody in the contacts: a security officer names the person",
                "您的账号未关联联系人，请安全管理员设置",
            )
        )
    return visitor.person


async def _ask(request: Request, who: str, command: Command) -> Answered:
    office = office_of(request)
    outcome = await office.asker.ask(command)
    await office.register.keep(
        record=action(who, f"asked to {type(command).__name__}", request=command.id, ok=outcome.ok)
    )
    if not outcome.ok:
        raise ClashError(Text(outcome.en, outcome.zh))
    return Answered(ok=True, en=outcome.en, zh=outcome.zh)


def _id(given: str | None) -> str:
    return given or uuid4().hex
