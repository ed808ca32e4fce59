"""What may stand in an element: XML Schema's simple types, as far as CAP uses them."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass

from district.findings import Text, closest

_BLANKS = re.compile(r"[ \t\n\r]+")
_MOMENT = re.compile(
    r"-?(?P<year>[0-9]{4,})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?P<fraction>\.[0-9]+)?"
    r"(?P<zone>Z|[+-](?P<ahead>[0-9]{2}):(?P<past>[0-9]{2}))?"
)
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}")
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_URI = re.compile(  # RFC 3986, URI-reference
    r"([A-Za-z][A-Za-z0-9+.-]*:)?"
    r"(//([^/?#@\[\]%]|%[0-9A-Fa-f]{2})*@?(\[[0-9A-Za-z:._~!$&'()*+,;=-]+\]|([^/?#@\[\]%:]|%[0-9A-Fa-f]{2})*)"
    r"(:[0-9]*)?)?"
    r"([^?#\[\]% ]|%[0-9A-Fa-f]{2})*(\?([^#\[\]% ]|%[0-9A-Fa-f]{2})*)?(#([^#\[\]% ]|%[0-9A-Fa-f]{2})*)?"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_MONTHS = 12
_LAST_HOUR, _LAST_MINUTE, _WIDEST_ZONE_MIN = 23, 59, 14 * 60


@dataclass(frozen=True, slots=True)
class Scalar:
    """A kind of text: whether one is of it, and what to say if not."""

    holds: Callable[[str], bool]
    what: Text
    remedy: Text
    choices: tuple[str, ...] = ()

    def meant(self, text: str) -> str | None:
        """The choice that was probably meant."""
        return closest(text.strip().title().replace("clear", "Clear"), self.choices)


def collapse(text: str) -> str:
    """The text as types other than strings are read: blanks around do not count."""
    return _BLANKS.sub(" ", text).strip(" ")


def is_moment(text: str) -> bool:
    """Whether it is a date and time of XML Schema that there is in the calendar."""
    match = _MOMENT.fullmatch(collapse(text))
    if match is None:
        return False
    year, month, day, hour, minute, second = (
        int(match[name]) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    midnight = hour == _LAST_HOUR + 1 and minute == second == 0 and not int((match["fraction"] or ".0")[1:])
    return (
        year > 0
        and 1 <= month <= _MONTHS
        and 1 <= day <= _days(year, month)
        and ((hour <= _LAST_HOUR and minute <= _LAST_MINUTE and second <= _LAST_MINUTE) or midnight)
        and _is_zone(match["ahead"], match["past"])
    )


def _days(year: int, month: int) -> int:
    """The calendar repeats every 400 years, and :mod:`calendar` ends with the year 9999."""
    return calendar.monthrange(year % 400 + 400, month)[1]


def _is_zone(ahead: str | None, past: str | None) -> bool:
    if ahead is None or past is None:
        return True
    return int(past) <= _LAST_MINUTE and int(ahead) * 60 + int(past) <= _WIDEST_ZONE_MIN


def _is_address(text: str) -> bool:
    """A reference to a resource; a colon before the first stroke must end the name of a scheme."""
    plain = "".join("_" if c in '<>"{}|\\^`' or not c.isascii() else c for c in collapse(text))
    begins_well = _SCHEME.match(plain) is not None or ":" not in re.split("[/?#]", plain, maxsplit=1)[0]
    return begins_well and _URI.fullmatch(plain) is not None


def one_of(*choices: str) -> Scalar:
    """A text that is one of the choices, to the letter."""
    listed = ", ".join(choices)
    return Scalar(
        lambda text: text in choices,
        Text("{!r} is none of CAP's words for it", "{!r} 不是 CAP 规定的取值"),
        Text(f"use one of: {listed}", f"可用的有：{listed}"),
        choices,
    )


STRING = Scalar(lambda _text: True, Text("", ""), Text("", ""))
MOMENT = Scalar(
    is_moment,
    Text("{!r} is no date and time", "{!r} 不是日期时间"),
    Text("write it as in 2026-07-20T11:00:00+08:00", "请按 2026-07-20T11:00:00+08:00 的样式填写"),
)
STAMP = Scalar(
    lambda text: is_moment(text) and _STAMP.fullmatch(collapse(text)) is not None,
    Text("{!r} is no time of CAP 1.2", "{!r} 不符合 CAP 1.2 的时间格式"),
    Text(
        "write whole seconds and a numeric offset, never Z: 2026-07-20T11:00:00+08:00; UTC is -00:00",
        "请写到整秒并带数字时差，不得用 Z：2026-07-20T11:00:00+08:00；UTC 写作 -00:00",
    ),
)
LANGUAGE = Scalar(  # empty text stands for the default, en-US
    lambda text: not text or _LANGUAGE.fullmatch(collapse(text)) is not None,
    Text("{!r} is no language", "{!r} 不是语言代码"),
    Text("write a code of RFC 3066, as in zh-CN", "请填写 RFC 3066 代码，例如 zh-CN"),
)
ADDRESS = Scalar(
    _is_address,
    Text("{!r} is no web address", "{!r} 不是网址"),
    Text(
        "write blanks as %20, as in https://example.org/a%20map",
        "空格写作 %20，例如 https://example.org/a%20map",
    ),
)
INTEGER = Scalar(
    lambda text: _INTEGER.fullmatch(collapse(text)) is not None,
    Text("{!r} is no whole number", "{!r} 不是整数"),
    Text("write digits only", "请只写数字"),
)
DECIMAL = Scalar(
    lambda text: _DECIMAL.fullmatch(collapse(text)) is not None,
    Text("{!r} is no decimal number", "{!r} 不是十进制数"),
    Text("write it as in 1200.5, in feet above mean sea level", "请按 1200.5 的样式填写，单位为英尺"),
)
