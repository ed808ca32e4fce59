"""Requests to bytes and bytes to answers, by pymodbus's PDUs and framers: pure.

An answer is found by all that is known of it (unit, function, byte count, check), anywhere in what was
heard, so that noise and other units' frames before it are passed over.
"""

from dataclasses import dataclass
from typing import Protocol

from pymodbus.framer import FramerAscii, FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest, WriteSingleCoilRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from district.bustime import ascii_chars, data_bytes
from district.register import Table

_REQUESTS: dict[Table, type[ModbusPDU]] = {
    "coil": ReadCoilsRequest,
    "discrete": ReadDiscreteInputsRequest,
    "holding": ReadHoldingRegistersRequest,
    "input": ReadInputRegistersRequest,
}
_EXCEPTION = 0x80
_RTU_EXCEPTION_BYTES = 5
_RTU_FRAME_BYTES = 4  # unit, function, CRC
_MBAP_BYTES = 7
_REFUSAL = 3  # unit, function, code
_ASCII_START, _ASCII_END = b":", b"\r\n"
_LENGTHS = range(3, 255)  # of an MBAP frame from its unit on


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """A block of one table of one unit."""

    device_id: str
    unit: int
    table: Table
    address: int
    count: int
    rest_s: float = 0.0  # what the unit needs after its answer, beyond the rest that its bus keeps

    @property
    def function(self) -> int:
        """The function code."""
        return _REQUESTS[self.table].function_code

    @property
    def answer_head(self) -> bytes:
        """What stands before the data in a good answer: their number."""
        return bytes((self.data_bytes,))

    @property
    def data_bytes(self) -> int:
        """How many data bytes the answer carries."""
        return data_bytes(self.table, self.count)

    def pdu(self, number: int) -> ModbusPDU:
        """The request without its frame."""
        return _REQUESTS[self.table](
            dev_id=self.unit, transaction_id=number, address=self.address, count=self.count
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteCoil:
    """A coil of one unit, to be switched on or off; the answer repeats the request."""

    device_id: str
    unit: int
    address: int
    on: bool
    table: Table = "coil"
    rest_s: float = 0.0
    data_bytes: int = 0

    @property
    def function(self) -> int:
        """The function code."""
        return WriteSingleCoilRequest.function_code

    @property
    def answer_head(self) -> bytes:
        """Address and value, as they were sent."""
        return self.address.to_bytes(2, "big") + (b"\xff\0" if self.on else b"\0\0")

    def pdu(self, number: int) -> ModbusPDU:
        """The request without its frame."""
        return WriteSingleCoilRequest(
            dev_id=self.unit, transaction_id=number, address=self.address, bits=[self.on]
        )


Question = ReadRequest | WriteCoil


@dataclass(frozen=True, slots=True)
class Data:
    """The data bytes of a good answer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """The unit said no."""

    code: int


class GarbledError(Exception):
    """What was heard cannot be cut into frames; the stream is of no more use."""


class Framing(Protocol):
    """One way to put requests and answers on a wire."""

    numbered: bool  # whether an answer names its request, so that a late one cannot be mistaken

    def encode(self, request: Question, number: int) -> bytes:
        """The request as it is sent."""
        ...

    def find(self, heard: bytes, request: Question, number: int) -> Data | Refusal | None:
        """The answer to ``request`` in what was heard, if it is there.

        Raises:
            GarbledError: No answer can be found in this any more.
        """
        ...

    def answer_bytes(self, request: Question) -> int:
        """The length of a whole good answer."""
        ...


class RtuFraming:
    """Unit, function, data, CRC: nothing marks a frame's beginning, nothing says whose answer it is."""

    numbered = False

    def __init__(self) -> None:
        self._framer = FramerRTU(DecodePDU(is_server=False))

    def encode(self, request: Question, number: int) -> bytes:
        """The request with its CRC; RTU has no room for a number."""
        return self._framer.buildFrame(request.pdu(number))

    def find(self, heard: bytes, request: Question, number: int) -> Data | Refusal | None:
        """The first frame with the right unit, function, byte count and CRC."""
        del number
        good = bytes((request.unit, request.function)) + request.answer_head
        start = -1
        while (start := heard.find(good, start + 1)) >= 0:
            frame = heard[start : start + self.answer_bytes(request)]
            if len(frame) == self.answer_bytes(request) and crc_holds(frame):
                return Data(frame[len(good) : -2])
        bad = bytes((request.unit, request.function | _EXCEPTION))
        start = -1
        while (start := heard.find(bad, start + 1)) >= 0:
            frame = heard[start : start + _RTU_EXCEPTION_BYTES]
            if len(frame) == _RTU_EXCEPTION_BYTES and crc_holds(frame):
                return Refusal(frame[2])
        return None

    def answer_bytes(self, request: Question) -> int:
        """Frame, what stands before the data, and data."""
        return _RTU_FRAME_BYTES + len(request.answer_head) + request.data_bytes


class AsciiFraming:
    """A colon, two hexadecimal digits a byte, LRC, CR LF: a frame's ends are marked, its request is not."""

    numbered = False

    def __init__(self) -> None:
        self._framer = FramerAscii(DecodePDU(is_server=False))

    def encode(self, request: Question, number: int) -> bytes:
        """The request with its LRC; ASCII has no room for a number."""
        return self._framer.buildFrame(request.pdu(number))

    def find(self, heard: bytes, request: Question, number: int) -> Data | Refusal | None:
        """The first frame with the right unit, function, byte count and LRC."""
        del number
        good = bytes((request.unit, request.function)) + request.answer_head
        for piece in heard.split(_ASCII_START)[1:]:
            frame = _ascii_frame(piece)
            if frame.startswith(good) and len(frame) == len(good) + request.data_bytes:
                return Data(frame[len(good) :])
            if frame[:2] == bytes((request.unit, request.function | _EXCEPTION)) and len(frame) == _REFUSAL:
                return Refusal(frame[2])
        return None

    def answer_bytes(self, request: Question) -> int:
        """Marks, digits and data."""
        return ascii_chars(_RTU_FRAME_BYTES + len(request.answer_head) + request.data_bytes)


class TcpFraming:
    """The MBAP header: a length, and the number of the request that is answered."""

    numbered = True

    def __init__(self) -> None:
        self._framer = FramerSocket(DecodePDU(is_server=False))

    def encode(self, request: Question, number: int) -> bytes:
        """The request with its header."""
        return self._framer.buildFrame(request.pdu(number))

    def find(self, heard: bytes, request: Question, number: int) -> Data | Refusal | None:
        """The frame with this number; those with others are answers that came too late."""
        while len(heard) > _MBAP_BYTES:
            if heard[2:4] != b"\x00\x00" or int.from_bytes(heard[4:6], "big") not in _LENGTHS:
                raise GarbledError("no Modbus header where one must be")
            used, unit, answered, pdu = self._framer.decode(heard)
            if not used:
                return None
            heard = heard[used:]
            if (answered, unit) != (number, request.unit):
                continue
            if pdu[0] == request.function | _EXCEPTION:
                return Refusal(pdu[1])
            good = bytes((request.function,)) + request.answer_head
            if pdu.startswith(good) and len(pdu) == len(good) + request.data_bytes:
                return Data(pdu[len(good) :])
            raise GarbledError("an answer of another shape than asked for")
        return None

    def answer_bytes(self, request: Question) -> int:
        """Header, function, what stands before the data, and data."""
        return _MBAP_BYTES + 1 + len(request.answer_head) + request.data_bytes


def _ascii_frame(piece: bytes) -> bytes:
    """The bytes of what stands behind a colon, without its LRC; nothing if it is no whole frame."""
    digits, end, _ = piece.partition(_ASCII_END)
    try:
        frame = bytes.fromhex(digits.decode("ascii")) if end else b""
    except ValueError:  # UnicodeDecodeError is one
        return b""
    return frame[:-1] if frame and sum(frame) % 256 == 0 else b""


def crc_holds(frame: bytes) -> bool:
    """Whether the last two bytes are the check of those before them."""
    return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))
