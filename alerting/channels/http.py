"""One JSON request to a provider: its answer's body, or an error that says whether another attempt can help.

Addresses may hold secrets, so no error here repeats one.
"""

from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec
import yarl

from alerting.errors import ChannelDownError, ChannelRefusedError

_TOO_MANY_REQUESTS = 429
_REQUEST_TIMEOUT = 408


async def post(
    http: aiohttp.ClientSession,
    channel: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
) -> Mapping[str, Any]:
    """Post ``body`` to ``url``, which is percent-encoded already; the JSON object that answers it.

    Providers put their verdict into the body, with HTTP 200 as often as not: the caller judges it.

    Raises:
        ChannelDownError: No answer in time, a broken connection, 408, 429 or 5xx; or a success that is no
            JSON object, as from a portal that wants a log-in first.
        ChannelRefusedError: Another status, without a JSON object.
    """
    try:
        async with http.post(
            yarl.URL(url, encoded=True),  # a signed query must go over the wire as it was signed
            data=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            allow_redirects=False,
        ) as answer:
            status, content = answer.status, await answer.read()
    except (ValueError, aiohttp.NonHttpUrlClientError):  # InvalidURL is a ValueError
        raise ChannelRefusedError(f"{channel}: no usable address") from None  # its words hold the address
    except (aiohttp.ClientError, OSError) as exc:  # TimeoutError is an OSError
        raise ChannelDownError(f"{channel}: no answer: {type(exc).__name__}") from exc
    if status in (_TOO_MANY_REQUESTS, _REQUEST_TIMEOUT) or status >= 500:  # noqa: PLR2004
        raise ChannelDownError(f"{channel}: HTTP {status}")
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError as exc:
        said = f"{channel}: HTTP {status} without a JSON object"
        raise (ChannelDownError(said) if status < 400 else ChannelRefusedError(said)) from exc  # noqa: PLR2004
