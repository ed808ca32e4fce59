"""Strict fakes of Aliyun's and Tencent's short message services, written from their public documentation."""

import asyncio
import hashlib
import hmac
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.alerting.servers import Mood

KEY_ID = "LTAI-only-for-tests"
KEY_SECRET = "kept-from-readers"  # noqa: S105
SIGN_NAME = "临江预警"
ALIYUN_TEMPLATE, ALIYUN_VARIABLES = "SMS_154950909", {"title", "level"}
TENCENT_TEMPLATE, TENCENT_VARIABLES = "1110", 2
APP_ID = "1400006666"
QUARTER_HOUR_S, FIVE_MINUTES_S = 900, 300


class SmsServer(ABC):
    """One provider with one account."""

    def __init__(self) -> None:
        self.mood = Mood.TAKES
        self.url = ""
        self.sent: list[tuple[str, str, list[str]]] = []  # our key, the number, the variables
        self.most_to_one: int | None = None
        self.hurry = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        if self.mood is Mood.SLOW:
            await self.hurry.wait()
        if self.mood is Mood.BUSY:
            return self.busy()
        body = await request.read()
        return self.judge(request, body)

    def too_many_to(self, number: str) -> bool:
        sent = sum(one[1] == number for one in self.sent)
        return self.most_to_one is not None and sent >= self.most_to_one

    @abstractmethod
    def judge(self, request: web.Request, body: bytes) -> web.Response: ...

    @abstractmethod
    def busy(self) -> web.Response: ...


class AliyunServer(SmsServer):
    def __init__(self) -> None:
        super().__init__()
        self._nonces: set[str] = set()

    def busy(self) -> web.Response:
        return self._refuse("Throttling.User", status=400)

    def judge(self, request: web.Request, body: bytes) -> web.Response:
        if refused := self._check_signature(request, body):
            return self._refuse(refused, status=400)
        query = request.query
        number = query["PhoneNumbers"]
        try:
            variables = json.loads(query.get("TemplateParam", "{}"))
        except ValueError:
            return self._refuse("isv.INVALID_JSON_PARAM")
        wrong = {
            "isv.INVALID_PARAMETERS": request.headers["x-acs-version"] != "2017-05-25",
            "isv.SMS_SIGNATURE_ILLEGAL": query["SignName"] != SIGN_NAME,
            "isv.SMS_TEMPLATE_ILLEGAL": query["TemplateCode"] != ALIYUN_TEMPLATE,
            "isv.TEMPLATE_MISSING_PARAMETERS": not set(variables) >= ALIYUN_VARIABLES,
            "isv.PARAM_LENGTH_LIMIT": any(len(value) > 35 for value in variables.values()),
            "isv.MOBILE_NUMBER_ILLEGAL": not number.isdigit() or self.mood is Mood.REFUSES,
            "isv.BUSINESS_LIMIT_CONTROL": self.too_many_to(number),
        }
        for code, is_so in wrong.items():
            if is_so:
                return self._refuse(code)
        self.sent.append((query["OutId"], number, [variables["title"], variables["level"]]))
        return web.json_response(
            {"Code": "OK", "Message": "OK", "BizId": "9006197469364984", "RequestId": "F"}
        )

    def _check_signature(self, request: web.Request, body: bytes) -> str | None:
        headers = request.headers
        sent = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(sent.timestamp() - time.time()) > QUARTER_HOUR_S:
            return "InvalidTimeStamp.Expired"
        if headers["x-acs-signature-nonce"] in self._nonces:
            return "SignatureNonceUsed"
        self._nonces.add(headers["x-acs-signature-nonce"])
        algorithm, _, rest = headers["Authorization"].partition(" ")
        fields = dict(field.split("=", 1) for field in rest.split(","))
        if fields["Credential"] != KEY_ID:
            return "InvalidAccessKeyId.NotFound"
        names = fields["SignedHeaders"].split(";")
        if not {"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date"} <= set(names):
            return "MissingSignedHeaders"
        canonical = f"{request.method}\n{request.path}\n{request.rel_url.raw_query_string}\n"
        canonical += "".join(f"{name}:{headers[name]}\n" for name in names)
        canonical += f"\n{fields['SignedHeaders']}\n{hashlib.sha256(body).hexdigest()}"
        to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        expected = hmac.new(KEY_SECRET.encode(), to_sign.encode(), "sha256").hexdigest()
        if algorithm != "ACS3-HMAC-SHA256" or fields["Signature"] != expected:
            return "SignatureDoesNotMatch"
        return None

    @staticmethod
    def _refuse(code: str, status: int = 200) -> web.Response:
        return web.json_response({"Code": code, "Message": f"said {code}", "RequestId": "F"}, status=status)


