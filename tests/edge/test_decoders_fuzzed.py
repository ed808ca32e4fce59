"""Whatever bytes come, a decoder answers with a telegram or with its own error.

``TOCSIN_SOAK=1`` runs a million inputs for each decoder; an ordinary run takes fewer.
"""

import os
import random
import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from edge import exchanges, lines, nmea, plantower, sdi12, vaisala
from edge.errors import (
    FrameError,
    Hj212Error,
    LineError,
    ModbusPairError,
    NmeaError,
    PlantowerError,
    Sdi12Error,
    Sl427Error,
    Sl651Error,
    VaisalaError,
)
from edge.hj212 import telegrams as hj212
from edge.sl427 import telegrams as sl427
from edge.sl651 import bodies as sl651
from tests.edge import encoders as by_the_book

INPUTS = 1_000_000 if os.environ.get("TOCSIN_SOAK") else 20_000
CHINA = ZoneInfo("Asia/Shanghai")
NOON = datetime(2018, 6, 3, 12, 0)  # noqa: DTZ001  (as stations say it)
LINE = lines.LineReader(re.compile(r"(?P<station>\w+) T=(?P<t>[-+.,\dEe]*) H=(?P<h>.*)"))
PRINTABLE = bytes(range(0x20, 0x7F))

Make = Callable[[random.Random], bytes]
Read = Callable[[bytes], object]


def noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(80))


def text(chance: random.Random) -> bytes:
    return bytes(chance.choices(PRINTABLE, k=chance.randrange(80)))


def sl651_frame(chance: random.Random) -> bytes:
    """A frame whose CRC and length hold around a body that may be anything."""
    elements = chance.randbytes(chance.randrange(60))
    body = by_the_book.sl651_body(1, NOON, "0011223344", NOON, elements)
    if chance.random() < 0.3:
        body = chance.randbytes(chance.randrange(40))
    return by_the_book.sl651_up("0011223344", chance.randrange(256), body)


def sl427_frame(chance: random.Random) -> bytes:
    user = bytes((chance.randrange(0x80, 0x100),)) + chance.randbytes(5)
    user += bytes((chance.choice((0xC0, 0x84, 0x81, 0xFF, 0x02)),)) + chance.randbytes(chance.randrange(40))
    if chance.random() < 0.5:
        user += by_the_book.sl427_tag(NOON)
    return bytes((0x68, len(user), 0x68)) + user + bytes((by_the_book.bits_crc8(user), 0x16))


def hj212_frame(chance: random.Random) -> bytes:
    words = [
        "DataTime=",
        "20180603120000",
        ";",
        ",",
        "a34004-Rtd=",
        "-Flag=N",
        "=",
        "&&",
        "PNUM=",
        "…",
        "1e999",
        "-",
    ]
    content = "".join(chance.choices(words, k=chance.randrange(12)))
    return by_the_book.hj212_frame(
        f"QN=20180603120000000;ST=22;CN=2011;MN=A1;Flag={chance.randrange(300)};CP=&&{content}&&"
    )


def nmea_sentence(chance: random.Random) -> bytes:
    name = chance.choice(["WIMDA", "IIMWV", "WIXDR", "IIMWD", "GPGGA", ""])
    fields = chance.choices(["", "1", "-1.5", "M", "A", "C", "x", "9" * 20, "R"], k=chance.randrange(22))
    return by_the_book.nmea_sentence(",".join([name, *fields]))


def vaisala_answer(chance: random.Random) -> bytes:
    names = ["Dn", "Sm", "Ta", "Pa", "Rc", "Vh", "Id", "Xx", "P"]
    fields = {
        name: f"{chance.uniform(-99, 99):.2f}{chance.choice('MDCHB#sVQ')}" for name in chance.sample(names, 4)
    }
    return by_the_book.vaisala_answer("0", fields, crc=chance.random() < 0.5)


def plantower_frame(chance: random.Random) -> bytes:
    return by_the_book.plantower_frame(
        [chance.randrange(0x10000) for _ in range(chance.choice((9, 13, 5, 0, 40)))]
    )


def sdi12_answer(chance: random.Random) -> bytes:
    values = chance.choices(
        ["+1", "-2.5", "+", "3", ".", "+.5", "+1.", "-" + "9" * 12], k=chance.randrange(6)
    )
    return by_the_book.sdi12_answer(chance.choice("0aZ?+"), values, crc=chance.random() < 0.5)


def line(chance: random.Random) -> bytes:
    return f"A T={chance.choice(['1', '-1,5', '1e999', '', '.'])} H={text(chance).decode()}".encode()


def modbus_pair(chance: random.Random) -> bytes:
    """A request and an answer, each with a right CRC, joined by how long the first is."""
    unit = chance.randrange(256)
    request = by_the_book.modbus_rtu(
        unit, bytes((chance.randrange(50),)) + chance.randbytes(chance.randrange(14))
    )
    answer = by_the_book.modbus_rtu(unit, request[1:2] + chance.randbytes(chance.randrange(14)))
    return bytes((len(request),)) + request + answer


def read_pair(data: bytes) -> object:
    cut = data[0] + 1 if data else 0
    return exchanges.decode_rtu(data[1:cut], data[cut:])


def read_tcp_pair(data: bytes) -> object:
    middle = len(data) // 2
    return exchanges.decode_tcp(data[:middle], data[middle:])


def tcp_pair(chance: random.Random) -> bytes:
    size = chance.randrange(2, 14)
    function = bytes((chance.randrange(50),))
    request = by_the_book.modbus_tcp(1, 1, function + chance.randbytes(size))
    return request + by_the_book.modbus_tcp(1, 1, function + chance.randbytes(size))


DECODERS: dict[str, tuple[type[FrameError], Read, Make]] = {
    "hj212": (Hj212Error, lambda data: hj212.decode(data, CHINA), hj212_frame),
    "sl651": (Sl651Error, lambda data: sl651.decode(data, CHINA), sl651_frame),
    "sl427": (Sl427Error, lambda data: sl427.decode(data, CHINA), sl427_frame),
    "sdi12": (Sdi12Error, sdi12.decode, sdi12_answer),
    "nmea": (NmeaError, nmea.decode, nmea_sentence),
    "vaisala": (VaisalaError, vaisala.decode, vaisala_answer),
    "plantower": (PlantowerError, plantower.decode, plantower_frame),
    "lines": (LineError, LINE.decode, line),
    "modbus-rtu": (ModbusPairError, read_pair, modbus_pair),
    "modbus-tcp": (ModbusPairError, read_tcp_pair, tcp_pair),
    "modbus-ascii": (
        ModbusPairError,
        lambda data: exchanges.decode_ascii(data[: len(data) // 2], data[len(data) // 2 :]),
        lambda chance: 2 * by_the_book.modbus_ascii(1, chance.randbytes(chance.randrange(1, 12))),
    ),
}


def spoilt(frame: bytes, chance: random.Random) -> bytes:
    """A frame with a few bytes changed, lost or added."""
    data = bytearray(frame)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(data) + 1)
        data[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    return bytes(data)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_raises_nothing_but_its_own_error(name: str) -> None:
    error, read, make = DECODERS[name]
    chance = random.Random(name)
    makers: list[Make] = [noise, text, make, make, lambda chance: spoilt(make(chance), chance)]
    understood = 0
    for _ in range(INPUTS):
        data = chance.choice(makers)(chance)
        try:
            read(data)
        except error:
            continue
        except Exception as exc:  # noqa: BLE001  (what must not happen)
            pytest.fail(f"{data.hex()}: {exc!r}")
        understood += 1
    assert understood  # the inputs reach behind the first check
