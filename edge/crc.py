"""The checks that several protocols share: pure."""

_POLYNOMIAL_16 = 0xA001  # x16 + x15 + x2 + 1, lowest bit first


def _table() -> tuple[int, ...]:
    table = []
    for low in range(256):
        register = low
        for _ in range(8):
            register = register >> 1 ^ (_POLYNOMIAL_16 if register & 1 else 0)
        table.append(register)
    return tuple(table)


_TABLE_16 = _table()


def crc16(data: bytes, start: int = 0xFFFF) -> int:
    """CRC-16 by the polynomial of Modbus; ``start`` is its first register, 0 for SDI-12."""
    register = start
    for byte in data:
        register = register >> 8 ^ _TABLE_16[(register ^ byte) & 0xFF]
    return register
