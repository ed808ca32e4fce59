"""Short messages by Aliyun (阿里云短信服务, SendSms of 2017-05-25), signed with its signature of version 3.

The verdict is ``Code`` in the body. Aliyun sends one telephone at most one message a minute, five an hour
and ten a day: beyond that another attempt is of no use, and the next channel is.
"""

import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec

from alerting.channels.channel import Receipt, ReceiptState, Recipient, WarningMessage
from alerting.channels.http import post
from alerting.channels.provider_sms.templates import TemplateField, fill
from alerting.errors import ChannelDownError, ChannelRefusedError

CHANNEL = "aliyun-sms"
_ALGORITHM = "ACS3-HMAC-SHA256"
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_PASSING = ("Throttling", "ServiceUnavailable", "InternalError", "isp.SYSTEM_ERROR", "SignatureNonceUsed")
_HOME = "+86"


@dataclass(frozen=True, slots=True, kw_only=True)
class AliyunSettings:
    """An account, and the template it may send."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    sign_name: str
    template: str
    variables: Mapping[str, TemplateField]
    longest: int = 35  # characters of one variable
    server: str = "https://dysmsapi.aliyuncs.com"
    timeout_s: float = 10.0


class AliyunSms:
    """Sends each warning as one templated message."""

    def __init__(
        self, http: aiohttp.ClientSession, settings: AliyunSettings, *, now_s: Callable[[], float] = time.time
    ) -> None:
        self._http = http
        self._settings = settings
        self._now_s = now_s

    async def send(self, warning: WarningMessage, to: Recipient) -> Receipt:
        """Hand the message to the provider once.

        Raises:
            ChannelDownError: No answer, or a provider that is busy.
            ChannelRefusedError: Any other verdict than OK.
        """
        settings = self._settings
        values = fill(warning, to.language, settings.variables.values(), settings.longest)
        named = dict(zip(settings.variables, values, strict=True))
        query = canonical_query(
            {
                "PhoneNumbers": to.address.removeprefix(_HOME).removeprefix("+"),
                "SignName": settings.sign_name,
                "TemplateCode": settings.template,
                "TemplateParam": msgspec.json.encode(named).decode(),
                "OutId": to.key,
            }
        )
        headers = {
            "host": urlsplit(settings.server).netloc,
            "x-acs-action": "SendSms",
            "x-acs-content-sha256": _EMPTY_SHA256,
            "x-acs-date": f"{datetime.fromtimestamp(self._now_s(), UTC):%Y-%m-%dT%H:%M:%SZ}",
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-version": "2017-05-25",
        }
        headers["Authorization"] = authorize(
            settings.access_key_id, settings.access_key_secret, query, headers
        )
        url = f"{settings.server}/?{query}"
        answer = await post(self._http, CHANNEL, url, b"", headers, timeout_s=settings.timeout_s)
        code = str(answer.get("Code"))
        if code == "OK":
            return Receipt(ReceiptState.SENT, str(answer.get("BizId", "")))
        said = f"{CHANNEL}: {code} {answer.get('Message', '')}".rstrip()
        raise (ChannelDownError if code.startswith(_PASSING) else ChannelRefusedError)(said)


def canonical_query(parameters: Mapping[str, str]) -> str:
    """The parameters in the order of their names, percent-encoded as RFC 3986 says."""
    return "&".join(
        f"{quote(key, safe='~')}={quote(parameters[key], safe='~')}" for key in sorted(parameters)
    )


def authorize(key_id: str, secret: str, query: str, headers: Mapping[str, str]) -> str:
    """The Authorization header of a POST to ``/`` with an empty body.

    Args:
        key_id: Of the access key.
        secret: Of the access key.
        query: As :func:`canonical_query` writes it.
        headers: All that are to be signed, in lower case.
    """
    names = sorted(headers)
    listed = ";".join(names)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    request = "\n".join(("POST", "/", query, lines, listed, headers["x-acs-content-sha256"]))
    text = f"{_ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{_ALGORITHM} Credential={key_id},SignedHeaders={listed},Signature={signature}"
