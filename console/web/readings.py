"""Readings that people report (人工报汛)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from collector.errors import ReadingRefusedError
from console.errors import ConsoleError
from console.gate import Visitor
from console.roles import Deed
from console.web.data import find_series
from console.web.entrance import PROBLEMS, Needs, office_of

router = APIRouter(prefix="/api/v1", tags=["data"], responses=PROBLEMS)


class ReadingIn(BaseModel):
    """What somebody read by eye, above the datum; now unless an instant is given."""

    device: Annotated[str, Field(max_length=100)]
    point: Annotated[str, Field(max_length=100)]
    value: Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]
    at_ms: Annotated[int, Field(ge=0, le=253_402_300_800_000)] | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class Reported(BaseModel):
    """The reading is kept; store and rules get it, and again until they have it."""

    ok: Literal[True]
    at_ms: int


@router.post("/readings")
async def report_reading(
    asked: ReadingIn, request: Request, visitor: Annotated[Visitor, Depends(Needs(Deed.REPORT))]
) -> Reported:
    """Report what was read by eye (人工报汛): a good sample of the gateway ``manual``."""
    office = office_of(request)
    device, point = find_series(office, visitor.reach, asked.device, asked.point)
    at_ms = office.clock.now_ms() if asked.at_ms is None else asked.at_ms
    try:
        await office.manual.report(device, point, asked.value, at_ms)
    except ReadingRefusedError as exc:
        raise ConsoleError(exc.words) from exc
    await office.register.record(
        visitor.name,
        "reported a reading",
        device=device.id,
        point=point.id,
        value=asked.value,
        at_ms=at_ms,
        note=asked.note,
    )
    return Reported(ok=True, at_ms=at_ms)
