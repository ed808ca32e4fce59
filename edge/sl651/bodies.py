"""SL 651 bodies: who observed what, when. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from edge.bcd import decimal, local_time
from edge.errors import Sl651Error
from edge.sl651.elements import (
    FIVE_MINUTE_LEVELS,
    FIVE_MINUTE_RAINS,
    REST_OF_BODY,
    STEP,
    UNITS,
    Identifier,
    Reader,
    check_groups,
    read_element,
    read_number,
)
from edge.sl651.frames import Frame, decode_frame
from edge.telegram import Said, Telegram

KEEP_ALIVE = 0x2F
TEST = 0x30

_UNIFORM = frozenset({0x31, 0x38})  # one identifier, then a value a step
_ELEMENTS = frozenset({TEST, 0x31, 0x32, 0x33, 0x34, 0x37, 0x38, 0x3A, 0x44, 0x46})
_FREE = frozenset({0x35, 0x36, 0x39})  # text and pictures

_OBSERVED = 0xF0
_STATION = 0xF1
_STATION_BYTES = 5
_TIME_BYTES = 5
_SENT_BYTES = 6
_FIVE_MINUTES = timedelta(minutes=5)
_FIXED = {0xF0, 0xF1, 0x28}  # what stands behind F0 and F1: themselves, or their length
_UNKINDED = frozenset({0x46})  # functions whose station address has no kind behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What one station of a message observed at one time."""

    station: str
    at: datetime  # UTC; by the station's clock
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One whole body."""

    serial: bytes  # two bytes; an answer repeats them
    sent_at: datetime  # UTC; by the station's clock
    sections: tuple[Section, ...]


def decode(raw: bytes, timezone: ZoneInfo) -> Telegram:
    """Read one frame by itself; of a message in several packets, only whose it is.

    Raises:
        Sl651Error: It is no frame, or its body does not hold.
    """
    frame = decode_frame(raw)
    if frame.down or frame.packets > 1:
        return Telegram(station=frame.station_id, at=None, said=())
    message = decode_body(frame, timezone)
    if not message.sections:
        return Telegram(station=frame.station_id, at=message.sent_at, said=())
    first = message.sections[0]
    said = (
        each if each.at is not None or section.at == first.at else each._replace(at=section.at)
        for section in message.sections
        for each in section.said
    )
    return Telegram(station=first.station, at=first.at, said=tuple(said))


def decode_body(frame: Frame, timezone: ZoneInfo) -> Message:
    """Read the body of a message that is whole.

    Args:
        frame: The frame, or several packets joined.
        timezone: Where the station's clock stands; it says no zone itself.

    Raises:
        Sl651Error: The body does not hold.
    """
    reader = Reader(frame.body)
    serial = reader.take(2, "the serial number")
    sent_at = _time(reader.take(_SENT_BYTES, "the time of sending"), timezone)
    sections: tuple[Section, ...] = ()
    if frame.function in _ELEMENTS:
        sections = tuple(_Sections(frame, reader, sent_at, timezone).read())
    elif frame.function in _FREE and reader.peek() == _STATION:
        station = _station(reader, kinded=True)
        at = _observed(reader, timezone) if reader.peek() == _OBSERVED else sent_at
        sections = (Section(station=station, at=at, said=()),)
    return Message(serial=serial, sent_at=sent_at, sections=sections)


class _Sections:
    """Reads the elements of a body, and starts a section at each station and each time."""

    def __init__(self, frame: Frame, reader: Reader, sent_at: datetime, timezone: ZoneInfo) -> None:
        self._function = frame.function
        self._reader = reader
        self._timezone = timezone
        self._station = frame.station_id
        self._at = sent_at
        self._step: timedelta | None = None

    def read(self) -> Iterator[Section]:
        said: list[Said] = []
        reader = self._reader
        begun = False
        while reader.left:
            leader = reader.peek()
            if leader in {_STATION, _OBSERVED}:
                if said:
                    yield self._section(said)
                    said = []
                begun = True
                if leader == _STATION:
                    self._station = _station(reader, kinded=self._function not in _UNKINDED)
                    self._step = None
                else:
                    self._at = _observed(reader, self._timezone)
                continue
            said += self._element(reader.identifier())
        if said or begun:
            yield self._section(said)

    def _section(self, said: list[Said]) -> Section:
        return Section(station=self._station, at=self._at, said=tuple(said))

    def _element(self, identifier: Identifier) -> list[Said]:
        reader = self._reader
        if identifier.leader in REST_OF_BODY:
            reader.take(reader.left, "free data")
            return []
        if identifier.leader == STEP and self._function in _UNIFORM:
            self._step = _step(reader.take(identifier.length, "the time step"))
            return []
        unit = UNITS.get(identifier.code)
        grouped = identifier.leader == FIVE_MINUTE_RAINS or identifier.leader in FIVE_MINUTE_LEVELS
        if self._step and not grouped:
            return self._series(identifier, self._step, unit)
        data = reader.take(identifier.length, f"element {identifier.code}")
        check_groups(identifier, data)
        return [
            Said(identifier.code, value, unit, flag, self._at + group * _FIVE_MINUTES if grouped else None)
            for group, value, flag in read_element(identifier, data)
        ]

    def _series(self, identifier: Identifier, step: timedelta, unit: str | None) -> list[Said]:
        """One identifier for all that follows: a value a step."""
        reader = self._reader
        if not identifier.length or reader.left % identifier.length:
            raise Sl651Error(
                f"{reader.left} bytes are no whole number of {identifier.code} of {identifier.length} bytes"
            )
        said = []
        for index in range(reader.left // identifier.length):
            value, flag = read_number(reader.take(identifier.length, identifier.code), identifier.decimals)
            said.append(Said(identifier.code, value, unit, flag, self._at + index * step))
        return said


def _station(reader: Reader, *, kinded: bool) -> str:
    _leader(reader, "the station's address")
    station = reader.take(_STATION_BYTES, "the station's address").hex()
    if kinded:
        reader.take(1, "the station's kind")
    return station


def _observed(reader: Reader, timezone: ZoneInfo) -> datetime:
    _leader(reader, "the time of observation")
    return _time(reader.take(_TIME_BYTES, "the time of observation"), timezone)


def _leader(reader: Reader, what: str) -> None:
    leader, definition = reader.take(2, what)
    if definition not in _FIXED:
        raise Sl651Error(f"{leader:02X}{definition:02X} is no identifier of {what}")


def _time(digits: bytes, timezone: ZoneInfo) -> datetime:
    local = local_time(digits, timezone)
    if local is None:
        raise Sl651Error(f"{digits.hex()} is no time", digits)
    return local.astimezone(UTC)


def _step(dhm: bytes) -> timedelta | None:
    """The step that days, hours and minutes say; none if they are all zero: hours in groups follow."""
    parts = [decimal(dhm[index : index + 1]) for index in range(len(dhm))]
    if len(parts) != 3 or None in parts:  # noqa: PLR2004  (days, hours, minutes)
        raise Sl651Error(f"{dhm.hex()} is no time step", dhm)
    days, hours, minutes = (part or 0 for part in parts)
    return timedelta(days=days, hours=hours, minutes=minutes) or None
