"""The rules: as text and as data, checked while typing, tried on the past, approved by another, applied."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from console.accounts import Draft, Version
from console.drafts import difference, fingerprint_of
from console.editing import Edit, apply_edits
from console.errors import ConsoleError, NotAllowedError
from console.gate import Visitor
from console.office import Office
from console.roles import Deed
from console.trial import as_told
from console.web.entrance import PROBLEMS, Needs, office_of
from district.findings import InvalidFileError, Text

router = APIRouter(prefix="/api/v1/rules", tags=["rules"], responses=PROBLEMS)

Sees = Annotated[Visitor, Depends(Needs(Deed.SEE))]
Drafts = Annotated[Visitor, Depends(Needs(Deed.DRAFT))]
Approves = Annotated[Visitor, Depends(Needs(Deed.APPROVE))]
Name = Annotated[str, Path(pattern=r"^[0-9a-f]{1,16}$")]
Number = Annotated[int, Path(ge=1, le=10**9)]
RulesText = Annotated[str, Field(max_length=2_000_000)]
_DAY_MS = 86_400_000


class TextIn(BaseModel):
    """A file of rules."""

    text: RulesText


class EditIn(BaseModel):
    """What shall stand at a place of the file; null takes it away."""

    path: Annotated[list[str | int], Field(min_length=1, max_length=12)]
    value: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] | None


class FormIn(BaseModel):
    """A file, and what the form changed in it."""

    text: RulesText
    edits: Annotated[list[EditIn], Field(max_length=200)]


class TrialIn(BaseModel):
    """A draft, and over how many days of the past."""

    text: RulesText
    days: Annotated[float, Field(gt=0, le=366)] = 30


class DraftIn(BaseModel):
    """A draft that another person shall approve."""

    text: RulesText
    why: Annotated[str, Field(min_length=1, max_length=500)]
    base: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@router.get("")
async def read_rules(request: Request, _visitor: Sees) -> dict[str, Any]:
    """The file, its data, its mistakes, drafts that wait, and what was in force before."""
    office = office_of(request)
    text = office.drafting.text
    return {
        "text": text,
        "base": fingerprint_of(text),
        "fingerprint": office.files.rulebook.fingerprint,
        "drafts": [_draft(one) for one in office.drafting.drafts],
        "versions": [_version(one) for one in office.drafting.versions],
        **await _checked(office, text),
    }


@router.post("/check")
async def check(asked: TextIn, request: Request, _visitor: Drafts) -> dict[str, Any]:
    """Every mistake of a text at its place."""
    return await _checked(office_of(request), asked.text)


@router.post("/form")
async def by_form(asked: FormIn, request: Request, _visitor: Drafts) -> dict[str, Any]:
    """The text after what the form changed; no other line differs."""
    edits = [Edit(path=tuple(one.path), value=one.value) for one in asked.edits]
    text = apply_edits(asked.text, edits)
    return {"text": text, **await _checked(office_of(request), text)}


@router.post("/backtest")
async def try_on_the_past(asked: TrialIn, request: Request, _visitor: Drafts) -> dict[str, Any]:
    """What a draft would have said of the last days that the rules in force did not, and whom it had told."""
    office = office_of(request)
    since_ms = office.clock.now_ms() - round(asked.days * _DAY_MS)
    try:
        return await office.trial.compare(asked.text, since_ms=max(0, since_ms))
    except InvalidFileError as exc:
        raise _mistaken(exc) from exc


@router.post("/drafts")
async def propose(asked: DraftIn, request: Request, visitor: Drafts) -> dict[str, Any]:
    """Put a draft without mistakes before somebody else."""
    office = office_of(request)
    _must_be_whole(visitor)
    findings, _ = await office.trial.check(asked.text)
    if findings:
        raise _mistaken(InvalidFileError(findings))
    return _draft(await office.drafting.propose(asked.text, asked.why, asked.base, by=visitor.name))


@router.get("/drafts/{name}")
async def read_draft(name: Name, request: Request, _visitor: Sees) -> dict[str, Any]:
    """A draft, and what it changes."""
    drafting = office_of(request).drafting
    draft = drafting.draft(name)
    return _draft(draft) | {"text": draft.text, "difference": difference(drafting.text, draft.text)}


@router.post("/drafts/{name}/approve")
async def approve(name: Name, request: Request, visitor: Approves) -> dict[str, Any]:
    """Approve somebody else's draft."""
    _must_be_whole(visitor)
    return _draft(await office_of(request).drafting.approve(name, by=visitor.name))


@router.post("/drafts/{name}/apply")
async def put_in_force(name: Name, request: Request, visitor: Drafts) -> dict[str, Any]:
    """Put an approved draft in force."""
    _must_be_whole(visitor)
    return _version(await office_of(request).drafting.apply(name, by=visitor.name))


@router.post("/drafts/{name}/withdraw")
async def withdraw(name: Name, request: Request, visitor: Drafts) -> dict[str, Any]:
    """Take a draft away."""
    _must_be_whole(visitor)
    return _draft(await office_of(request).drafting.withdraw(name, by=visitor.name))


@router.get("/versions/{number}")
async def read_version(number: Number, request: Request, _visitor: Sees) -> dict[str, Any]:
    """What was in force, and how it differs from what is."""
    drafting = office_of(request).drafting
    version = drafting.version(number)
    return _version(version) | {"text": version.text, "difference": difference(drafting.text, version.text)}


@router.post("/versions/{number}/restore")
async def restore(number: Number, request: Request, visitor: Approves) -> dict[str, Any]:
    """Put what was in force before in force again."""
    _must_be_whole(visitor)
    return _version(await office_of(request).drafting.restore(number, by=visitor.name))


async def _checked(office: Office, text: str) -> dict[str, Any]:
    findings, data = await office.trial.check(text)
    return {"findings": as_told(findings), "data": _plain(data)}


def _plain(value: Any) -> Any:
    """Data as JSON can say it: what YAML reads as a date or an odd key is text."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _must_be_whole(visitor: Visitor) -> None:
    """Rules hold for the whole district, so whoever changes them answers for it."""
    if not visitor.reach.whole:
        raise NotAllowedError(Text("rules are the whole district's", "规则适用于全区，须由全区账号修改"))


def _mistaken(exc: InvalidFileError) -> ConsoleError:
    first = exc.findings[0]
    line = first.place.line
    return ConsoleError(
        Text(f"line {line}: {first.key}: {first.what.en}", f"第 {line} 行：{first.key}：{first.what.zh}")
    )


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "why": draft.why,
        "author": draft.author,
        "state": draft.state,
        "approved_by": draft.approved_by,
        "made_ms": draft.made_ms,
        "base": draft.base,
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "why": version.why,
        "author": version.author,
        "approved_by": version.approved_by,
        "applied_by": version.applied_by,
        "at_ms": version.at_ms,
    }
