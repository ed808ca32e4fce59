"""Frames of HJ 212-2017: ``##`` length, data segment, CRC, CR LF."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from firmware_sim.checksums import hj212_crc

REAL_TIME_DATA = "2011"
GET_TIME = "1011"
REQUEST_ANSWER = "9011"
RESULT = "9012"
DATA_ANSWER = "9014"

SYSTEM = 91
VERSION_2017 = 4  # bits V5..V0 = 000001 above D and A
ANSWER_WANTED = 1

READY = 1
REFUSED = 2
WRONG_PASSWORD = 3

_HEAD = re.compile(rb"##(\d{4})")
_HEAD_SIZE = 6
_TAIL_SIZE = 6  # CRC, CR LF
_LONGEST_SEGMENT = 1024
_LONGEST_FRAME = _HEAD_SIZE + _LONGEST_SEGMENT + _TAIL_SIZE
_MICROSECONDS_PER_MS = 1000


def encode_frame(segment: str) -> bytes:
    """Wrap a data segment."""
    data = segment.encode()
    return b"##%04d%b%04X\r\n" % (len(data), data, hj212_crc(data))


def encode_segment(fields: Mapping[str, str | int], content: str) -> str:
    """Write the fields before ``CP`` and the content of ``CP``."""
    head = "".join(f"{key}={value};" for key, value in fields.items())
    return f"{head}CP=&&{content}&&"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A frame received whole."""

    fields: Mapping[str, str]  # before CP
    content: str


class FrameScanner:
    """Finds whole frames in a stream; everything else is dropped."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take bytes and yield the frames they complete."""
        self._buffer += data
        while (head := _HEAD.search(self._buffer)) is not None:
            start, size = head.start(), int(head[1])
            end = start + _HEAD_SIZE + size + _TAIL_SIZE
            if size <= _LONGEST_SEGMENT and end > len(self._buffer):
                break  # wait for the rest
            segment = self._buffer[start + _HEAD_SIZE : end - _TAIL_SIZE]
            tail = self._buffer[end - _TAIL_SIZE : end]
            if size <= _LONGEST_SEGMENT and tail.upper() == b"%04X\r\n" % hj212_crc(segment):
                self._buffer = self._buffer[end:]
                yield _parse(segment.decode(errors="replace"))
            else:
                self._buffer = self._buffer[start + 2 :]
        self._buffer = self._buffer[-_LONGEST_FRAME:]


def _parse(segment: str) -> Message:
    head, _, rest = segment.partition("CP=&&")
    pairs = (field.partition("=") for field in head.split(";") if "=" in field)
    return Message(fields={key: value for key, _, value in pairs}, content=rest.removesuffix("&&"))


def data_time(event_ms: int, utc_offset_s: float) -> str:
    """Return ``YYYYMMDDhhmmss`` as the station's clock shows it."""
    return _local(event_ms, utc_offset_s).strftime("%Y%m%d%H%M%S")


def query_number(event_ms: int, utc_offset_s: float) -> str:
    """Return the 17 digits of a QN: the station's time with milliseconds."""
    moment = _local(event_ms, utc_offset_s)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // _MICROSECONDS_PER_MS:03d}"


def _local(event_ms: int, utc_offset_s: float) -> datetime:
    zone = timezone(timedelta(seconds=utc_offset_s))
    return datetime.fromtimestamp(event_ms // 1000, zone) + timedelta(milliseconds=event_ms % 1000)
