"""InfluxDB 1.x: ``/write`` in, InfluxQL out."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from collector.block import Block
from collector.errors import StoreDownError, StoreRefusedError, http_error
from collector.store import Bucket, Correction, Row, buckets_of
from collector.wide import (
    Field,
    LineBuilder,
    compressed,
    correction_of,
    corrections_of,
    mark_of,
    newest_of,
    oldest_of,
    rows_of,
)
from transport.batch import Sample

_NAME = "InfluxDB 1"
_TIMEOUT = aiohttp.ClientTimeout(total=30.0)
_LAST_MS = 2**63 // 1_000_000  # it counts nanoseconds in 64 bits


class Influx1Store:
    """A :class:`~collector.store.Store` in one database; made by :func:`open_influx1`."""

    def __init__(self, http: aiohttp.ClientSession, *, url: str, database: str, lines: LineBuilder) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._database = database
        self._lines = lines

    async def write(self, blocks: Sequence[Block]) -> None:
        """Keep samples in one request; see :class:`~collector.store.Store`."""
        await self._write(self._lines.lines(blocks))

    async def correct(self, device: str, point: str, corrections: Sequence[Correction]) -> None:
        """Keep corrections in one request; see :class:`~collector.store.Store`."""
        await self._write(self._lines.corrections(device, point, corrections))

    async def _write(self, lines: bytes) -> None:
        if lines:
            await self._post(
                "/write",
                {"db": self._database, "precision": "ms"},
                data=await compressed(lines),
                headers={"Content-Encoding": "gzip"},
            )

    async def history(self, device: str, point: str, start_ms: int, end_ms: int) -> list[Row]:
        """Read one series; see :class:`~collector.store.Store`."""
        return rows_of(await self._fields(device, (point, mark_of(point)), start_ms, end_ms))

    async def corrections(self, device: str, point: str, start_ms: int, end_ms: int) -> list[Correction]:
        """Read a series' corrections; see :class:`~collector.store.Store`."""
        return corrections_of(await self._fields(device, correction_of(point), start_ms, end_ms))

    async def _fields(self, device: str, names: tuple[str, str], start_ms: int, end_ms: int) -> list[Field]:
        start_ms, end_ms = max(start_ms, -_LAST_MS), min(end_ms, _LAST_MS)
        columns = f"{_quoted(names[0])} AS value, {_quoted(names[1])} AS word"
        when = f"time >= {start_ms}ms AND time < {end_ms}ms"
        found = await self._query(
            f"SELECT {columns} FROM /.*/ WHERE device = $device AND {when}",  # noqa: S608  (numbers, quoted names)
            device=device,
        )
        return [
            Field(device, names[0], row["time"], part)
            for series in found
            for row in _rows(series)
            for part in (row["value"], row["word"])
            if part is not None
        ]

    async def aggregate(
        self, device: str, point: str, start_ms: int, end_ms: int, step_ms: int
    ) -> list[Bucket]:
        """Sum up one series here, for its qualities are fields; see :class:`~collector.store.Store`."""
        return buckets_of(await self.history(device, point, start_ms, end_ms), start_ms, step_ms)

    async def earliest(self) -> list[Sample]:
        """Read the oldest of every series; see :class:`~collector.store.Store`."""
        return oldest_of(await self._ends("first"))

    async def latest(self) -> list[Sample]:
        """Read the newest of every series; see :class:`~collector.store.Store`."""
        return newest_of(await self._ends("last"))

    async def _ends(self, end: str) -> list[Field]:
        names = {row["fieldKey"] for series in await self._query("SHOW FIELD KEYS") for row in _rows(series)}
        if not names:
            return []
        columns = [_quoted(name) for name in sorted(names)]
        found = await self._query(
            ";".join(f"SELECT {end}({name}) AS {name} FROM /.*/ GROUP BY device" for name in columns)  # noqa: S608
        )
        return [
            Field(series["tags"]["device"], name, row["time"], row[name])
            for series in found
            for row in _rows(series)
            for name in series["columns"][1:]
        ]

    async def _query(self, query: str, **params: str) -> list[dict[str, Any]]:
        """Every series that the statements of ``query`` return."""
        answer = json.loads(
            await self._post(
                "/query",
                {"db": self._database, "epoch": "ms"},
                data={"q": query, "params": json.dumps(params)},
            )
        )
        results = answer["results"]
        errors = [result["error"] for result in results if "error" in result]
        if errors:
            raise StoreRefusedError(f"{_NAME}: {errors[0]}")
        return [series for result in results for series in result.get("series", ())]

    async def _post(
        self, path: str, params: Mapping[str, str], *, data: Any, headers: Mapping[str, str] | None = None
    ) -> bytes:
        try:
            async with self._http.post(self._url + path, params=params, data=data, headers=headers) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, OSError) as exc:  # TimeoutError is an OSError
            raise StoreDownError(f"{_NAME} at {self._url}: {exc or type(exc).__name__}") from exc
        if answer.status >= 300:  # noqa: PLR2004  (the statuses of success lie below)
            raise http_error(
                _NAME, answer.status, body.decode(errors="replace"), answer.headers.get("Retry-After")
            )
        return body


@asynccontextmanager
async def open_influx1(
    *, url: str, database: str, username: str | None, password: str | None, lines: LineBuilder
) -> AsyncIterator[Influx1Store]:
    """Speak to an InfluxDB 1.x while the block runs; it need not be up."""
    auth = aiohttp.BasicAuth(username, password or "") if username else None
    async with aiohttp.ClientSession(auth=auth, timeout=_TIMEOUT) as http:
        yield Influx1Store(http, url=url, database=database, lines=lines)


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _rows(series: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (dict(zip(series["columns"], values, strict=True)) for values in series["values"])
