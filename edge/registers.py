"""Register blocks to numbers: pure, in the order of bytes that each maker chose."""

import struct
from math import isclose, isfinite

from district.inventory import RegisterSource

_FORMATS = {
    "u16": ">H",
    "i16": ">h",
    "u32": ">I",
    "i32": ">i",
    "f32": ">f",
    "u64": ">Q",
    "i64": ">q",
    "f64": ">d",
}
_DECODERS = {name: struct.Struct(code) for name, code in _FORMATS.items()}
_SINGLE = _DECODERS["f32"]
_SWAPPED_BYTES = {"BADC", "DCBA"}
_SWAPPED_WORDS = {"CDAB", "DCBA"}
_EXACT_DIGITS = range(6, 9)  # nine significant digits tell any two singles apart


def decode_register(source: RegisterSource, data: bytes, start: int) -> float | None:
    """The value of one point, in its unit.

    Args:
        source: Where the point lies and what its bytes mean.
        data: The data bytes of one answer: registers, each high byte first; or bits, lowest first.
        start: The register (or bit) of the answer with which the point begins.

    Returns:
        The value, or none where the instrument says that it has none (not a number, infinite).
    """
    if source.type == "bool":
        return float(data[start >> 3] >> (start & 7) & 1)
    decoder = _DECODERS[source.type]
    raw = data[2 * start : 2 * start + decoder.size]
    if source.order != "ABCD":
        raw = to_standard_order(raw, source.order)
    (value,) = decoder.unpack(raw)
    if not isfinite(value):
        return None
    if source.type == "f32":
        value = shortest_single(value)
    scaled = apply_scale(value, source.scale, source.offset)
    return scaled if isfinite(scaled) else None


def to_standard_order(raw: bytes, order: str) -> bytes:
    """The bytes of one value with the most significant first."""
    words = [raw[i : i + 2] for i in range(0, len(raw), 2)]
    if order in _SWAPPED_BYTES:
        words = [word[::-1] for word in words]
    if order in _SWAPPED_WORDS:
        words.reverse()
    return b"".join(words)


def apply_scale(raw: float, scale: float, offset: float) -> float:
    """``raw x scale + offset``; a scale such as 0.1 divides by 10, so that 3 gives 0.3 exactly."""
    if abs(scale) < 1:
        divisor = round(1 / scale)
        value = raw / divisor if isclose(divisor * scale, 1.0, rel_tol=1e-12) else raw * scale
    else:
        value = raw * scale
    return value + offset


def shortest_single(value: float) -> float:
    """The shortest decimal that the 32 bits stand for.

    An instrument that shows 0.9 sends the single nearest to it, 0.89999998; compared as it is with a limit
    of 0.9 it would not reach it.
    """
    packed = _SINGLE.pack(value)
    for digits in _EXACT_DIGITS:
        candidate = float(f"{value:.{digits}g}")
        try:
            if _SINGLE.pack(candidate) == packed:
                return candidate
        except OverflowError:  # rounded up past the largest single
            continue
    return float(f"{value:.9g}")
