"""InfluxDB 2 and 3 by ``/api/v2/write`` and Flux; VictoriaMetrics by the same writes, without reading back.

VictoriaMetrics keeps no strings, so qualities are not kept there; it skips lines that it cannot read without
saying so, and may lose the last seconds of what it has accepted if it is killed.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from collector.block import Block
from collector.errors import CollectorError, StoreDownError, http_error
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
from transport.measurement import from_ms, to_ms

_NAME = "InfluxDB 2"
_TIMEOUT_MS = 30_000
_MILLISECONDS = cast("WritePrecision", WritePrecision.MS)  # the library's enumeration is made of strings
_FIRST, _LAST = datetime(1678, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)  # it counts nanoseconds

_HISTORY = """
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r.device == device and (r._field == name or r._field == word))
"""
_ENDS = """
from(bucket: bucket) |> range(start: start, stop: stop) |> filter(fn: (r) => exists r.device) |> {end}()
"""


class Influx2Store:
    """A :class:`~collector.store.Store` in one bucket; made by :func:`open_influx2`."""

    def __init__(self, client: InfluxDBClientAsync, *, org: str, bucket: str, lines: LineBuilder) -> None:
        service: Any = WriteService  # untyped; the library's write_api would compress in the loop, at level 9
        self._writes = service(client.api_client)
        self._query = client.query_api()
        self._org = org
        self._bucket = bucket
        self._lines = lines

    async def write(self, blocks: Sequence[Block]) -> None:
        """Keep samples in one request; see :class:`~collector.store.Store`."""
        await self._write(self._lines.lines(blocks))

    async def correct(self, device: str, point: str, corrections: Sequence[Correction]) -> None:
        """Keep corrections in one request; see :class:`~collector.store.Store`."""
        await self._write(self._lines.corrections(device, point, corrections))

    async def _write(self, lines: bytes) -> None:
        if not lines:
            return
        body = await compressed(lines)
        try:
            await self._writes.post_write_async(
                org=self._org,
                bucket=self._bucket,
                body=body,
                precision=_MILLISECONDS,
                content_encoding="gzip",
                content_type="text/plain; charset=utf-8",
            )
        except (ApiException, aiohttp.ClientError, OSError) as exc:
            raise _translated(exc) from exc

    async def history(self, device: str, point: str, start_ms: int, end_ms: int) -> list[Row]:
        """Read one series; see :class:`~collector.store.Store`."""
        return rows_of(await self._series(device, (point, mark_of(point)), start_ms, end_ms))

    async def corrections(self, device: str, point: str, start_ms: int, end_ms: int) -> list[Correction]:
        """Read a series' corrections; see :class:`~collector.store.Store`."""
        return corrections_of(await self._series(device, correction_of(point), start_ms, end_ms))

    async def _series(self, device: str, names: tuple[str, str], start_ms: int, end_ms: int) -> list[Field]:
        return await self._fields(
            _HISTORY, _instant(start_ms), _instant(end_ms), device=device, name=names[0], word=names[1]
        )

    async def aggregate(
        self, device: str, point: str, start_ms: int, end_ms: int, step_ms: int
    ) -> list[Bucket]:
        """Sum up one series here, for its qualities are fields; see :class:`~collector.store.Store`."""
        return buckets_of(await self.history(device, point, start_ms, end_ms), start_ms, step_ms)

    async def earliest(self) -> list[Sample]:
        """Read the oldest of every series; see :class:`~collector.store.Store`."""
        return oldest_of(await self._fields(_ENDS.format(end="first"), _FIRST, _LAST))

    async def latest(self) -> list[Sample]:
        """Read the newest of every series; see :class:`~collector.store.Store`."""
        return newest_of(await self._fields(_ENDS.format(end="last"), _FIRST, _LAST))

    async def _fields(self, query: str, start: datetime, stop: datetime, **params: str) -> list[Field]:
        if start >= stop:  # which Flux calls an error
            return []
        params_of_query = {"bucket": self._bucket, "start": start, "stop": stop, **params}
        try:
            records = await self._query.query_stream(query, params=params_of_query)
            return [
                Field(
                    record.values["device"],
                    record.values["_field"],
                    to_ms(record.values["_time"]),
                    record.values["_value"],
                )
                async for record in records
            ]
        except (ApiException, aiohttp.ClientError, OSError) as exc:
            raise _translated(exc) from exc


@asynccontextmanager
async def open_influx2(
    *, url: str, org: str, bucket: str, token: str, lines: LineBuilder
) -> AsyncIterator[Influx2Store]:
    """Speak to an InfluxDB 2 or a VictoriaMetrics while the block runs; it need not be up."""
    async with InfluxDBClientAsync(url=url, token=token, org=org, timeout=_TIMEOUT_MS) as client:
        yield Influx2Store(client, org=org, bucket=bucket, lines=lines)


def _instant(at_ms: int) -> datetime:
    if at_ms <= to_ms(_FIRST):
        return _FIRST
    return _LAST if at_ms >= to_ms(_LAST) else from_ms(at_ms)


def _translated(exc: Exception) -> CollectorError:
    if isinstance(exc, ApiException) and exc.status:
        retry_after = exc.headers.get("Retry-After") if exc.headers else None
        body = exc.body.decode(errors="replace") if isinstance(exc.body, bytes) else exc.body
        return http_error(_NAME, exc.status, str(body or exc.reason), retry_after)
    return StoreDownError(f"{_NAME}: {exc or type(exc).__name__}")
