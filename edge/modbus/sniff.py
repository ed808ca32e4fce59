"""Listening to a Modbus RTU line that somebody else asks on: frames and what they say. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from district.register import Table
from edge.modbus.framing import crc_holds

Kind = Literal["request", "answer", "exception", "noise"]

_TABLES: dict[int, Table] = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_WRITES_ONE, _WRITES_MANY = {5, 6}, {15, 16}
_EXCEPTION = 0x80
_SHORT, _FIXED = 5, 8  # an exception; a request to read, either way of a write of one
_WRITE_HEAD, _ANSWER_HEAD = 9, 5
_LONGEST = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One frame on the line, or bytes that are none."""

    kind: Kind
    raw: bytes
    unit: int | None = None
    function: int | None = None
    address: int | None = None  # of an answer: as its request said
    count: int | None = None
    data: bytes = b""
    code: int | None = None  # of an exception


class Sniffer:
    """Cuts what is heard into frames by length and check, wherever they begin.

    A request and the answer to it look alike in part; that a request was heard last decides between them.
    """

    def __init__(self) -> None:
        self._unread = b""
        self._asked: Heard | None = None

    def feed(self, data: bytes) -> list[Heard]:
        """Take bytes; returns the frames that they complete, and the noise before those."""
        self._unread += data
        return list(self._frames())

    def silence(self) -> list[Heard]:
        """Take a silence longer than any pause in a frame: what is left is noise."""
        left, self._unread = self._unread, b""
        return [Heard(kind="noise", raw=left)] if left else []

    def _frames(self) -> Iterator[Heard]:
        start = 0
        while start < len(self._unread):
            heard = self._frame_at(start)
            if heard is None:
                start += 1
                continue
            if start:
                yield Heard(kind="noise", raw=self._unread[:start])
            self._unread = self._unread[start + len(heard.raw) :]
            self._asked = heard if heard.kind == "request" else None
            start = 0
            yield heard
        if len(self._unread) > _LONGEST:
            yield Heard(kind="noise", raw=self._unread[:-_LONGEST])
            self._unread = self._unread[-_LONGEST:]

    def _frame_at(self, start: int) -> Heard | None:
        shapes = (self._answer, self._request) if self._asked else (self._request, self._answer)
        for shape in (*shapes, self._exception):
            heard = shape(self._unread[start:])
            if heard is not None:
                return heard
        return None

    def _request(self, data: bytes) -> Heard | None:
        function = data[1] if len(data) > 1 else 0
        size = _FIXED
        if function in _WRITES_MANY and len(data) > 6:  # noqa: PLR2004  (where the byte count stands)
            size = _WRITE_HEAD + data[6]
        if function not in _TABLES.keys() | _WRITES_ONE | _WRITES_MANY or not _is_whole(data, size):
            return None
        many = function not in _WRITES_ONE
        return Heard(
            kind="request",
            raw=data[:size],
            unit=data[0],
            function=function,
            address=int.from_bytes(data[2:4], "big"),
            count=int.from_bytes(data[4:6], "big") if many else 1,
            data=data[7 : size - 2] if function in _WRITES_MANY else b"" if many else data[4:6],
        )

    def _answer(self, data: bytes) -> Heard | None:
        if len(data) <= 2:  # noqa: PLR2004  (unit, function, byte count)
            return None
        asked = self._asked
        ours = asked is not None and (asked.unit, asked.function) == (data[0], data[1])
        function = data[1]
        size = _ANSWER_HEAD + data[2] if function in _TABLES else _FIXED
        if function not in _TABLES and not (ours and function in _WRITES_ONE | _WRITES_MANY):
            return None
        if not _is_whole(data, size):
            return None
        return Heard(
            kind="answer",
            raw=data[:size],
            unit=data[0],
            function=function,
            address=asked.address if asked is not None and ours else None,
            count=asked.count if asked is not None and ours else None,
            data=data[3 : size - 2] if function in _TABLES else data[4:6],
        )

    def _exception(self, data: bytes) -> Heard | None:
        if len(data) < _SHORT or not data[1] & _EXCEPTION or not _is_whole(data, _SHORT):
            return None
        return Heard(
            kind="exception", raw=data[:_SHORT], unit=data[0], function=data[1] & ~_EXCEPTION, code=data[2]
        )


def table_of(function: int | None) -> Table | None:
    """The table that a function reads; none for others."""
    return _TABLES.get(function) if function is not None else None


def _is_whole(data: bytes, size: int) -> bool:
    return len(data) >= size and crc_holds(data[:size])
