"""The rules as they stand."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from console.gate import Visitor
from console.roles import Deed
from console.web.entrance import PROBLEMS, Needs, office_of
from rules.load import RULES

router = APIRouter(prefix="/api/v1", tags=["rules"], responses=PROBLEMS)


@router.get("/rules")
async def read_rules(
    request: Request, _visitor: Annotated[Visitor, Depends(Needs(Deed.SEE))]
) -> dict[str, Any]:
    """The file, and the name of its meaning."""
    files = office_of(request).files
    return {
        "text": (files.folder / RULES).read_text(encoding="utf-8"),
        "fingerprint": files.rulebook.fingerprint,
    }
