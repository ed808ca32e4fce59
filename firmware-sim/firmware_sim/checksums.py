"""The two sixteen-bit checks of the simulated protocols.

They share a polynomial and differ in the order of work, so they are not the same.
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
