"""WeCom's group robot (企业微信群机器人).

``POST /cgi-bin/webhook/send?key=…``; there is no signature: the key is the whole secret. The verdict is
``errcode``. A text has at most 2048 bytes; twenty posts a minute.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from alerting.channels.pace import Limit
from alerting.channels.robots import Request, Robot, verdict

_PASSING = frozenset({-1, 45009})  # system busy; too many posts


class WecomApi:
    """WeCom's way of saying it."""

    name = "wecom"
    limits: Sequence[Limit] = (Limit(posts=20, window_s=60.0, for_red=5),)
    longest_bytes = 2048

    def request(self, robot: Robot, text: str, *, everybody: bool, at_s: float) -> Request:
        """A text post."""
        del at_s
        content = {"content": text, "mentioned_list": ["@all"] if everybody else []}
        path = f"/cgi-bin/webhook/send?{urlencode({'key': robot.token})}"
        return Request(path, {"msgtype": "text", "text": content})

    def judge(self, answer: Mapping[str, Any]) -> None:
        """``errcode`` 0 is success, whatever the HTTP status."""
        verdict(self.name, answer, "errcode", "errmsg", _PASSING)
