"""The checks of the simulated protocols.

The sixteen-bit ones share a polynomial and differ in their start or in the order of work: none is another.
"""

_POLY = 0xA001


def _shift_byte(reg: int) -> int:
    for _ in range(8):
        reg = (reg >> 1) ^ _POLY if reg & 1 else reg >> 1
    return reg


_TABLE = tuple(_shift_byte(byte) for byte in range(256))


def modbus_crc(data: bytes) -> int:
    """CRC-16/MODBUS of ``data``; on the wire the low byte goes first."""
    reg = 0xFFFF
    for byte in data:
        reg = (reg >> 8) ^ _TABLE[(reg ^ byte) & 0xFF]
    return reg


def hj212_crc(segment: bytes) -> int:
    """CRC of a data segment by HJ 212-2017 Annex A.

    The register's high byte alone is exclusive-ored with the data byte, and its low
    byte is thrown away: this is not CRC-16/MODBUS.
    """
    reg = 0xFFFF
    for byte in segment:
        reg = _shift_byte((reg >> 8) ^ byte)
    return reg


def sdi12_crc(data: bytes) -> bytes:
    """The three characters after an SDI-12 answer: six bits each, above 40 hexadecimal."""
    reg = 0
    for byte in data:
        reg = (reg >> 8) ^ _TABLE[(reg ^ byte) & 0xFF]
    return bytes((0x40 | reg >> 12, 0x40 | (reg >> 6 & 0x3F), 0x40 | (reg & 0x3F)))


def sl427_crc(user: bytes) -> int:
    """CRC-8 of SL/T 427's user data: x7 + x6 + x5 + x2 + 1, highest bit first, from 0."""
    reg = 0
    for byte in user:
        reg ^= byte
        for _ in range(8):
            reg = (reg << 1 ^ 0xE5 if reg & 0x80 else reg << 1) & 0xFF
    return reg
