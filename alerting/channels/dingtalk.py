"""DingTalk's group robot (自定义机器人接入).

``POST /robot/send?access_token=…&timestamp=…&sign=…``; HTTP 200 also answers refusals, so the verdict is
``errcode``. Twenty posts a minute; one more, and the robot is mute for ten minutes.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from alerting.channels.pace import Limit
from alerting.channels.robots import Request, Robot, verdict

# System busy; too many posts, by its old code and its new one.
_PASSING = frozenset({-1, 130101, 410100})


class DingtalkApi:
    """DingTalk's way of saying it."""

    name = "dingtalk"
    limits: Sequence[Limit] = (Limit(posts=20, window_s=60.0, for_red=5),)
    longest_bytes = 16_000  # the whole body may have 20 000

    def request(self, robot: Robot, text: str, *, everybody: bool, at_s: float) -> Request:
        """A text post, signed if the robot has a secret."""
        query = {"access_token": robot.token}
        if robot.secret is not None:
            timestamp = str(int(at_s * 1000))
            query |= {"timestamp": timestamp, "sign": sign(robot.secret, timestamp)}
        body = {"msgtype": "text", "text": {"content": text}, "at": {"isAtAll": everybody}}
        return Request(f"/robot/send?{urlencode(query)}", body)

    def judge(self, answer: Mapping[str, Any]) -> None:
        """``errcode`` 0 is success, whatever the HTTP status."""
        verdict(self.name, answer, "errcode", "errmsg", _PASSING)


def sign(secret: str, timestamp: str) -> str:
    """HMAC-SHA256 under the secret of the timestamp (milliseconds), a line feed and the secret; Base64."""
    text = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
