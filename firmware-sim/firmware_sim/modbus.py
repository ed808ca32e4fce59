"""Modbus requests and answers as bytes (Modbus Application Protocol 1.1b3), the server's side."""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_sim.checksums import modbus_crc
from firmware_sim.errors import ModbusRefusalError
from firmware_sim.scenario import Table

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
TARGET_SILENT = 11

READ_TABLES: dict[int, Table] = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
WRITE_SINGLE: dict[int, Table] = {5: "coil", 6: "holding"}
WRITE_MANY: dict[int, Table] = {15: "coil", 16: "holding"}

_MAX_READ = {1: 2000, 2: 2000, 3: 125, 4: 125}
_MAX_WRITE = {15: 1968, 16: 123}
_BITS_FROM_FUNCTION = {1, 2}
_ON = 0xFF00
_ADDRESSES = 1 << 16
_FIXED_BODY = 5  # function, address, count or value
_MANY_HEAD = 6  # function, address, count, byte count
_RTU_OVERHEAD = 3  # unit before, CRC behind
_RTU_SHORTEST = 4
_RTU_LONGEST = 256
_ASCII_SHORTEST, _ASCII_LONGEST = 2, 513


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A request for a block of one table."""

    function: int
    table: Table
    addr: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A request to keep words (bits as 0 and 1) in one table."""

    function: int
    table: Table
    addr: int
    words: tuple[int, ...]
    echo: bytes  # what the answer repeats


def parse_request(pdu: bytes) -> Read | Write:
    """Read a request's protocol data unit.

    Raises:
        ModbusRefusalError: Function unknown (1), range beyond 65535 (2), or a count that contradicts
            itself or the standard's limits (3).
    """
    function = pdu[0]
    if function not in READ_TABLES | WRITE_SINGLE | WRITE_MANY:
        raise ModbusRefusalError(ILLEGAL_FUNCTION)
    if len(pdu) < _FIXED_BODY:
        raise ModbusRefusalError(ILLEGAL_VALUE)
    addr, number = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
    if function in WRITE_SINGLE:
        return _parse_single(function, addr, number, pdu)
    limit = _MAX_READ[function] if function in READ_TABLES else _MAX_WRITE[function]
    if not 1 <= number <= limit:
        raise ModbusRefusalError(ILLEGAL_VALUE)
    if addr + number > _ADDRESSES:
        raise ModbusRefusalError(ILLEGAL_ADDRESS)
    if function in WRITE_MANY:
        return _parse_many(function, addr, number, pdu)
    if len(pdu) != _FIXED_BODY:
        raise ModbusRefusalError(ILLEGAL_VALUE)
    return Read(function=function, table=READ_TABLES[function], addr=addr, count=number)


def _parse_single(function: int, addr: int, number: int, pdu: bytes) -> Write:
    table = WRITE_SINGLE[function]
    if len(pdu) != _FIXED_BODY or (table == "coil" and number not in (0, _ON)):
        raise ModbusRefusalError(ILLEGAL_VALUE)
    word = int(number == _ON) if table == "coil" else number
    return Write(function=function, table=table, addr=addr, words=(word,), echo=pdu)


