"""Signing in and out, and the first start."""

from typing import Annotated, Any

import segno
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from console.gate import NewAccount, Visitor
from console.proofs import totp_link
from console.roles import Role, deeds_of
from console.web.entrance import COOKIE, PROBLEMS, Needs, address_of, cookie_of, office_of

router = APIRouter(prefix="/api/v1", tags=["accounts"], responses=PROBLEMS)

Word = Annotated[str, Field(min_length=1, max_length=200)]
Login = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class SignIn(BaseModel):
    """Name, password, and the code of the second factor where the account has one."""

    name: Annotated[str, Field(max_length=64)]
    password: Annotated[str, Field(max_length=256)]
    code: Annotated[str, Field(max_length=12)] = ""


class Code(BaseModel):
    """A code of an authenticator."""

    code: Annotated[str, Field(min_length=1, max_length=12)]


class WordOnly(BaseModel):
    """The word of a link or a token."""

    word: Word


class Acceptance(BaseModel):
    """The word of an invitation, and the password that its owner chose."""

    word: Word
    password: Annotated[str, Field(max_length=256)]


class First(BaseModel):
    """One of the first three accounts."""

    name: Login
    title: Annotated[str, Field(min_length=1, max_length=80)]
    password: Annotated[str, Field(max_length=256)]


class Beginning(BaseModel):
    """The word of the first start's link, and the three who administer."""

    word: Word
    administrator: First
    security: First
    auditor: First


@router.post("/session")
async def sign_in(asked: SignIn, request: Request, response: Response) -> dict[str, Any]:
    """Sign in: the cookie comes with the answer."""
    gate = office_of(request).gate
    word, session = await gate.sign_in(asked.name, asked.password, asked.code, address=address_of(request))
    _give(response, request, word, round(session.ends_s - session.began_s))
    return _me(request, gate.by_cookie(word))


@router.get("/session")
async def who_am_i(request: Request, visitor: Annotated[Visitor, Depends(Needs(None))]) -> dict[str, Any]:
    """Who is signed in, and what they may do."""
    return _me(request, visitor)


@router.delete("/session")
async def sign_out(
    request: Request, response: Response, _visitor: Annotated[Visitor, Depends(Needs(None))]
) -> dict[str, Any]:
    """Sign out."""
    await office_of(request).gate.sign_out(cookie_of(request))
    response.delete_cookie(COOKIE)
    return {"ok": True}


@router.post("/session/second")
async def enrol(
    asked: Code, request: Request, _visitor: Annotated[Visitor, Depends(Needs(None))]
) -> dict[str, Any]:
    """Confirm a second factor with its first code."""
    gate = office_of(request).gate
    await gate.enrol(cookie_of(request), asked.code)
    return _me(request, gate.by_cookie(cookie_of(request)))


@router.post("/session/wall")
async def open_wall(asked: WordOnly, request: Request, response: Response) -> dict[str, Any]:
    """Sign a screen on the wall in by its token: it only sees."""
    gate = office_of(request).gate
    word, session = await gate.open_wall(asked.word, address=address_of(request))
    _give(response, request, word, round(session.ends_s - session.began_s))
    return _me(request, gate.by_cookie(word))


@router.post("/begin")
async def begin(asked: Beginning, request: Request) -> dict[str, Any]:
    """First start: make the three who administer."""
    accounts = {
        role: NewAccount(name=one.name, title=one.title, password=one.password)
        for role, one in (
            (Role.ADMINISTRATOR, asked.administrator),
            (Role.SECURITY, asked.security),
            (Role.AUDITOR, asked.auditor),
        )
    }
    await office_of(request).gate.begin(asked.word, accounts, address=address_of(request))
    return {"ok": True}


@router.post("/invitation")
async def accept(asked: Acceptance, request: Request) -> dict[str, Any]:
    """Set the password that an invitation is for."""
    name = await office_of(request).gate.accept(asked.word, asked.password, address=address_of(request))
    return {"name": name}


def _give(response: Response, request: Request, word: str, lasts_s: int) -> None:
    response.set_cookie(
        COOKIE, word, max_age=lasts_s, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )


def _me(request: Request, visitor: Visitor) -> dict[str, Any]:
    office = office_of(request)
    me: dict[str, Any] = {
        "name": visitor.name,
        "title": visitor.title,
        "role": visitor.role,
        "areas": visitor.areas,
        "person": visitor.person,
        "csrf": visitor.csrf,
        "wall": visitor.wall,
        "deeds": [] if visitor.enrolling else [one for one in deeds_of(visitor.role) if visitor.may(one)],
    }
    if visitor.enrolling:
        link = totp_link(visitor.enrolling, visitor.name, office.district.name.en)
        svg = segno.make(link, error="m").svg_inline(scale=5, border=3, dark="#111", light="#fff")
        me["enrol"] = {"secret": visitor.enrolling, "link": link, "svg": svg}
    return me
