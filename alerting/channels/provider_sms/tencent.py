"""Short messages by Tencent Cloud (腾讯云短信, SendSms of 2021-01-11), signed with TC3-HMAC-SHA256.

A request that is well-formed gets a verdict per telephone, ``Ok`` or a code; any other gets an ``Error``.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from alerting.channels.channel import Receipt, ReceiptState, Recipient, WarningMessage
from alerting.channels.http import post
from alerting.channels.provider_sms.templates import TemplateField, fill
from alerting.errors import ChannelDownError, ChannelRefusedError

CHANNEL = "tencent-sms"
_ALGORITHM = "TC3-HMAC-SHA256"
_SERVICE = "sms"
_CONTENT_TYPE = "application/json; charset=utf-8"
_SIGNED = "content-type;host"
_PASSING = ("InternalError", "RequestLimitExceeded", "FailedOperation.ServerBusy", "ResourceUnavailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class TencentSettings:
    """An account, and the template it may send."""

    secret_id: str
    secret_key: str = field(repr=False)
    app_id: str
    sign_name: str
    template: str
    variables: tuple[TemplateField, ...]
    longest: int = 12  # characters of one variable
    region: str = "ap-guangzhou"
    server: str = "https://sms.tencentcloudapi.com"
    timeout_s: float = 10.0


class TencentSms:
    """Sends each warning as one templated message."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        settings: TencentSettings,
        *,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._settings = settings
        self._now_s = now_s

    async def send(self, warning: WarningMessage, to: Recipient) -> Receipt:
        """Hand the message to the provider once.

        Raises:
            ChannelDownError: No answer, or a provider that is busy.
            ChannelRefusedError: Any other verdict than Ok.
        """
        settings = self._settings
        content = {
            "PhoneNumberSet": [to.address],
            "SmsSdkAppId": settings.app_id,
            "SignName": settings.sign_name,
            "TemplateId": settings.template,
            "TemplateParamSet": fill(warning, to.language, settings.variables, settings.longest),
            "SessionContext": to.key,
        }
        body = msgspec.json.encode(content)
        host = urlsplit(settings.server).netloc
        at_s = int(self._now_s())
        headers = {
            "Authorization": authorize(settings.secret_id, settings.secret_key, host, body, at_s),
            "Content-Type": _CONTENT_TYPE,
            "Host": host,
            "X-TC-Action": "SendSms",
            "X-TC-Region": settings.region,
            "X-TC-Timestamp": str(at_s),
            "X-TC-Version": "2021-01-11",
        }
        answer = await post(
            self._http, CHANNEL, f"{settings.server}/", body, headers, timeout_s=settings.timeout_s
        )
        return _judge(answer)


def _judge(answer: Mapping[str, Any]) -> Receipt:
    match answer:
        case {"Response": {"SendStatusSet": [{"Code": "Ok", **one}]}}:
            return Receipt(ReceiptState.SENT, str(one.get("SerialNo", "")))
        case {"Response": {"SendStatusSet": [{"Code": str(code), **rest}]}}:
            words = rest.get("Message", "")
        case {"Response": {"Error": {"Code": str(code), **rest}}}:
            words = rest.get("Message", "")
        case _:
            raise ChannelDownError(f"{CHANNEL}: an answer that is not documented")
    said = f"{CHANNEL}: {code} {words}".rstrip()
    raise (ChannelDownError if code.startswith(_PASSING) else ChannelRefusedError)(said)


def authorize(
    secret_id: str, secret_key: str, host: str, body: bytes, at_s: int, *, service: str = _SERVICE
) -> str:
    """The Authorization header of a POST of JSON to ``/`` at wall time ``at_s``."""
    day = f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"
    lines = f"content-type:{_CONTENT_TYPE}\nhost:{host}\n"
    request = "\n".join(("POST", "/", "", lines, _SIGNED, hashlib.sha256(body).hexdigest()))
    scope = f"{day}/{service}/tc3_request"
    text = "\n".join((_ALGORITHM, str(at_s), scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"TC3{secret_key}".encode()
    for step in (day, service, "tc3_request"):
        key = hmac.digest(key, step.encode(), hashlib.sha256)
    signature = hmac.digest(key, text.encode(), hashlib.sha256).hex()
    return f"{_ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={_SIGNED}, Signature={signature}"
