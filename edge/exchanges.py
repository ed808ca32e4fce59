"""One Modbus question and its answer, as a recorder on the line took them down: pure.

Everything that can be known of an answer is checked against its question: unit, function, address, count,
echoed data. Values are named by table and address on the wire, as in ``holding/289``.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from edge.crc import crc16
from edge.errors import ModbusPairError
from edge.telegram import Said, Telegram

_EXCEPTION = 0x80
_LEAST_RTU = 4  # unit, function, CRC
_MBAP_BYTES = 7
_ON, _OFF = 0xFF00, 0x0000
_REASONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target failed to respond",
}


class _Frame(NamedTuple):
    unit: int
    pdu: bytes


def decode_rtu(request: bytes, answer: bytes) -> Telegram:
    """Read a pair of RTU frames.

    Raises:
        ModbusPairError: One of them is none, or the answer is not to this request.
    """
    return _decode(_rtu(request, "request"), _rtu(answer, "answer"))


def decode_ascii(request: bytes, answer: bytes) -> Telegram:
    """Read a pair of ASCII frames.

    Raises:
        ModbusPairError: One of them is none, or the answer is not to this request.
    """
    return _decode(_ascii(request, "request"), _ascii(answer, "answer"))


def decode_tcp(request: bytes, answer: bytes) -> Telegram:
    """Read a pair of Modbus/TCP frames.

    Raises:
        ModbusPairError: One of them is none, or the answer is not to this request.
    """
    asked, answered = _tcp(request, "request"), _tcp(answer, "answer")
    if request[:2] != answer[:2]:
        raise ModbusPairError(f"the answer is to request {answer[:2].hex()}, not {request[:2].hex()}", answer)
    return _decode(asked, answered)


def _rtu(raw: bytes, what: str) -> _Frame:
    if not raw:
        raise ModbusPairError(f"no {what}")
    if len(raw) < _LEAST_RTU:
        raise ModbusPairError(f"the {what} has {len(raw)} bytes, too few for a frame", raw)
    written, expected = raw[-2:], crc16(raw[:-2]).to_bytes(2, "little")
    if written != expected:
        raise ModbusPairError(f"CRC of the {what} is {written.hex()}, should be {expected.hex()}", raw)
    return _Frame(raw[0], raw[1:-2])


def _ascii(raw: bytes, what: str) -> _Frame:
    if not raw:
        raise ModbusPairError(f"no {what}")
    text = raw.strip(b"\r\n")
    try:
        data = bytes.fromhex(text[1:].decode("ascii"))
    except ValueError as exc:
        raise ModbusPairError(f"the {what} is not hexadecimal", raw) from exc
    if text[:1] != b":" or len(data) < _LEAST_RTU - 1:
        raise ModbusPairError(f"the {what} does not begin with a colon, or is too short", raw)
    written, expected = data[-1], -sum(data[:-1]) & 0xFF
    if written != expected:
        raise ModbusPairError(f"LRC of the {what} is {written:02X}, should be {expected:02X}", raw)
    return _Frame(data[0], data[1:-1])


def _tcp(raw: bytes, what: str) -> _Frame:
    if len(raw) <= _MBAP_BYTES:
        raise ModbusPairError(f"the {what} has {len(raw)} bytes, too few for a frame", raw)
    if raw[2:4] != b"\x00\x00":
        raise ModbusPairError(f"the {what} is of protocol {raw[2:4].hex()}, not 0000", raw)
    declared, there = int.from_bytes(raw[4:6], "big"), len(raw) - _MBAP_BYTES + 1
    if declared != there:
        raise ModbusPairError(f"the {what} declares {declared} bytes, has {there}", raw)
    return _Frame(raw[_MBAP_BYTES - 1], raw[_MBAP_BYTES:])


def _decode(asked: _Frame, answered: _Frame) -> Telegram:
    if asked.unit != answered.unit:
        raise ModbusPairError(
            f"the answer is of unit {answered.unit}, asked was unit {asked.unit}", answered.pdu
        )
    function = asked.pdu[0]
    reader = _FUNCTIONS.get(function)
    if reader is None:
        raise ModbusPairError(f"function {function} is not known", asked.pdu)
    if answered.pdu[0] == function | _EXCEPTION:
        said = _refused(function, asked.pdu, answered.pdu)
    elif answered.pdu[0] == function:
        said = reader(asked.pdu, answered.pdu)
    else:
        raise ModbusPairError(
            f"the answer is of function {answered.pdu[0]}, asked was function {function}", answered.pdu
        )
    return Telegram(station=str(asked.unit), at=None, said=tuple(said))


def _refused(function: int, asked: bytes, answered: bytes) -> list[Said]:
    """An exception: what was asked for has no value, and the unit says why."""
    if len(answered) != 2:  # noqa: PLR2004  (function and code)
        raise ModbusPairError(f"an exception of {len(answered)} bytes, not 2", answered)
    code = answered[1]
    reason = _REASONS.get(code, "unknown")
    table = _TABLES.get(function, f"function-{function}")
    address = f"/{_word(asked, 1)}" if len(asked) >= 3 else ""  # noqa: PLR2004  (function and address)
    return [Said(f"{table}{address}", None, None, f"exception {code}: {reason}")]


def _word(pdu: bytes, at: int) -> int:
    return int.from_bytes(pdu[at : at + 2], "big")


def _need(pdu: bytes, length: int, what: str) -> None:
    if len(pdu) != length:
        raise ModbusPairError(f"the {what} has {len(pdu)} bytes behind its unit, not {length}", pdu)


def _counted(answered: bytes, wanted: int) -> bytes:
    """The data behind a byte count that is what was asked for."""
    count = answered[1] if len(answered) > 1 else 0
    if count != wanted:
        raise ModbusPairError(f"the answer declares {count} data bytes, asked were {wanted}", answered)
    _need(answered, 2 + wanted, "answer")
    return answered[2:]


def _same(asked: bytes, answered: bytes, length: int) -> None:
    """An answer that repeats the beginning of its request."""
    _need(answered, length, "answer")
    if answered != asked[:length]:
        raise ModbusPairError(
            f"the answer confirms {answered[1:].hex()}, asked was {asked[1:length].hex()}", answered
        )


def _bits(table: str, address: int, data: bytes, count: int) -> list[Said]:
    return [
        Said(f"{table}/{address + place}", float(data[place >> 3] >> (place & 7) & 1))
        for place in range(count)
    ]


def _words(table: str, address: int, data: bytes) -> list[Said]:
    return [
        Said(f"{table}/{address + place}", float(_word(data, 2 * place))) for place in range(len(data) // 2)
    ]


def _read_bits(asked: bytes, answered: bytes) -> list[Said]:
    _need(asked, 5, "request")
    count = _word(asked, 3)
    data = _counted(answered, (count + 7) // 8)
    return _bits(_TABLES[asked[0]], _word(asked, 1), data, count)


def _read_words(asked: bytes, answered: bytes) -> list[Said]:
    _need(asked, 5, "request")
    return _words(_TABLES[asked[0]], _word(asked, 1), _counted(answered, 2 * _word(asked, 3)))


def _write_bit(asked: bytes, answered: bytes) -> list[Said]:
    _need(asked, 5, "request")
    _same(asked, answered, 5)
    if _word(asked, 3) not in {_ON, _OFF}:
        raise ModbusPairError(f"{_word(asked, 3):04X} is neither on nor off", asked)
    return [Said(f"coil/{_word(asked, 1)}", float(_word(asked, 3) == _ON))]


def _write_word(asked: bytes, answered: bytes) -> list[Said]:
    _need(asked, 5, "request")
    _same(asked, answered, 5)
    return _words("holding", _word(asked, 1), asked[3:])


def _written(asked: bytes, answered: bytes, wanted: int) -> bytes:
    count = asked[5] if len(asked) > 5 else 0  # noqa: PLR2004  (function, address, count, bytes)
    if count != wanted:
        raise ModbusPairError(f"the request declares {count} data bytes, its count needs {wanted}", asked)
    _need(asked, 6 + wanted, "request")
    _same(asked, answered, 5)
    return asked[6:]


def _write_bits(asked: bytes, answered: bytes) -> list[Said]:
    count = _word(asked, 3)
    return _bits("coil", _word(asked, 1), _written(asked, answered, (count + 7) // 8), count)


def _write_words(asked: bytes, answered: bytes) -> list[Said]:
    return _words("holding", _word(asked, 1), _written(asked, answered, 2 * _word(asked, 3)))


def _read_status(asked: bytes, answered: bytes) -> list[Said]:
    _need(asked, 1, "request")
    _need(answered, 2, "answer")
    return [Said("exception-status", float(answered[1]))]


def _diagnose(asked: bytes, answered: bytes) -> list[Said]:
    if len(asked) < 5 or len(answered) < 5 or asked[1:3] != answered[1:3]:  # noqa: PLR2004
        raise ModbusPairError("the answer is to another diagnosis", answered)
    return [Said(f"diagnostic/{_word(asked, 1)}", float(_word(answered, 3)))]


def _identify(asked: bytes, answered: bytes) -> list[Said]:
    _need(asked, 1, "request")
    _counted(answered, len(answered) - 2)
    return []


def _read_files(asked: bytes, answered: bytes) -> list[Said]:
    for pdu, what in ((asked, "request"), (answered, "answer")):
        declared = pdu[1] if len(pdu) > 1 else 0
        _need(pdu, 2 + declared, what)
    return []


def _write_files(asked: bytes, answered: bytes) -> list[Said]:
    _read_files(asked, answered)
    _same(asked, answered, len(asked))
    return []


def _mask_word(asked: bytes, answered: bytes) -> list[Said]:
    _need(asked, 7, "request")
    _same(asked, answered, 7)
    return []  # what stands in the register now, nobody says


def _exchange_words(asked: bytes, answered: bytes) -> list[Said]:
    declared = asked[9] if len(asked) > 9 else 0  # noqa: PLR2004  (two blocks' addresses and counts)
    _need(asked, 10 + declared, "request")
    return _words("holding", _word(asked, 1), _counted(answered, 2 * _word(asked, 3)))


def _read_queue(asked: bytes, answered: bytes) -> list[Said]:
    _need(asked, 3, "request")
    count = _word(answered, 3) if len(answered) >= 5 else 0  # noqa: PLR2004  (function, bytes, count)
    _need(answered, 5 + 2 * count, "answer")
    if _word(answered, 1) != 2 + 2 * count:
        raise ModbusPairError(f"declares {_word(answered, 1)} bytes for {count} words", answered)
    return [
        Said(f"queue-{_word(asked, 1)}/{place}", float(_word(answered, 5 + 2 * place)))
        for place in range(count)
    ]


def _transport(asked: bytes, answered: bytes) -> list[Said]:
    if len(asked) < 2 or asked[1:2] != answered[1:2]:  # noqa: PLR2004  (function and interface)
        raise ModbusPairError("the answer is of another interface", answered)
    return []


_TABLES: Mapping[int, str] = {
    1: "coil",
    2: "discrete",
    3: "holding",
    4: "input",
    5: "coil",
    6: "holding",
    15: "coil",
    16: "holding",
    22: "holding",
    23: "holding",
}
_FUNCTIONS: Mapping[int, Callable[[bytes, bytes], list[Said]]] = {
    1: _read_bits,
    2: _read_bits,
    3: _read_words,
    4: _read_words,
    5: _write_bit,
    6: _write_word,
    7: _read_status,
    8: _diagnose,
    15: _write_bits,
    16: _write_words,
    17: _identify,
    20: _read_files,
    21: _write_files,
    22: _mask_word,
    23: _exchange_words,
    24: _read_queue,
    43: _transport,
}
