"""The webhook channel: a signed POST of JSON, judged by the answer's status."""

import hashlib
import hmac
import time

import aiohttp
import msgspec

from alerting.cap import format_time, write_json
from alerting.channels.channel import Receipt, ReceiptState, Recipient, WarningMessage
from alerting.errors import ChannelDownError, ChannelRefusedError

SIGNATURE_HEADER = "X-Tocsin-Signature"
TIMESTAMP_HEADER = "X-Tocsin-Timestamp"
KEY_HEADER = "Idempotency-Key"

_TOO_MANY_REQUESTS = 429
_REQUEST_TIMEOUT = 408


class WebhookChannel:
    """Posts to the recipient's URL; redirections are not followed."""

    def __init__(self, http: aiohttp.ClientSession, *, secret: bytes, timeout_s: float = 10.0) -> None:
        self._http = http
        self._secret = secret
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def send(self, warning: WarningMessage, to: Recipient) -> Receipt:
        """Post the message once.

        Raises:
            ChannelDownError: No answer in time, a broken connection, 408, 429 or 5xx.
            ChannelRefusedError: Any other status outside 2xx.
        """
        body = _format_body(warning, to)
        timestamp = str(int(time.time()))  # wall time: the receiver refuses what is old by its own clock
        headers = {
            "Content-Type": "application/json",
            KEY_HEADER: to.key,
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: sign(self._secret, timestamp, body),
        }
        try:
            async with self._http.post(
                to.address, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as answer:
                status, words = answer.status, f"{answer.status} {answer.reason}"
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as exc:
            raise ChannelRefusedError(f"webhook: no usable URL: {exc}") from exc
        except (aiohttp.ClientError, OSError) as exc:  # TimeoutError is an OSError
            raise ChannelDownError(f"webhook: {exc or type(exc).__name__}") from exc
        if 200 <= status < 300:  # noqa: PLR2004  (the class of success)
            return Receipt(ReceiptState.DELIVERED, words)
        if status in (_TOO_MANY_REQUESTS, _REQUEST_TIMEOUT) or status >= 500:  # noqa: PLR2004
            raise ChannelDownError(f"webhook: {words}")
        raise ChannelRefusedError(f"webhook: {words}")


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """``sha256=`` and the HMAC-SHA256, in hex, of the timestamp, a full stop and the body."""
    return f"sha256={hmac.new(secret, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def _format_body(warning: WarningMessage, to: Recipient) -> bytes:
    texts = warning.texts[to.language]
    content = {
        "key": to.key,
        "person": to.person,
        "language": to.language,
        "thread": warning.thread,
        "level": warning.level.word,
        "sent": format_time(warning.sent),
        "headline": texts.headline,
        "description": texts.description,
        "instruction": texts.instruction,
        "cap": msgspec.Raw(write_json(warning.cap)),
    }
    return msgspec.json.encode(content)
