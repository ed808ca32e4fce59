"""Making a database ready for the collector: database or bucket, how long it keeps, and its hourly means."""

from datetime import timedelta
from typing import Any

import aiohttp

from collector.errors import StoreDownError, StoreSettingsError, http_error

HOURLY = "hourly"
_TIMEOUT = aiohttp.ClientTimeout(total=30.0)
_EVERY_HOUR = """
CREATE CONTINUOUS QUERY "hourly" ON {name} BEGIN
    SELECT mean(*), min(*), max(*) INTO {name}."hourly".:MEASUREMENT
    FROM {name}."autogen"./.*/ GROUP BY time(1h), *
END
"""
_TASK = """option task = {{name: "{name}", every: 1h, offset: 5m}}

from(bucket: "{source}")
    |> range(start: -task.every)
    |> filter(fn: (r) => r._field !~ /_q$/)
    |> aggregateWindow(every: 1h, fn: mean, createEmpty: false)
    |> to(bucket: "{target}", org: "{org}")
"""


async def prepare_influx1(
    *, url: str, database: str, username: str | None, password: str | None, keep: timedelta | None
) -> list[str]:
    """Make a database that keeps so long, and hourly values that it keeps for good; what was done, in words.

    What exists already is brought to what is asked.

    Raises:
        StoreDownError: The server is out of reach or refuses its user.
        StoreSettingsError: The server understands, and does not do it.
    """
    duration = "INF" if keep is None else f"{_hours(keep)}h"
    name = _quoted(database)
    statements = {
        f"database {database}": f"CREATE DATABASE {name}",
        f"keeps {_words(keep)}": f'ALTER RETENTION POLICY "autogen" ON {name} DURATION {duration} DEFAULT',
        "hourly values for good": f'CREATE RETENTION POLICY "hourly" ON {name} DURATION INF REPLICATION 1',
        "means, lows and highs every hour": _EVERY_HOUR.format(name=name),
    }
    auth = aiohttp.BasicAuth(username, password or "") if username else None
    async with aiohttp.ClientSession(timeout=_TIMEOUT, auth=auth) as http:
        for statement in statements.values():
            answer = await _asked(http, "POST", f"{url.rstrip('/')}/query", data={"q": statement})
            errors = [result["error"] for result in answer.get("results", ()) if "error" in result]
            if errors:
                raise StoreSettingsError(f"InfluxDB 1: {errors[0]}")
    return list(statements)


async def prepare_influx2(
    *, url: str, org: str, bucket: str, token: str, keep: timedelta | None
) -> list[str]:
    """Make a bucket that keeps so long, and one of hourly means with the task that fills it.

    What exists already is brought to what is asked.

    Raises:
        StoreDownError: The server is out of reach or refuses the token.
        StoreSettingsError: It knows no such organisation, or makes no buckets.
    """
    headers = {"Authorization": f"Token {token}"}
    async with aiohttp.ClientSession(f"{url.rstrip('/')}/", timeout=_TIMEOUT, headers=headers) as http:
        orgs = (await _asked(http, "GET", "api/v2/orgs", params={"org": org}))["orgs"]
        if not orgs:
            raise StoreSettingsError(f"InfluxDB 2: no organisation {org!r}")
        org_id, hourly = orgs[0]["id"], f"{bucket}-{HOURLY}"
        for name, seconds in ((bucket, 0 if keep is None else _hours(keep) * 3600), (hourly, 0)):
            await _bucket(http, org_id, name, seconds)
        tasks = await _asked(http, "GET", "api/v2/tasks", params={"orgID": org_id, "name": hourly})
        if not tasks["tasks"]:
            flux = _TASK.format(name=hourly, source=bucket, target=hourly, org=org)
            await _asked(http, "POST", "api/v2/tasks", json={"orgID": org_id, "flux": flux})
    return [f"bucket {bucket}", f"keeps {_words(keep)}", f"bucket {hourly}", f"task {hourly}"]


async def _bucket(http: aiohttp.ClientSession, org_id: str, name: str, seconds: int) -> None:
    rules = [{"type": "expire", "everySeconds": seconds}] if seconds else []
    found = await _asked(http, "GET", "api/v2/buckets", params={"orgID": org_id, "name": name})
    if found["buckets"]:
        bucket_id = found["buckets"][0]["id"]
        await _asked(http, "PATCH", f"api/v2/buckets/{bucket_id}", json={"retentionRules": rules})
    else:
        body = {"orgID": org_id, "name": name, "retentionRules": rules}
        await _asked(http, "POST", "api/v2/buckets", json=body)


async def _asked(http: aiohttp.ClientSession, method: str, url: str, **asked: Any) -> dict[str, Any]:
    """The answer to one request."""
    try:
        async with http.request(method, url, **asked) as answer:
            if answer.status >= 300:  # noqa: PLR2004  (the statuses of success lie below)
                text = await answer.text()
                if "unsupported path" in text:
                    raise StoreSettingsError(
                        "a VictoriaMetrics makes no buckets and needs none: it keeps as long as its flag "
                        "-retentionPeriod says"
                    )
                raise StoreSettingsError(str(http_error("store", answer.status, text)))
            body: dict[str, Any] = await answer.json(content_type=None)
            return body
    except (aiohttp.ClientError, OSError) as exc:
        raise StoreDownError(f"store: {exc or type(exc).__name__}") from exc


def _hours(keep: timedelta) -> int:
    return max(1, round(keep / timedelta(hours=1)))


def _words(keep: timedelta | None) -> str:
    return "for good" if keep is None else f"{keep.days} days"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
