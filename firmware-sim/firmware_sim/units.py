"""Texts with units, as people write them in a scenario: durations, lines, hosts."""

import re
from dataclasses import dataclass

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(d|h|ms|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LINE = re.compile(r"(\d+)-([78])([NEO])([12])")
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")
_HOST_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\[\]:]+)):(?P<port>\d{1,5})")
_MAX_PORT = 65535

# Modbus over serial line 2.5.1.1: above 19200 baud the silence is fixed.
_FIXED_SILENCE_ABOVE_BAUD = 19200
_FIXED_SILENCE_S = 0.00175
_SILENCE_CHARS = 3.5


def parse_duration(text: object) -> float:
    """Return the seconds of ``15ms``, ``2s``, ``5m``, ``1.5h``, ``4h30m`` or ``1d``.

    Raises:
        ValueError: It is no duration.
    """
    parts = _DURATION_PART.findall(text) if isinstance(text, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        message = f"{text!r} is no duration: write numbers with d, h, m, s or ms, such as 5m or 4h30m"
        raise ValueError(message)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_utc_offset(text: object) -> float:
    """Return the seconds east of UTC of ``+08:00``.

    Raises:
        ValueError: It is no offset.
    """
    match = _OFFSET.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        message = f"{text!r} is no offset from UTC: write +08:00"
        raise ValueError(message)
    seconds = int(match[2]) * 3600.0 + int(match[3]) * 60.0
    return -seconds if match[1] == "-" else seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSetting:
    """Speed and character format of a serial line."""

    baud: int
    bits_per_char: int  # with start, parity and stop bits
    stop: int = 1

    @property
    def char_s(self) -> float:
        """Seconds one character occupies the line."""
        return self.bits_per_char / self.baud

    @property
    def silence_s(self) -> float:
        """Seconds of silence that end a Modbus RTU frame."""
        if self.baud > _FIXED_SILENCE_ABOVE_BAUD:
            return _FIXED_SILENCE_S
        return _SILENCE_CHARS * self.char_s


def parse_line(text: object) -> LineSetting:
    """Return the setting of ``9600-8N1``.

    Raises:
        ValueError: It is no line setting.
    """
    match = _LINE.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        message = f"{text!r} is no line setting: write baud-bits-parity-stop, such as 9600-8N1"
        raise ValueError(message)
    bits = 1 + int(match[2]) + (match[3] != "N") + int(match[4])
    return LineSetting(baud=int(match[1]), bits_per_char=bits, stop=int(match[4]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A TCP host and port; IPv6 addresses are written in brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return the text :func:`parse_endpoint` reads."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_endpoint(text: object) -> Endpoint:
    """Return the endpoint of ``127.0.0.1:502`` or ``[::1]:502``.

    Raises:
        ValueError: It is no endpoint.
    """
    match = _HOST_PORT.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match["port"]) > _MAX_PORT:
        message = f"{text!r} is no endpoint: write 127.0.0.1:502 or [::1]:502"
        raise ValueError(message)
    return Endpoint(host=match["v6"] or match["host"], port=int(match["port"]))
