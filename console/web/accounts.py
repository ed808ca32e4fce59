"""Accounts, tokens and the record of what everybody did: each for its part of the administration."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from alerting.ledger import read_sealed, verify
from alerting.privacy import mask_numbers
from console.accounts import Account, Token
from console.errors import ConsoleError
from console.gate import Visitor
from console.register import FILE_NAME
from console.roles import ANSWERING, Deed, Role
from console.web.entrance import PROBLEMS, Needs, office_of
from console.web.sessions import Login
from district.findings import Text

router = APIRouter(prefix="/api/v1", tags=["accounts"], responses=PROBLEMS)

Administrates = Annotated[Visitor, Depends(Needs(Deed.ACCOUNTS))]
Secures = Annotated[Visitor, Depends(Needs(Deed.RIGHTS))]
Audits = Annotated[Visitor, Depends(Needs(Deed.AUDIT))]


class NewAccountIn(BaseModel):
    """An account without rights yet."""

    name: Login
    title: Annotated[str, Field(min_length=1, max_length=80)]


class RightsIn(BaseModel):
    """What an account may do, and where."""

    role: Role
    areas: Annotated[list[str], Field(max_length=100)]
    person: Annotated[str, Field(max_length=100)] = ""
    disabled: bool = False


class NewTokenIn(BaseModel):
    """A token for a program or a screen on the wall."""

    name: Login
    areas: Annotated[list[str], Field(min_length=1, max_length=100)]
    days: Annotated[float, Field(gt=0, le=3660)] = 365


@router.get("/accounts")
async def administrate_accounts(request: Request, _visitor: Administrates) -> dict[str, Any]:
    """Every account, for the administrator."""
    return {"accounts": _accounts(request)}


@router.post("/accounts")
async def make_account(asked: NewAccountIn, request: Request, visitor: Administrates) -> dict[str, Any]:
    """Make an account; the link's word is shown once, and its owner sets a password by it."""
    word = await office_of(request).administration.make(asked.name, asked.title, by=visitor.name)
    return {"word": word}


@router.post("/accounts/{name}/invitation")
async def invite(name: str, request: Request, visitor: Administrates) -> dict[str, Any]:
    """A link by which an account's owner sets a new password."""
    return {"word": await office_of(request).administration.reset(name, by=visitor.name)}


@router.get("/rights")
async def rights(request: Request, _visitor: Secures) -> dict[str, Any]:
    """Every account and token with its rights, for the security officer."""
    office = office_of(request)
    return {
        "accounts": _accounts(request),
        "people": [
            {"id": one.id, "name": {"zh": one.name.zh, "en": one.name.en}}
            for one in office.files.contacts.people
        ],
        "areas": [
            {"id": one.id, "name": {"zh": one.name.zh, "en": one.name.en}}
            for one in office.district.areas.values()
        ],
        "tokens": [
            {
                "name": one.name,
                "role": one.role,
                "areas": one.areas,
                "made_by": one.made_by,
                "ends_ms": round(one.ends_s * 1000),
            }
            for one in office.register.every(Token)
        ],
    }


@router.put("/rights/{name}")
async def give_rights(name: str, asked: RightsIn, request: Request, visitor: Secures) -> dict[str, Any]:
    """Give an account its rights; who is signed in with it signs in anew."""
    office = office_of(request)
    if asked.person and asked.person not in office.files.directory.people:
        raise ConsoleError(
            Text(f"{asked.person!r} is not among the contacts", f"联系人中没有 {asked.person!r}")
        )
    if asked.role in ANSWERING and not asked.disabled and not asked.person:
        raise ConsoleError(
            Text(
                "who answers warnings does so as a person of the contacts: name one",
                "应答预警的账号必须关联联系人",
            )
        )
    account = await office.administration.give(
        name,
        role=asked.role,
        areas=tuple(dict.fromkeys(asked.areas)),
        person=asked.person,
        disabled=asked.disabled,
        by=visitor.name,
    )
    return _account(account)


@router.delete("/rights/{name}/second")
async def forget_second_factor(name: str, request: Request, visitor: Secures) -> dict[str, Any]:
    """Let an account enrol a new second factor."""
    await office_of(request).administration.forget_second_factor(name, by=visitor.name)
    return {"ok": True}


@router.post("/tokens")
async def make_token(asked: NewTokenIn, request: Request, visitor: Secures) -> dict[str, Any]:
    """Make a token that only sees; its word is shown once."""
    word = await office_of(request).administration.make_token(
        asked.name, role=Role.VIEWER, areas=tuple(asked.areas), days=asked.days, by=visitor.name
    )
    return {"word": word}


@router.delete("/tokens/{name}")
async def withdraw_token(name: str, request: Request, visitor: Secures) -> dict[str, Any]:
    """End a token, and every screen that it opened."""
    await office_of(request).administration.withdraw_token(name, by=visitor.name)
    return {"ok": True}


@router.get("/audit")
async def audit(
    request: Request,
    _visitor: Audits,
    before: Annotated[int, Query(ge=0, le=2**53)] = 2**53,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> dict[str, Any]:
    """What everybody did at the console, newest first, and whether the record is whole."""
    path = office_of(request).state_dir / FILE_NAME
    entries = [one for one in read_sealed(path) if one.seq < before][-limit:]
    broken = verify(path)
    return {
        "whole": broken is None,
        "reason": broken.reason if broken else "",
        "entries": [
            {"seq": one.seq, "at_ms": one.at_ms, "body": mask_numbers(one.body), "hash": one.hash.hex()}
            for one in reversed(entries)
        ],
    }


def _accounts(request: Request) -> list[dict[str, Any]]:
    return [_account(one) for one in office_of(request).register.every(Account)]


def _account(account: Account) -> dict[str, Any]:
    """An account as people may see it: none of its proofs."""
    return {
        "name": account.name,
        "title": account.title,
        "role": account.role,
        "areas": account.areas,
        "person": account.person,
        "disabled": account.disabled,
        "second": account.totp is not None,
        "password": account.password is not None,
        "failures": account.failures,
        "locked_until_ms": round(account.locked_until_s * 1000),
    }
