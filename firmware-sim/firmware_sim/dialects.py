"""What instruments with protocols of their own put on the wire, and what they understand.

Written from the standards and makers' manuals alone; nothing here is the product's.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from firmware_sim.checksums import modbus_crc, sdi12_crc, sl427_crc

Values = Mapping[str, tuple[float, int]]  # code: value and decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What one telegram is to say."""

    address: str
    values: Values
    event_ms: int
    utc_offset_s: float
    number: int  # counts telegrams

    @property
    def local(self) -> datetime:
        """The time as the instrument's clock shows it."""
        zone = timezone(timedelta(seconds=self.utc_offset_s))
        return datetime.fromtimestamp(self.event_ms / 1000, zone)


def _bcd(digits: int, size: int) -> bytes:
    return bytes.fromhex(f"{digits:0{2 * size}d}"[-2 * size :])


def sl651(words: Words) -> bytes:
    """A timed report (function 32): every element takes five bytes."""
    local = words.local
    body = (words.number % 0xFFFF + 1).to_bytes(2, "big") + bytes.fromhex(f"{local:%y%m%d%H%M%S}")
    body += (
        b"\xf1\xf1" + bytes.fromhex(words.address) + b"\x48\xf0\xf0" + bytes.fromhex(f"{local:%y%m%d%H%M}")
    )
    for code, (value, decimals) in words.values.items():
        digits = _bcd(round(abs(value) * 10**decimals), 5)
        body += (
            bytes.fromhex(code)
            + bytes((5 << 3 | decimals,))
            + (b"\xff" + digits[1:] if value < 0 else digits)
        )
    frame = b"\x7e\x7e\x01" + bytes.fromhex(words.address) + b"\x12\x34\x32"
    frame += len(body).to_bytes(2, "big") + b"\x02" + body + b"\x03"
    return frame + modbus_crc(frame).to_bytes(2, "big")


def sl427(words: Words) -> bytes:
    """A self-report of water levels (kind 2): four bytes each, then alarms and state, then the time."""
    data = b""
    for value, _ in words.values.values():
        text = f"{round(abs(value) * 1000):08d}"
        data += bytes.fromhex(("f" if value < 0 else "0") + text[1:])[::-1]
    user = bytes((0xB2,)) + bytes.fromhex(words.address) + b"\xc0" + data + bytes(4)
    user += bytes.fromhex(f"{words.local:%S%M%H%d%m%y}") + b"\0"
    return bytes((0x68, len(user), 0x68)) + user + bytes((sl427_crc(user), 0x16))


def nmea(words: Words) -> bytes:
    """Wind as MWV, everything else as XDR."""
    sentences = []
    wind = {code: value for code, (value, _) in words.values.items() if code.startswith("MWV.")}
    if wind:
        angle, speed = wind.get("MWV.angle-r", 0.0), wind.get("MWV.speed-r", 0.0)
        sentences.append(f"{words.address}MWV,{angle:05.1f},R,{speed:05.1f},M,A")
    others = [
        f"G,{value:.{decimals}f},,{code.removeprefix('XDR.')}"
        for code, (value, decimals) in words.values.items()
        if not code.startswith("MWV.")
    ]
    if others:
        sentences.append(f"{words.address}XDR,{','.join(others)}")
    framed = b""
    for sentence in sentences:
        check = 0
        for byte in sentence.encode():
            check ^= byte
        framed += f"${sentence}*{check:02X}\r\n".encode()
    return framed


_VAISALA_LETTERS = {"D": "D", "S": "M", "T": "C", "U": "P", "P": "H", "R": "M", "H": "M", "V": "V"}


def vaisala(words: Words) -> bytes:
    """The composite answer without a check."""
    fields = (
        f"{code}={value:.{decimals}f}{_VAISALA_LETTERS.get(code[0], '#')}"
        for code, (value, decimals) in words.values.items()
    )
    return f"{words.address}R0,{','.join(fields)}\r\n".encode()


_PLANTOWER = (
    "pm1-cf1",
    "pm25-cf1",
    "pm10-cf1",
    "pm1",
    "pm25",
    "pm10",
    "n03",
    "n05",
    "n1",
    "n25",
    "n5",
    "n10",
)


def plantower(words: Words) -> bytes:
    """A frame of thirteen words; what the scenario does not name is 1."""
    frame = b"BM\0\x1c"
    for name in _PLANTOWER:
        value, _ = words.values.get(name, (1.0, 0))
        frame += max(0, min(0xFFFF, round(value))).to_bytes(2, "big")
    frame += b"\x97\0"
    return frame + (sum(frame) & 0xFFFF).to_bytes(2, "big")


def sdi12_data(words: Words, *, crc: bool) -> bytes:
    """All values in one answer to D0."""
    text = words.address + "".join(f"{value:+.{decimals}f}" for value, decimals in words.values.values())
    return text.encode() + (sdi12_crc(text.encode()) if crc else b"") + b"\r\n"


TALKERS: Mapping[str, Callable[[Words], bytes]] = {
    "sl651": sl651,
    "sl427": sl427,
    "nmea": nmea,
    "vaisala": vaisala,
    "plantower": plantower,
}

_SL651_DOWN = re.compile(rb"\x7e\x7e(?P<station>.{5})..{2}(?P<function>.)(?P<length>[\x80-\x8f].)", re.DOTALL)
_SL427_DOWN = re.compile(rb"\x68(?P<length>.)\x68(?P<control>[\x00-\x7f])(?P<station>.{5})\xc0", re.DOTALL)


def confirmed(protocol: str, heard: bytes, address: str) -> bool:
    """Whether the centre has confirmed this station's report in what was heard."""
    match protocol:
        case "sl651":
            for found in _SL651_DOWN.finditer(heard):
                length = int.from_bytes(found["length"], "big") & 0xFFF
                frame = heard[found.start() : found.start() + 14 + length + 3]
                right = frame[:-2] and modbus_crc(frame[:-2]) == int.from_bytes(frame[-2:], "big")
                if right and found["station"].hex() == address.lower():
                    return frame[-3] in b"\x04\x1b"
        case "sl427":
            for found in _SL427_DOWN.finditer(heard):
                user = heard[found.start() + 3 : found.start() + 3 + found["length"][0]]
                check = heard[found.start() + 3 + len(user) : found.start() + 5 + len(user)]
                if check == bytes((sl427_crc(user), 0x16)) and found["station"].hex() == address.lower():
                    return True
    return False
