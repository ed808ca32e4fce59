"""The forms of texts that contacts are made of: addresses and telephone numbers."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from district.findings import SpecError, Text

_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@.<>,;:\"()\[\]\\]+")
_TELEPHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def matching(pattern: re.Pattern[str], what: Text, remedy: Text) -> BeforeValidator:
    """Accept a text of the pattern's form; anything else is refused with ``what`` and ``remedy``."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise SpecError(Text(what.en.format(value), what.zh.format(value)), remedy)
        return value

    return BeforeValidator(check)


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SpecError(
            Text(f"{value!r} is no web address", f"{value!r} 不是网址"),
            Text(
                "write it as in https://example.org/warnings", "请按 https://example.org/warnings 的样式填写"
            ),
        )
    return value


def _server(value: str) -> str:
    value = _web_address(value)
    parts = urlsplit(value)
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise SpecError(
            Text(f"{value!r} is more than a server", f"{value!r} 不只是服务器地址"),
            Text(
                "write only scheme and host, as in https://open.feishu.cn; secrets belong in variables",
                "只写协议和主机，例如 https://open.feishu.cn；密钥请放在环境变量中",
            ),
        )
    return value.rstrip("/")


Email = Annotated[
    str,
    matching(
        _EMAIL,
        Text("{!r} is no e-mail address", "{!r} 不是电子邮件地址"),
        Text("write it as in name@example.org", "请按 name@example.org 的样式填写"),
    ),
]
Telephone = Annotated[
    str,
    matching(
        _TELEPHONE,
        Text("{!r} is no telephone number", "{!r} 不是电话号码"),
        Text(
            'write it in quotes with its country code, as in "+8657112345678"',
            '请加引号并带国家代码，例如 "+8657112345678"',
        ),
    ),
]
DevicePath = Annotated[
    str,
    matching(
        re.compile(r"/[^\0]+|COM[0-9]+"),
        Text("{!r} is no port", "{!r} 不是串口"),
        Text(
            "write its path from the root, best one that stays the same, as in /dev/serial/by-id/usb-…",
            "请填写从根目录开始的路径，最好用固定不变的，例如 /dev/serial/by-id/usb-…",
        ),
    ),
]
WebAddress = Annotated[str, AfterValidator(_web_address)]
ServerAddress = Annotated[str, AfterValidator(_server)]
