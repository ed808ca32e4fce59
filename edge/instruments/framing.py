"""From a stream of bytes to frames that may hold: pure; a decoder judges them."""

from typing import Protocol

from edge.lines import MOST_BYTES

_LINE_END = b"\n"


class Splitter(Protocol):
    """Cuts a stream of bytes."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; returns what is complete now."""
        ...


class LineSplitter:
    """Cuts at line ends; a line that does not end is given up."""

    def __init__(self) -> None:
        self._unread = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; returns the lines that are complete now, without their ends, and no empty one."""
        *lines, self._unread = (self._unread + data).split(_LINE_END)
        if len(self._unread) > MOST_BYTES:
            self._unread = b""
        return [line.rstrip(b"\r") for line in lines if line.strip()]
