"""Pages and their parts from memory, compressed once; nothing is fetched from anywhere else."""

import gzip
import mimetypes
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from console.errors import NoSuchThingError
from district.findings import Text

router = APIRouter(include_in_schema=False)
_TYPES = {".js": "text/javascript", ".json": "application/json", ".webmanifest": "application/manifest+json"}
_SMALLEST = 500  # bytes: less is not worth compressing
_PAGE = "index.html"


class Part(NamedTuple):
    """One file as it is served."""

    content: bytes
    packed: bytes | None
    type: str
    tag: str


def load_parts() -> dict[str, Part]:
    """Every file under ``static``, by its path."""
    return dict(_walk(files("console") / "static", ""))


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Part]]:
    found = []
    for item in folder.iterdir():
        name = f"{prefix}{item.name}"
        if item.is_dir():
            found += _walk(item, f"{name}/")
        else:
            found.append((name, _part(name, item.read_bytes())))
    return found


def _part(name: str, content: bytes) -> Part:
    suffix = f".{name.rpartition('.')[2]}"
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in _TYPES.values() or kind == "image/svg+xml"
    packed = gzip.compress(content, 9, mtime=0) if text and len(content) >= _SMALLEST else None
    return Part(
        content, packed, f"{kind}; charset=utf-8" if text else kind, f'"{sha256(content).hexdigest()[:20]}"'
    )


@router.get("/static/{path:path}")
async def part(path: str, request: Request) -> Response:
    """A part of the pages."""
    parts: dict[str, Part] = request.app.state.parts
    found = parts.get(path)
    if found is None:
        raise NoSuchThingError(Text(f"there is no {path}", f"没有 {path}"))
    return _serve(found, request)


@router.get("/{path:path}")
async def page(path: str, request: Request) -> Response:
    """Every page is the same document: its address says to its script what to show."""
    if path.startswith("api/"):
        raise NoSuchThingError(Text(f"there is no {path}", f"没有 {path}"))
    parts: dict[str, Part] = request.app.state.parts
    return _serve(parts[_PAGE], request)


def _serve(found: Part, request: Request) -> Response:
    headers = {"etag": found.tag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == found.tag:
        return Response(status_code=304, headers=headers)
    if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, media_type=found.type, headers={**headers, "content-encoding": "gzip"})
    return Response(found.content, media_type=found.type, headers=headers)