def _parse_many(function: int, addr: int, count: int, pdu: bytes) -> Write:
    table = WRITE_MANY[function]
    data = pdu[_MANY_HEAD:]
    size = (count + 7) // 8 if table == "coil" else count * 2
    if len(pdu) < _MANY_HEAD or pdu[_MANY_HEAD - 1] != size or len(data) != size:
        raise ModbusRefusalError(ILLEGAL_VALUE)
    if table == "coil":
        words = tuple(data[index // 8] >> (index % 8) & 1 for index in range(count))
    else:
        words = tuple(int.from_bytes(data[index : index + 2], "big") for index in range(0, size, 2))
    return Write(function=function, table=table, addr=addr, words=words, echo=pdu[:_FIXED_BODY])


def read_answer(function: int, words: Sequence[int]) -> bytes:
    """Return the answer's protocol data unit for a block of words or bits."""
    if function in _BITS_FROM_FUNCTION:
        data = bytearray((len(words) + 7) // 8)
        for index, bit in enumerate(words):
            data[index // 8] |= bit << (index % 8)
    else:
        data = bytearray(b"".join(word.to_bytes(2, "big") for word in words))
    return bytes((function, len(data))) + data


def exception_answer(function: int, code: int) -> bytes:
    """Return the protocol data unit of an exception."""
    return bytes((function | 0x80, code))


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """Wrap a protocol data unit for a serial line."""
    body = bytes((unit,)) + pdu
    return body + modbus_crc(body).to_bytes(2, "little")


def ascii_frame(unit: int, pdu: bytes) -> bytes:
    """Wrap a protocol data unit for a serial line with Modbus ASCII."""
    body = bytes((unit,)) + pdu
    check = -sum(body) & 0xFF
    return b":" + (body + bytes((check,))).hex().upper().encode() + b"\r\n"


def tcp_frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """Wrap a protocol data unit for TCP."""
    return b"".join(
        (transaction.to_bytes(2, "big"), b"\0\0", (len(pdu) + 1).to_bytes(2, "big"), bytes((unit,)), pdu)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request frame found on a serial line."""

    unit: int
    pdu: bytes


class RequestScanner:
    """Finds request frames in what a master sends on a shared line.

    A frame is known by its length and CRC wherever it begins, so the rest of a request that a
    dying master left on the line costs nothing. Frames of functions we do not know have no
    known length: they are known by the silence behind them.
    """

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Request]:
        """Take bytes and return the frames they complete."""
        self._buffer += data
        found: list[Request] = []
        start = 0
        while start + _RTU_SHORTEST <= len(self._buffer):
            size = _request_size(self._buffer[start:])
            frame = self._buffer[start : start + size] if size else b""
            if size and len(frame) == size and _crc_holds(frame):
                found.append(Request(unit=frame[0], pdu=frame[1:-2]))
                self._buffer = self._buffer[start + size :]
                start = 0
            else:
                start += 1
        self._buffer = self._buffer[-_RTU_LONGEST:]
        return found

    def silence(self) -> list[Request]:
        """Take a silence: what is left is one frame or nothing."""
        frame, self._buffer = self._buffer, b""
        if len(frame) >= _RTU_SHORTEST and _crc_holds(frame):
            return [Request(unit=frame[0], pdu=frame[1:-2])]
        return []

    @property
    def waiting(self) -> bool:
        """Whether bytes of an unfinished frame are there."""
        return bool(self._buffer)


class AsciiScanner:
    """Finds Modbus ASCII requests: from a colon to CR LF, whatever stands between them."""

    waiting = False  # a silence says nothing: frames have marks

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Request]:
        """Take bytes and return the frames they complete."""
        self._buffer += data
        found: list[Request] = []
        while b"\r\n" in self._buffer:
            piece, _, self._buffer = self._buffer.partition(b"\r\n")
            try:
                frame = bytes.fromhex(piece.rpartition(b":")[2].decode("ascii"))
            except ValueError:
                continue
            if len(frame) > _ASCII_SHORTEST and sum(frame) % 256 == 0:
                found.append(Request(unit=frame[0], pdu=frame[1:-1]))
        self._buffer = self._buffer[-_ASCII_LONGEST:]
        return found

    def silence(self) -> list[Request]:
        """Take a silence."""
        return []


def _crc_holds(frame: bytes) -> bool:
    return modbus_crc(frame[:-2]) == int.from_bytes(frame[-2:], "little")


def _request_size(data: bytes) -> int | None:
    """Bytes of the request frame that begins here, as far as its head tells."""
    function = data[1]
    if function in READ_TABLES or function in WRITE_SINGLE:
        return _FIXED_BODY + _RTU_OVERHEAD
    if function in WRITE_MANY and len(data) > _MANY_HEAD:
        return _MANY_HEAD + data[_MANY_HEAD] + _RTU_OVERHEAD
    return None
