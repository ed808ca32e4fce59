"""``tocsin decode``: one frame a line in, one JSON object a frame out."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from edge import exchanges, nmea, plantower, sdi12, vaisala
from edge.errors import FrameError
from edge.hj212 import telegrams as hj212
from edge.sl427 import telegrams as sl427
from edge.sl651 import bodies as sl651
from edge.telegram import Telegram

_COMMENTS = (b"# ", b"; ")
_DEFAULT_ZONE = ZoneInfo("Asia/Shanghai")  # where the zoneless instruments of these standards stand

Decode = Callable[[bytes, ZoneInfo], Telegram]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What became of one line: the telegram, or why there is none."""

    line: int  # from 1
    telegram: Telegram | None
    error: str | None
    zone: ZoneInfo

    def as_json(self) -> str:
        """One JSON object in one line; times stand in the district's zone."""
        if self.telegram is None:
            return json.dumps({"line": self.line, "ok": False, "error": self.error}, ensure_ascii=False)
        telegram = self.telegram
        at = telegram.at.astimezone(self.zone).isoformat() if telegram.at else None
        readings = [
            {"code": said.code, "value": said.value, "unit": said.unit, "flag": said.flag}
            for said in telegram.said
        ]
        return json.dumps(
            {
                "line": self.line,
                "ok": True,
                "station": telegram.station,
                "taken_at": at,
                "readings": readings,
            },
            ensure_ascii=False,
        )


def decode_lines(protocol: str, data: bytes, zone: ZoneInfo = _DEFAULT_ZONE) -> Iterator[Decoded]:
    """Decode each line of ``data`` that holds a frame; those that begin with ``# `` or ``; `` are comments.

    Raises:
        KeyError: There is no such protocol; :data:`PROTOCOLS` has them.
    """
    decode = PROTOCOLS[protocol]
    for number, text in enumerate(data.split(b"\n"), start=1):
        frame = text.removesuffix(b"\r")
        if not frame.strip() or frame.startswith(_COMMENTS) or frame.strip() in {b"#", b";"}:
            continue
        try:
            yield Decoded(line=number, telegram=decode(frame, zone), error=None, zone=zone)
        except FrameError as exc:
            yield Decoded(line=number, telegram=None, error=str(exc), zone=zone)


def _unhex(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError as exc:
        raise FrameError("is not hexadecimal", text) from exc


def _dated(decode: Decode, text: bytes, zone: ZoneInfo) -> Telegram:
    return decode(_unhex(text), zone)


def _undated(decode: Callable[[bytes], Telegram], text: bytes, zone: ZoneInfo) -> Telegram:
    del zone  # this protocol has no times
    return decode(text)


def _undated_hex(decode: Callable[[bytes], Telegram], text: bytes, zone: ZoneInfo) -> Telegram:
    return _undated(decode, _unhex(text), zone)


def _pair(decode: Callable[[bytes, bytes], Telegram], text: bytes, zone: ZoneInfo) -> Telegram:
    """A request and its answer, with a blank or a tab between them."""
    del zone
    parts = text.split()
    if len(parts) > 2:  # noqa: PLR2004  (a request and an answer)
        raise FrameError(f"holds {len(parts)} frames, not a request and its answer", text)
    request, answer = (*map(_unhex, parts), b"")[:2]
    return decode(request, answer)


PROTOCOLS: Mapping[str, Decode] = {
    "hj212": hj212.decode,
    "sl651": partial(_dated, sl651.decode),
    "sl427": partial(_dated, sl427.decode),
    "sdi12": partial(_undated, sdi12.decode),
    "nmea": partial(_undated, nmea.decode),
    "vaisala": partial(_undated, vaisala.decode),
    "plantower": partial(_undated_hex, plantower.decode),
    "modbus-rtu": partial(_pair, exchanges.decode_rtu),
    "modbus-ascii": partial(_pair, exchanges.decode_ascii),
    "modbus-tcp": partial(_pair, exchanges.decode_tcp),
}
