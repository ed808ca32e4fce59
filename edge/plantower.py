"""Frames of Plantower particle counters (PMS series): pure."""

import struct
from collections.abc import Iterator

from edge.errors import PlantowerError
from edge.telegram import Said, Telegram

HEAD = b"\x42\x4d"
READ_NOW = bytes.fromhex("424de200000171")  # asks a counter in passive mode for one frame

_HEAD_BYTES = 4  # with the length
_CHECK_BYTES = 2
_COMMAND_BYTES = 7
_COMMANDS = frozenset({0xE1, 0xE2, 0xE4})
_LENGTHS = {20: 9, 28: 13}  # bytes behind the length: words of data before the check
_NAMES = ("pm1-cf1", "pm25-cf1", "pm10-cf1", "pm1", "pm25", "pm10")
_COUNTS = ("n03", "n05", "n1", "n25", "n5", "n10")  # particles larger than, in 0.1 L
_COUNTED = 28  # only the longer frame holds counts
_MASS = "ug/m3"
_PER = "1/0.1L"


def decode(raw: bytes) -> Telegram:
    """Read one frame; a command that somebody sends to a counter says nothing.

    Raises:
        PlantowerError: It is none; the reason says where it fails.
    """
    if not raw.startswith(HEAD):
        raise PlantowerError("does not begin with 424D", raw)
    if len(raw) == _COMMAND_BYTES and raw[2] in _COMMANDS:
        _check_sum(raw)
        return Telegram(station=None, at=None, said=())
    if len(raw) < _HEAD_BYTES:
        raise PlantowerError(f"has {len(raw)} bytes, too few for a frame", raw)
    declared, there = int.from_bytes(raw[2:_HEAD_BYTES], "big"), len(raw) - _HEAD_BYTES
    if declared != there:
        raise PlantowerError(f"declares {declared} bytes, has {there}", raw)
    if declared not in _LENGTHS:
        raise PlantowerError(f"{declared} bytes are the length of no data frame", raw)
    _check_sum(raw)
    words = struct.unpack_from(f">{_LENGTHS[declared]}H", raw, _HEAD_BYTES)
    said = [Said(name, float(word), _MASS) for name, word in zip(_NAMES, words, strict=False)]
    if declared == _COUNTED:
        counts = words[len(_NAMES) : len(_NAMES) + len(_COUNTS)]
        if any(words[:3]) and not any(counts):
            raise PlantowerError(f"weighs {words[2]} {_MASS} and counts no particle", raw)
        said += [Said(name, float(word), _PER) for name, word in zip(_COUNTS, counts, strict=True)]
    return Telegram(station=None, at=None, said=tuple(said))


def _check_sum(raw: bytes) -> None:
    written, expected = int.from_bytes(raw[-_CHECK_BYTES:], "big"), sum(raw[:-_CHECK_BYTES]) & 0xFFFF
    if written != expected:
        raise PlantowerError(f"sum is {written:04X}, should be {expected:04X}", raw)


class Splitter:
    """Cuts a stream of bytes into frames, and finds the next one after anything that is none."""

    def __init__(self) -> None:
        self._unread = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; returns what seems a whole frame, to be judged by :func:`decode`."""
        self._unread += data
        return list(self._cut())

    def _cut(self) -> Iterator[bytes]:
        while True:
            at = self._unread.find(HEAD)
            if at < 0:
                self._unread = self._unread[-1:] if self._unread.endswith(HEAD[:1]) else b""
                return
            self._unread = self._unread[at:]
            if len(self._unread) < _HEAD_BYTES:
                return
            declared = int.from_bytes(self._unread[2:_HEAD_BYTES], "big")
            if declared not in _LENGTHS:
                self._unread = self._unread[len(HEAD) :]
                continue
            whole = _HEAD_BYTES + declared
            if len(self._unread) < whole:
                return
            frame = self._unread[:whole]
            good = sum(frame[:-_CHECK_BYTES]) & 0xFFFF == int.from_bytes(frame[-_CHECK_BYTES:], "big")
            self._unread = self._unread[whole if good else len(HEAD) :]
            yield frame
