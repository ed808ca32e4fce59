"""Who asks, and whether they may: every endpoint names the deed it is for."""

import hmac
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from pydantic import BaseModel

from console.errors import NoSuchThingError, NotAllowedError, NotSignedInError
from console.gate import Visitor
from console.office import Office
from console.roles import Deed
from console.stories import Stories
from district.findings import Text

COOKIE = "tocsin"
CSRF = "x-csrf"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = HTTPBearer(auto_error=False, description="A token that a security officer made.")
_COOKIE = APIKeyCookie(name=COOKIE, auto_error=False, description="A session; unsafe requests carry x-csrf.")


class Problem(BaseModel):
    """What is wrong, for programs by its code and for people in words."""

    code: str
    en: str
    zh: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem} for status in (400, 401, 403, 404, 409, 429, 503)
}


def office_of(request: Request) -> Office:
    """The parts that a page works with."""
    office: Office = request.app.state.office
    return office


def stories_of(request: Request) -> Stories:
    """The reader of stories."""
    stories: Stories = request.app.state.stories
    return stories


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def cookie_of(request: Request) -> str:
    """What the cookie holds; empty without one."""
    return request.cookies.get(COOKIE, "")


class Needs:
    """Lets those through whose role may do ``deed``; without one, whoever is signed in."""

    def __init__(self, deed: Deed | None) -> None:
        self.deed = deed

    def __call__(
        self,
        request: Request,
        _bearer: Annotated[object, Security(_BEARER)],
        _cookie: Annotated[object, Security(_COOKIE)],
    ) -> Visitor:
        """The visitor.

        Raises:
            NotSignedInError: Nobody is known.
            NotAllowedError: The role may not, or the request was not made by our own pages.
        """
        gate = office_of(request).gate
        scheme, _, word = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            visitor = gate.by_token(word.strip())
        elif cookie := cookie_of(request):
            visitor = gate.by_cookie(cookie)
            own = hmac.compare_digest(request.headers.get(CSRF, "").encode(), (visitor.csrf or "").encode())
            if request.method not in _SAFE and not own:
                raise NotAllowedError(Text("the page is out of date: load it again", "页面已过期，请刷新"))
        else:
            raise NotSignedInError(Text("sign in first", "请先登录"))
        if self.deed is not None and not visitor.may(self.deed):
            raise NotAllowedError(Text("your account's role does not cover this", "您的账号角色无此权限"))
        return visitor


def must_cover(condition: bool, what: str) -> None:  # noqa: FBT001  (it is what is demanded)
    """Refuse what lies outside an account's areas as if it were not there.

    Raises:
        NoSuchThingError: It does.
    """
    if not condition:
        raise NoSuchThingError(Text(f"there is no {what} in your areas", f"您的责任区内没有 {what}"))
