"""HJ 212 data segments: who says what, when, with which flags; and the answers they want. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from zoneinfo import ZoneInfo

from edge.errors import Hj212Error

REAL_TIME = "2011"
NOTICE_ANSWER = "9013"
DATA_ANSWER = "9014"
SYSTEM = "91"
NORMAL = "N"

_ANSWERS = frozenset({"9011", "9012", NOTICE_ANSWER, DATA_ANSWER})
CLOCK_NOTICE = "1013"  # a station asks for its clock to be set
_HEARTBEAT = "9015"  # since 2025
_NOTICES = frozenset({CLOCK_NOTICE, _HEARTBEAT})
_VERSION_BITS = 0xFC  # 000000 of 2005, 000001 of 2017, 000010 of 2025
_ANSWER_WANTED = 1
_SPLIT = 2
_MOST_FLAG = 0xFF
_DIGITS = re.compile(r"[0-9]+")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)
_QN = re.compile(r"[0-9]{17}")
_DATA_TIME = "%Y%m%d%H%M%S"
_DATA_TIME_DIGITS = 14
# "td" is a slip of several makers' firmware; no other kind of value is written so.
_REAL_TIME_KINDS = frozenset({"Rtd", "td"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One data segment: the fields before the content, and the content as it was sent."""

    qn: str  # names the request or upload; its answer repeats it. Empty where an old station sends none
    st: str
    cn: str
    pw: str
    mn: str
    flag: int
    packets: int = 1
    packet: int = 1
    content: str

    @property
    def wants_answer(self) -> bool:
        """Whether the sender repeats it until it is answered."""
        return bool(self.flag & _ANSWER_WANTED)


@dataclass(frozen=True, slots=True)
class Factor:
    """What a station says of one factor."""

    value: float | None  # none: it sent no number, or two different ones
    flag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The real-time values of one station."""

    mn: str
    at: datetime  # UTC; by the station's own clock
    factors: Mapping[str, Factor]


def decode_segment(data: bytes) -> Segment:
    """Read a segment.

    Raises:
        Hj212Error: It is none; the reason names the field.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Hj212Error(f"not UTF-8 at byte {exc.start}", data) from exc
    head, separator, rest = text.partition("CP=&&")
    content, end, behind = rest.rpartition("&&")
    if not separator or not end:
        raise Hj212Error("has no content between CP=&& and &&", data)
    if behind:
        raise Hj212Error(f"goes on after its content: {behind[:40]!r}", data)
    fields = _fields(head, data)
    qn = fields.get("QN", "")
    if qn and not _QN.fullmatch(qn):
        raise Hj212Error(f"QN is {qn!r}, not 17 digits", data)
    if not fields.get("MN"):
        raise Hj212Error("has no MN", data)
    flag = _number(fields.get("Flag", "0"), "Flag", data)
    if flag > _MOST_FLAG:
        raise Hj212Error(f"Flag is {flag}, more than a byte", data)
    packets, packet = 1, 1
    if flag & _SPLIT and "PNUM" in fields:
        packets, packet = (_number(fields.get(name, ""), name, data) for name in ("PNUM", "PNO"))
        if not 1 <= packet <= packets:
            raise Hj212Error(f"is packet {packet} of {packets}", data)
    return Segment(
        qn=qn,
        st=fields.get("ST", ""),
        cn=str(_number(fields.get("CN", ""), "CN", data)),
        pw=fields.get("PW", ""),
        mn=fields["MN"],
        flag=flag,
        packets=packets,
        packet=packet,
        content=content,
    )


def decode_report(segment: Segment, timezone: ZoneInfo) -> Report:
    """Read the content of a real-time upload (CN 2011).

    Args:
        segment: The upload.
        timezone: Where the station's clock stands; it says no zone itself.

    Raises:
        Hj212Error: It has no time, or a field is none.
    """
    raw = segment.content.encode()
    at: datetime | None = None
    values: dict[str, list[float | None]] = {}
    flags: dict[str, str] = {}
    for item in re.split("[;,]", segment.content):
        if not item.strip():
            continue  # an empty factor at the end is common
        name, equals, value = item.partition("=")
        if not equals:
            raise Hj212Error(f"{item[:40]!r} is no field", raw)
        code, _, kind = name.strip().rpartition("-")
        if name.strip() == "DataTime":
            at = read_time(value.strip(), timezone, raw)
        elif kind in _REAL_TIME_KINDS and code:
            values.setdefault(code, []).append(read_value(value))
        elif kind == "Flag" and code:
            flags[code] = value.strip().upper()
    if at is None:
        raise Hj212Error("has no DataTime", raw)
    factors = {
        code: Factor(said[0] if len(set(said)) == 1 else None, flags.get(code, NORMAL))
        for code, said in values.items()
    }
    return Report(mn=segment.mn, at=at, factors=factors)


def read_time(text: str, timezone: ZoneInfo, raw: bytes = b"") -> datetime:
    """The instant that a DataTime says.

    Raises:
        Hj212Error: It says none.
    """
    try:
        if not _DIGITS.fullmatch(text) or len(text) != _DATA_TIME_DIGITS:
            raise ValueError  # noqa: TRY301  (strptime takes shorter ones, too)
        return datetime.strptime(text, _DATA_TIME).replace(tzinfo=timezone).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise Hj212Error(f"DataTime is {text[:20]!r}, not YYYYMMDDhhmmss", raw) from exc


def read_value(text: str) -> float | None:
    """The number, or none: stations write ``-`` or nothing where they have no value."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if isfinite(value) else None


def answer_to(segment: Segment) -> bytes | None:
    """The segment that tells a station that what it sent has arrived; none if it wants none."""
    if not segment.wants_answer or segment.cn in _ANSWERS:
        return None
    cn = NOTICE_ANSWER if segment.cn in _NOTICES else DATA_ANSWER
    return (
        f"QN={segment.qn};ST={SYSTEM};CN={cn};PW={segment.pw};MN={segment.mn};"
        f"Flag={version_flag(segment)};CP=&&&&"
    ).encode()


def version_flag(segment: Segment) -> int:
    """The flag's bits that name the edition of the standard that a station follows."""
    return segment.flag & _VERSION_BITS


def _fields(head: str, raw: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for item in head.split(";"):
        if not item:
            continue
        name, equals, value = item.partition("=")
        if not equals:
            raise Hj212Error(f"{item[:40]!r} is no field", raw)
        fields[name.strip()] = value.strip()
    return fields


def _number(text: str, name: str, raw: bytes) -> int:
    if not _DIGITS.fullmatch(text) or len(text) > 9:  # noqa: PLR2004  (longer than any field of the standard)
        raise Hj212Error(f"{name} is {text[:20]!r}, no number" if text else f"has no {name}", raw)
    return int(text)