class TencentServer(SmsServer):
    def busy(self) -> web.Response:
        return self._error("RequestLimitExceeded.UinLimitExceeded")

    def judge(self, request: web.Request, body: bytes) -> web.Response:
        if refused := self._check_signature(request, body):
            return self._error(refused)
        content = json.loads(body)
        numbers = content["PhoneNumberSet"]
        values = content["TemplateParamSet"]
        wrong = {
            "InvalidParameterValue.SdkAppIdNotExist": content["SmsSdkAppId"] != APP_ID,
            "FailedOperation.SignatureIncorrectOrUnapproved": content["SignName"] != SIGN_NAME,
            "FailedOperation.TemplateIncorrectOrUnapproved": content["TemplateId"] != TENCENT_TEMPLATE,
            "InvalidParameterValue.TemplateParameterFormatError": len(values) != TENCENT_VARIABLES,
            "InvalidParameterValue.TemplateParameterLengthLimit": any(len(value) > 12 for value in values),
            "InvalidParameterValue.IncorrectPhoneNumber": self.mood is Mood.REFUSES
            or not all(number.startswith("+") for number in numbers),
            "LimitExceeded.PhoneNumberOneHourLimit": self.too_many_to(numbers[0]),
        }
        code = next((code for code, is_so in wrong.items() if is_so), "Ok")
        if code == "Ok":
            self.sent.append((content["SessionContext"], numbers[0], values))
        status = {
            "SerialNo": "5000:1045710669157053657849499619",
            "PhoneNumber": numbers[0],
            "Fee": 1,
            "SessionContext": content["SessionContext"],
            "Code": code,
            "Message": "send success" if code == "Ok" else f"said {code}",
            "IsoCode": "CN",
        }
        return web.json_response({"Response": {"SendStatusSet": [status], "RequestId": "a0aabda6"}})

    def _check_signature(self, request: web.Request, body: bytes) -> str | None:
        headers = request.headers
        if (headers["X-TC-Action"], headers["X-TC-Version"]) != ("SendSms", "2021-01-11"):
            return "InvalidAction"
        timestamp = headers["X-TC-Timestamp"]
        if abs(int(timestamp) - time.time()) > FIVE_MINUTES_S:
            return "AuthFailure.SignatureExpire"
        algorithm, _, rest = headers["Authorization"].partition(" ")
        fields: dict[str, Any] = dict(field.strip().split("=", 1) for field in rest.split(","))
        key_id, date, service, ending = fields["Credential"].split("/")
        if key_id != KEY_ID:
            return "AuthFailure.SecretIdNotFound"
        signed = "".join(f"{name}:{headers[name]}\n" for name in fields["SignedHeaders"].split(";"))
        hashed = hashlib.sha256(body).hexdigest()
        canonical = f"{request.method}\n/\n\n{signed}\n{fields['SignedHeaders']}\n{hashed}"
        scope = f"{date}/{service}/{ending}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"{algorithm}\n{timestamp}\n{scope}\n{digest}"
        of_day = hmac.new(b"TC3" + KEY_SECRET.encode(), date.encode(), "sha256").digest()
        of_service = hmac.new(of_day, b"sms", "sha256").digest()
        signing = hmac.new(of_service, b"tc3_request", "sha256").digest()
        expected = hmac.new(signing, to_sign.encode(), "sha256").hexdigest()
        today = f"{datetime.fromtimestamp(int(timestamp), UTC):%Y-%m-%d}"
        if fields["Signature"] != expected or date != today or algorithm != "TC3-HMAC-SHA256":
            return "AuthFailure.SignatureFailure"
        return None

    @staticmethod
    def _error(code: str) -> web.Response:
        error = {"Code": code, "Message": f"said {code}"}
        return web.json_response({"Response": {"Error": error, "RequestId": "ed93f3cb"}})


@asynccontextmanager
async def running_sms(server: SmsServer) -> AsyncIterator[SmsServer]:
    app = web.Application()
    app.router.add_post("/", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.hurry.set()
        await runner.cleanup()
