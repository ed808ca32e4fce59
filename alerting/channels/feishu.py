"""Feishu's group robot (飞书自定义机器人), and Lark's.

``POST /open-apis/bot/v2/hook/…`` with timestamp and signature in the body; the verdict is ``code``. A body
has at most 20 KB; a hundred posts a minute, five a second.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from alerting.channels.pace import Limit
from alerting.channels.robots import Request, Robot, verdict
from alerting.errors import ChannelDownError

_PASSING = frozenset({11232})  # too many posts, or everybody's at a full hour
_BAD_REQUEST = 9499  # also says "too many request"


class FeishuApi:
    """Feishu's way of saying it."""

    name = "feishu"
    limits: Sequence[Limit] = (
        Limit(posts=100, window_s=60.0, for_red=20),
        Limit(posts=5, window_s=1.0, for_red=1),
    )
    longest_bytes = 16_000  # the whole body may have 20 KB

    def request(self, robot: Robot, text: str, *, everybody: bool, at_s: float) -> Request:
        """A text post, signed if the robot has a secret."""
        call = '<at user_id="all">所有人</at>\n' if everybody else ""
        harmless = text.replace("<at", "＜at")  # a name in the text shall call nobody
        body: dict[str, Any] = {"msg_type": "text", "content": {"text": call + harmless}}
        if robot.secret is not None:
            timestamp = str(int(at_s))
            body |= {"timestamp": timestamp, "sign": sign(robot.secret, timestamp)}
        return Request(f"/open-apis/bot/v2/hook/{quote(robot.token, safe='')}", body)

    def judge(self, answer: Mapping[str, Any]) -> None:
        """``code`` 0 is success, whatever the HTTP status."""
        words = str(answer.get("msg", ""))
        if answer.get("code") == _BAD_REQUEST and "too many" in words.lower():
            raise ChannelDownError(f"{self.name}: {_BAD_REQUEST} {words}")
        verdict(self.name, answer, "code", "msg", _PASSING)


def sign(secret: str, timestamp: str) -> str:
    """HMAC-SHA256 of nothing, under the timestamp (seconds), a line feed and the secret; Base64."""
    key = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
