"""Encoders for the tests, written from the standards and sharing nothing with what they test."""

from collections.abc import Mapping, Sequence
from datetime import datetime


def bits_crc(data: bytes, *, polynomial: int, start: int) -> int:
    """A 16-bit CRC, lowest bit first, bit by bit as the standards draw it."""
    register = start
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ polynomial if register & 1 else register >> 1
    return register


def bits_crc8(data: bytes) -> int:
    """SL/T 427: x7 + x6 + x5 + x2 + 1, highest bit first, by long division."""
    register = 0
    for byte in data:
        for bit in range(7, -1, -1):
            top = register >> 7 & 1
            register = register << 1 & 0xFF
            if top ^ (byte >> bit & 1):
                register ^= 0xE5
    return register


def bcd(digits: int, size: int) -> bytes:
    return bytes.fromhex(f"{digits:0{2 * size}d}")


# SL 651 -----------------------------------------------------------------------------------------------


def sl651_element(leader: str, value: float, size: int, decimals: int) -> bytes:
    """Identifier, definition, digits; FF before the digits of a negative number."""
    digits = round(abs(value) * 10**decimals)
    body = b"\xff" + bcd(digits, size - 1) if value < 0 else bcd(digits, size)
    return bytes.fromhex(leader) + bytes((size * 8 + decimals,)) + body


def sl651_body(
    serial: int, sent: datetime, station: str, observed: datetime, elements: bytes, *, kind: int = 0x48
) -> bytes:
    return b"".join(
        (
            serial.to_bytes(2, "big"),
            bytes.fromhex(f"{sent:%y%m%d%H%M%S}"),
            b"\xf1\xf1" + bytes.fromhex(station) + bytes((kind,)),
            b"\xf0\xf0" + bytes.fromhex(f"{observed:%y%m%d%H%M}"),
            elements,
        )
    )


def sl651_up(station: str, function: int, body: bytes, *, end: int = 0x03, centre: int = 1) -> bytes:
    """Table 20: an uplink in one frame."""
    head = b"\x7e\x7e" + bytes((centre,)) + bytes.fromhex(station) + b"\x12\x34" + bytes((function,))
    whole = head + len(body).to_bytes(2, "big") + b"\x02" + body + bytes((end,))
    return whole + bits_crc(whole, polynomial=0xA001, start=0xFFFF).to_bytes(2, "big")


def sl651_packets(station: str, function: int, bodies: Sequence[bytes], *, centre: int = 1) -> list[bytes]:
    """Table 22: one message in several frames."""
    frames = []
    for number, part in enumerate(bodies, start=1):
        body = bytes.fromhex(f"{len(bodies):03x}{number:03x}") + part
        head = b"\x7e\x7e" + bytes((centre,)) + bytes.fromhex(station) + b"\x12\x34" + bytes((function,))
        end = b"\x03" if number == len(bodies) else b"\x17"
        whole = head + len(body).to_bytes(2, "big") + b"\x16" + body + end
        frames.append(whole + bits_crc(whole, polynomial=0xA001, start=0xFFFF).to_bytes(2, "big"))
    return frames


# SL/T 427 ---------------------------------------------------------------------------------------------


def sl427_tag(at: datetime) -> bytes:
    return bytes.fromhex(f"{at:%S%M%H%d%m%y}") + b"\x00"


def sl427_up(station: str, kind: int, data: bytes, at: datetime, *, function: int = 0xC0) -> bytes:
    user = bytes((0x80 | 0x30 | kind,)) + bytes.fromhex(station) + bytes((function,)) + data + sl427_tag(at)
    return bytes((0x68, len(user), 0x68)) + user + bytes((bits_crc8(user), 0x16))


def sl427_digits(value: float, size: int, decimals: int, *, signed: bool = False) -> bytes:
    """Lowest byte first; F in the highest half-byte of a negative number."""
    text = f"{round(abs(value) * 10**decimals):0{2 * size}d}"
    if signed and value < 0:
        text = "f" + text[1:]
    return bytes.fromhex(text)[::-1]


# SDI-12, NMEA 0183, Vaisala, Plantower ----------------------------------------------------------------


def sdi12_answer(address: str, values: Sequence[str], *, crc: bool) -> bytes:
    text = (address + "".join(values)).encode()
    if crc:
        check = bits_crc(text, polynomial=0xA001, start=0)
        text += bytes((0x40 + (check >> 12), 0x40 + (check >> 6 & 63), 0x40 + (check & 63)))
    return text + b"\r\n"


def nmea_sentence(body: str) -> bytes:
    check = 0
    for char in body.encode():
        check ^= char
    return f"${body}*{check:02X}\r\n".encode()


def vaisala_answer(address: str, fields: Mapping[str, str], *, crc: bool = False) -> bytes:
    text = f"{address}{'r' if crc else 'R'}0," + ",".join(f"{name}={value}" for name, value in fields.items())
    data = text.encode()
    if crc:
        check = bits_crc(data, polynomial=0xA001, start=0)
        data += bytes((0x40 + (check >> 12), 0x40 + (check >> 6 & 63), 0x40 + (check & 63)))
    return data + b"\r\n"


def plantower_frame(words: Sequence[int]) -> bytes:
    body = (
        b"BM" + (2 * len(words) + 2).to_bytes(2, "big") + b"".join(word.to_bytes(2, "big") for word in words)
    )
    return body + (sum(body) % 0x10000).to_bytes(2, "big")


# HJ 212 -----------------------------------------------------------------------------------------------


def hj212_crc(data: bytes) -> int:
    """Annex A of HJ 212-2017, step by step."""
    register = 0xFFFF
    for byte in data:
        register = (register >> 8) ^ byte
        for _ in range(8):
            fell = register & 1
            register >>= 1
            if fell:
                register ^= 0xA001
    return register


def hj212_frame(segment: str) -> bytes:
    data = segment.encode()
    return b"##" + f"{len(data):04d}".encode() + data + f"{hj212_crc(data):04X}\r\n".encode()


# Modbus -----------------------------------------------------------------------------------------------


def modbus_rtu(unit: int, pdu: bytes) -> bytes:
    body = bytes((unit,)) + pdu
    return body + bits_crc(body, polynomial=0xA001, start=0xFFFF).to_bytes(2, "little")


def modbus_ascii(unit: int, pdu: bytes) -> bytes:
    body = bytes((unit,)) + pdu
    return b":" + (body + bytes(((256 - sum(body) % 256) % 256,))).hex().upper().encode() + b"\r\n"


def modbus_tcp(number: int, unit: int, pdu: bytes) -> bytes:
    return number.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,)) + pdu
