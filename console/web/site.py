"""The whole site: every subject's endpoints, the pages, and what every answer carries."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.errors import ConsoleError
from console.office import Office
from console.stories import Stories
from console.web import (
    accounts,
    answers,
    data,
    health,
    people,
    present,
    readings,
    rules,
    sessions,
    static,
)

SUBJECTS = (sessions, present, answers, data, readings, people, rules, accounts, health, static)
_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]


def build_site(office: Office) -> FastAPI:
    """The site of one console."""
    site = FastAPI(
        title="Tocsin",
        version="1",
        description="Everything the console's pages do. Times are milliseconds from 1970-01-01 UTC.",
        docs_url=None,  # its page would fetch scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    site.state.office = office
    site.state.stories = Stories(office.district, office.files, office.journal, office.newest)
    site.state.parts = static.load_parts()
    for subject in SUBJECTS:
        site.include_router(subject.router)
    site.add_exception_handler(ConsoleError, _refuse)
    site.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    site.add_middleware(_Headers)
    return site


async def _refuse(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, ConsoleError)  # noqa: S101  (it is registered for nothing else)
    body = {"code": exc.code, "en": exc.words.en, "zh": exc.words.zh}
    return JSONResponse(body, status_code=exc.status)


class _Headers:
    """Puts what protects a browser on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        private = scope["path"].startswith("/api/")

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", []), *_HEADERS]
                if private and not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with)
