"""Opening the store that the district names."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from collector.errors import StoreSettingsError
from collector.influx1 import open_influx1
from collector.sqlite import open_sqlite
from collector.store import Store
from collector.wide import LineBuilder, places_of
from district.devices import Influx1Store, InfluxStore, SqliteStore
from district.inventory import District

SQLITE_FILE = "store.sqlite"


@asynccontextmanager
async def open_store(
    settings: SqliteStore | InfluxStore | Influx1Store, *, district: District, state_dir: Path
) -> AsyncIterator[Store]:
    """Open the store that ``settings`` describe while the block runs; a server need not be up.

    Raises:
        StoreSettingsError: The file cannot be opened, or a secret or a library is missing.
    """
    if isinstance(settings, SqliteStore):
        async with open_sqlite(state_dir / SQLITE_FILE) as file:
            yield file
        return
    lines = LineBuilder(places_of(district))
    if isinstance(settings, Influx1Store):
        async with open_influx1(
            url=settings.url,
            database=settings.database,
            username=settings.username,
            password=secret(settings.password_env),
            lines=lines,
        ) as influx1:
            yield influx1
        return
    try:
        from collector.influx2 import open_influx2  # noqa: PLC0415  (its library is an optional part)
    except ImportError as exc:
        raise StoreSettingsError("store kind influx needs more: pip install 'tocsin[influx]'") from exc
    async with open_influx2(
        url=settings.url,
        org=settings.org,
        bucket=settings.bucket,
        token=secret(settings.token_env) or "",
        lines=lines,
    ) as influx2:
        yield influx2


def secret(name: str | None) -> str | None:
    """The secret in the environment variable ``name``; none where none is named.

    Raises:
        StoreSettingsError: The environment lacks it.
    """
    if name is None:
        return None
    try:
        return os.environ[name]
    except KeyError as exc:
        raise StoreSettingsError(f"the environment lacks {name}, which devices.yaml names") from exc
