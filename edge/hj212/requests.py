"""What we say to HJ 212 stations beside plain answers: the time, and questions for what was missed. Pure."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from edge.hj212.segments import CLOCK_NOTICE, SYSTEM, Segment, answer_to, version_flag

MINUTES = "2051"
HOURS = "2061"

_GET_CLOCK = "1011"
_SET_CLOCK = "1012"
_REQUEST_ANSWER = "9011"
_RESULT = "9012"
_READY, _REFUSED = 1, 2
_DONE = 1
_ANSWER_WANTED = 1
_COMMANDS = range(1000, 2000)  # requests for settings: nothing that a station may ask of us but the time


class Window(NamedTuple):
    """A time that a station has not told of, UTC."""

    begin: datetime
    end: datetime


def answers_to(segment: Segment, now: datetime, timezone: ZoneInfo) -> list[bytes]:
    """The segments that answer one from a station, in their order; none if it wants none.

    Data get 9014 and notices 9013; a request gets 9011, and the one that we can fulfil its result and 9012.
    A station that asks for its clock to be set is sent the time.

    Args:
        segment: What the station sent.
        now: The time that stations go by.
        timezone: Where their clocks stand.
    """
    plain = answer_to(segment)
    if plain is None:
        return []
    digits = _digits(now, timezone)
    if segment.cn == CLOCK_NOTICE:
        content = ";".join((*_of_factor(segment), f"SystemTime={digits}"))
        return [
            plain,
            _segment(segment, segment.st, _SET_CLOCK, content, flag=_ANSWER_WANTED, at=now, zone=timezone),
        ]
    if int(segment.cn) not in _COMMANDS:
        return [plain]
    if segment.cn != _GET_CLOCK:
        return [_segment(segment, SYSTEM, _REQUEST_ANSWER, f"QnRtn={_REFUSED}")]
    return [
        _segment(segment, SYSTEM, _REQUEST_ANSWER, f"QnRtn={_READY}"),
        _segment(segment, segment.st, _GET_CLOCK, ";".join((*_of_factor(segment), f"SystemTime={digits}"))),
        _segment(segment, SYSTEM, _RESULT, f"ExeRtn={_DONE}"),
    ]


def ask_history(segment: Segment, cn: str, window: Window, now: datetime, timezone: ZoneInfo) -> bytes:
    """The question for the means (``cn``: MINUTES or HOURS) of a time, to whoever sent ``segment``."""
    begin, end = (_digits(instant, timezone) for instant in window)
    content = f"BeginTime={begin};EndTime={end}"
    return _segment(segment, segment.st, cn, content, flag=_ANSWER_WANTED, at=now, zone=timezone)


def _of_factor(segment: Segment) -> list[str]:
    return [item for item in segment.content.split(";") if item.startswith("PolId=")][:1]


def _digits(instant: datetime, timezone: ZoneInfo) -> str:
    return f"{instant.astimezone(timezone):%Y%m%d%H%M%S}"


def _segment(
    to: Segment,
    st: str,
    cn: str,
    content: str,
    *,
    flag: int = 0,
    at: datetime | None = None,
    zone: ZoneInfo | None = None,
) -> bytes:
    """A segment to the station that sent ``to``: an answer repeats its number, a question has its own."""
    qn = to.qn if at is None else f"{at.astimezone(zone):%Y%m%d%H%M%S}{at.microsecond // 1000:03d}"
    version = version_flag(to) | flag
    return f"QN={qn};ST={st};CN={cn};PW={to.pw};MN={to.mn};Flag={version};CP=&&{content}&&".encode()
