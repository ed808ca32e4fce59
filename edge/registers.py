"""Register blocks to numbers and texts: pure, in the order of bytes that each maker chose."""

import struct
from collections.abc import Callable, Mapping, Sequence
from math import isclose, isfinite

from district.inventory import RegisterSource, ScaleSource
from district.register import BIT_TABLES, ByteOrder, RegisterType, raw_range
from transport.measurement import Quality

Decoded = tuple[float | None, Quality]
Raw = int | float

_FLOATS = {"f16": struct.Struct(">e"), "f32": struct.Struct(">f"), "f64": struct.Struct(">d")}
_SIGNIFICANT = {"f16": range(3, 6), "f32": range(6, 9)}  # digits that may suffice to tell two of them apart
_SWAPPED_BYTES = {"BADC", "DCBA"}
_SWAPPED_WORDS = {"CDAB", "DCBA"}
_LETTERS = "ABCDEFGH"
_LONGEST_EXPONENT = 30  # an instrument that says more is not set up
_PADDING = "\0 \xff"


class Decoder:
    """The value of one point in the data bytes of an answer, prepared once."""

    def __init__(self, source: RegisterSource) -> None:
        self._source = source
        self._read = raw_reader(source)
        self._nothing = _as_raws(source.type, source.no_value)
        self._plain = source.scale == 1.0 and source.offset == 0.0

    def decode(self, data: bytes, start: int, factor: float = 1.0) -> Decoded:
        """The value in its unit, or none and why.

        Args:
            data: The data bytes of one answer: registers, each high byte first; or bits, lowest first.
            start: The register (or bit) of the answer with which the point begins.
            factor: What other registers of the device say that it is to be multiplied by.
        """
        raw = self._read(data, start)
        if raw is None:
            return None, Quality.INVALID
        if not isfinite(raw) or raw in self._nothing:
            return None, Quality.SENTINEL
        source = self._source
        value = (
            float(raw)
            if self._plain and factor == 1.0
            else apply_scale(raw, source.scale * factor, source.offset)
        )
        if not isfinite(value):
            return None, Quality.INVALID
        if source.enum and raw not in source.enum:
            return value, Quality.INVALID
        return value, Quality.GOOD


def raw_reader(source: RegisterSource | ScaleSource) -> Callable[[bytes, int], Raw | None]:
    """How to read the raw number of a source; it gives none for digits that are none."""
    bits = source.bits if isinstance(source, RegisterSource) else None
    if source.table in BIT_TABLES:
        return lambda data, start: data[start >> 3] >> (start & 7) & 1
    size, order, type_ = 2 * source.words, source.order, source.type
    high_byte = isinstance(source, RegisterSource) and source.byte == "high"

    def read(data: bytes, start: int) -> Raw | None:
        raw = data[2 * start : 2 * start + size]
        if order != "ABCD":
            raw = to_standard_order(raw, order)
        if type_ in {"u8", "i8"}:
            raw = raw[:1] if high_byte else raw[1:]
        number = read_number(type_, raw)
        if bits is not None and isinstance(number, int):
            return number >> bits[0] & (1 << bits[1] - bits[0] + 1) - 1
        return number

    return read


def read_number(type_: RegisterType, raw: bytes) -> Raw | None:
    """The number that these bytes, most significant first, are in a type; none if it cannot be one."""
    if type_ in _FLOATS:
        (value,) = _FLOATS[type_].unpack(raw)
        number: float = value
        return number if type_ == "f64" or not isfinite(number) else shortest_decimal(type_, number)
    if type_.startswith("bcd"):
        digits = raw.hex()
        return int(digits) if digits.isdecimal() else None
    return int.from_bytes(raw, "big", signed=type_.startswith("i"))


def read_text(source: RegisterSource, data: bytes, start: int) -> str:
    """The text of a string, without what pads it."""
    raw = to_standard_order(data[2 * start : 2 * (start + source.words)], source.order)
    return raw.decode("utf-8" if _is_utf8(raw) else "latin-1").strip(_PADDING).partition("\0")[0]


def scale_factor(sources: Sequence[ScaleSource], raws: Sequence[Raw | None]) -> float | None:
    """What the registers that say the scale multiply to; none if one of them says nothing known."""
    factor = 1.0
    for source, raw in zip(sources, raws, strict=True):
        said = None if raw is None else _said(source, raw)
        if said is None:
            return None
        factor *= said
    return factor


def _said(source: ScaleSource, raw: Raw) -> float | None:
    if isinstance(source.says, Mapping):
        return source.says.get(int(raw))
    if source.says == "factor":
        return raw if isfinite(raw) and raw != 0 else None
    if not abs(raw) <= _LONGEST_EXPONENT:
        return None
    power = int(raw) if source.says == "exponent" else -int(raw)
    return float(f"1e{power}")


def to_standard_order(raw: bytes, order: ByteOrder) -> bytes:
    """The bytes of one value with the most significant first.

    Four letters say how bytes lie in a register and how registers lie, whatever the length; eight letters
    say it byte by byte.
    """
    if len(order) == len(_LETTERS):
        return bytes(raw[order.index(letter)] for letter in _LETTERS)
    words = [raw[i : i + 2] for i in range(0, len(raw), 2)]
    if order in _SWAPPED_BYTES:
        words = [word[::-1] for word in words]
    if order in _SWAPPED_WORDS:
        words.reverse()
    return b"".join(words)


def apply_scale(raw: float, scale: float, offset: float) -> float:
    """``raw x scale + offset``; a scale such as 0.1 divides by 10, so that 3 gives 0.3 exactly."""
    if 0 < abs(scale) < 1:
        divisor = round(1 / scale)
        value = raw / divisor if isclose(divisor * scale, 1.0, rel_tol=1e-12) else raw * scale
    else:
        value = raw * scale
    return value + offset


def shortest_decimal(type_: RegisterType, value: float) -> float:
    """The shortest decimal that the 16 or 32 bits stand for.

    An instrument that shows 0.9 sends the single nearest to it, 0.89999998; compared as it is with a limit
    of 0.9 it would not reach it.
    """
    code = _FLOATS[type_]
    packed = code.pack(value)
    for digits in _SIGNIFICANT[type_]:
        candidate = float(f"{value:.{digits}g}")
        try:
            if code.pack(candidate) == packed:
                return candidate
        except OverflowError:  # rounded up past the largest
            continue
    return float(f"{value:.9g}")


def _as_raws(type_: RegisterType, numbers: frozenset[float]) -> frozenset[float]:
    """The raw numbers that say "no value": of a signed type people may write 0x8000 for -32768."""
    whole = raw_range(type_)
    if whole is None or whole[0] == 0:
        return numbers
    span = whole[1] - whole[0] + 1
    return numbers | {number - span for number in numbers if number > whole[1]}


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
