"""The whole table of who may do what: every endpoint with every role, by real requests."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import APIRoute

from console.roles import ADMINISTERING, Role
from console.web.entrance import Needs
from console.web.site import SUBJECTS
from tests.console.houses import House

ROLES = [role.value for role in Role]
SEES = "viewer responder operator approver administrator"
FIELD = "responder operator approver"
DESK = "operator approver"
EVERYBODY = " ".join(ROLES)
OPEN = "open"  # whoever holds a name and password, or a word of a link

TABLE = {
    "POST /api/v1/session": OPEN,
    "GET /api/v1/session": EVERYBODY,
    "DELETE /api/v1/session": EVERYBODY,
    "POST /api/v1/session/second": EVERYBODY,
    "POST /api/v1/session/wall": OPEN,
    "POST /api/v1/begin": OPEN,
    "POST /api/v1/invitation": OPEN,
    "GET /api/v1/district": SEES,
    "GET /api/v1/now": SEES,
    "GET /api/v1/cases": SEES,
    "GET /api/v1/timeline": SEES,
    "GET /api/v1/load": SEES,
    "GET /api/v1/stories": SEES,
    "GET /api/v1/stories/{thread}/{episode}": SEES,
    "GET /api/v1/messages/{identifier}/cap.xml": SEES,
    "GET /api/v1/journal": SEES,
    "GET /api/v1/events": SEES,
    "POST /api/v1/cases/{ref}/ack": FIELD,
    "POST /api/v1/cases/{ref}/comment": FIELD,
    "POST /api/v1/cases/{ref}/escalate": DESK,
    "POST /api/v1/cases/{ref}/close": DESK,
    "POST /api/v1/threads/{thread}/shelve": DESK,
    "POST /api/v1/threads/{thread}/unshelve": DESK,
    "GET /api/v1/links/{token}": OPEN,
    "POST /api/v1/links/{token}": OPEN,
    "GET /api/v1/series": SEES,
    "GET /api/v1/catalogue": SEES,
    "GET /api/v1/latest": SEES,
    "GET /api/v1/series/{device}/{point}/limits": SEES,
    "GET /api/v1/series/{device}/{point}/history": SEES,
    "POST /api/v1/readings": FIELD,
    "GET /api/v1/quality": SEES,
    "GET /api/v1/people": SEES,
    "GET /api/v1/preview": SEES,
    "GET /api/v1/rules": SEES,
    "POST /api/v1/rules/check": DESK,
    "POST /api/v1/rules/form": DESK,
    "POST /api/v1/rules/backtest": DESK,
    "POST /api/v1/rules/drafts": DESK,
    "GET /api/v1/rules/drafts/{name}": SEES,
    "POST /api/v1/rules/drafts/{name}/approve": "approver",
    "POST /api/v1/rules/drafts/{name}/apply": DESK,
    "POST /api/v1/rules/drafts/{name}/withdraw": DESK,
    "GET /api/v1/rules/versions/{number}": SEES,
    "POST /api/v1/rules/versions/{number}/restore": "approver",
    "GET /api/v1/accounts": "administrator",
    "POST /api/v1/accounts": "administrator",
    "POST /api/v1/accounts/{name}/invitation": "administrator",
    "GET /api/v1/rights": "security",
    "PUT /api/v1/rights/{name}": "security",
    "DELETE /api/v1/rights/{name}/second": "security",
    "POST /api/v1/tokens": "security",
    "DELETE /api/v1/tokens/{name}": "security",
    "GET /api/v1/audit": "auditor",
}
BODIES = {
    "POST /api/v1/cases/{ref}/comment": {"note": "x"},
    "POST /api/v1/cases/{ref}/close": {"done": "x"},
    "POST /api/v1/threads/{thread}/shelve": {"reason": "x", "hours": 1},
    "POST /api/v1/session/second": {"code": "123456"},
    "POST /api/v1/readings": {"device": "nowhere", "point": "x", "value": 1},
    "POST /api/v1/accounts": {"name": "somebody", "title": "x"},
    "PUT /api/v1/rights/{name}": {"role": "viewer", "areas": []},
    "POST /api/v1/rules/check": {"text": "version: 1"},
    "POST /api/v1/rules/form": {"text": "version: 1", "edits": []},
    "POST /api/v1/rules/backtest": {"text": "version: 1"},
    "POST /api/v1/rules/drafts": {"text": "version: 1", "why": "x", "base": "0" * 64},
    "POST /api/v1/tokens": {"name": "some-token", "areas": ["linjiang"]},
}
QUERIES = {"GET /api/v1/preview": {"site": "river-01", "hazard": "flood", "level": "red"}}


def routes() -> Iterator[tuple[str, APIRoute]]:
    for subject in SUBJECTS:
        for route in subject.router.routes:
            if isinstance(route, APIRoute) and route.path.startswith("/api/"):
                for method in route.methods or ():
                    yield f"{method} {route.path}", route


def test_the_table_names_every_endpoint_and_no_other() -> None:
    assert {name for name, _ in routes()} == set(TABLE)


def test_every_endpoint_asks_who_it_is_unless_a_word_says_so() -> None:
    for name, route in routes():
        asks = any(isinstance(each.call, Needs) for each in route.dependant.dependencies)
        assert asks == (TABLE[name] != OPEN), name


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_is_let_through_and_refused_as_the_table_says(house: House, role: str) -> None:
    browser = await house.visitor(Role(role))
    for name, allowed in TABLE.items():
        if allowed == OPEN or name == "DELETE /api/v1/session":
            continue
        answer = await ask(browser, name)
        refused = (
            answer.status_code == 403 and answer.json()["en"] == "your account's role does not cover this"
        )
        assert refused == (role not in allowed.split()), (name, answer.status_code, answer.text[:200])


def test_nobody_administers_two_parts() -> None:
    for role in ADMINISTERING:
        others = [one.value for one in ADMINISTERING if one is not role]
        own = [name for name, allowed in TABLE.items() if allowed == role.value]
        assert own
        assert not [name for name in own for other in others if other in TABLE[name].split()]


async def ask(browser: httpx.AsyncClient, name: str) -> httpx.Response:
    method, path = name.split()
    for step in ("thread", "identifier", "ref", "token", "device", "point", "name"):
        path = path.replace(f"{{{step}}}", "flood--nowhere")
    path = path.replace("{episode}", "1").replace("{number}", "1")
    if "/drafts/" in path:
        path = path.replace("flood--nowhere", "abcdef")
    body = BODIES.get(name, {}) if method in ("POST", "PUT") else None
    request = browser.build_request(method, path, json=body, params=QUERIES.get(name))
    answer = await browser.send(request, stream=True)
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        await answer.aclose()
    else:
        await answer.aread()
    return answer
