"""What a block of registers may mean: every type in every order, the plausible ones first. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, log10
from typing import get_args

from district.inventory import RegisterSource
from district.register import WORDS, ByteOrder, RegisterType
from edge.registers import raw_reader, read_text

_ORDERS: tuple[ByteOrder, ...] = get_args(ByteOrder)
_SHORT, _LONG = len("ABCD"), len("ABCDEFGH")
_FLOATS = {"f16", "f32", "f64"}
_USUAL = (1e-3, 1e6)  # most measured quantities lie between
_SHORT_DIGITS = 7
_SHORTEST_TEXT, _A_LETTER = 4, 0.7
_RARE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read the block."""

    type: RegisterType
    order: ByteOrder
    value: float | str
    score: float  # the higher, the more plausible


def interpretations(words: Sequence[int], *, near: float | None = None) -> list[Reading]:
    """Every way to read the words from the first on, the most plausible first.

    Args:
        words: Registers as they came, at most four are numbers of one value.
        near: What the instrument shows; the nearest reading (whatever its power of ten) is the plausible one.
    """
    data = b"".join(word.to_bytes(2, "big") for word in words)
    found: dict[tuple[str, float | str], Reading] = {}
    for type_, order in _ways(len(words)):
        count = len(words) if type_ == "string" else WORDS[type_]
        source = RegisterSource(
            table="holding", addr=0, type=type_, order=order, words=count, scale=1.0, offset=0.0
        )
        value: float | str | None
        value = read_text(source, data, 0) if type_ == "string" else raw_reader(source)(data, 0)
        if value is None or value == "":
            continue
        key = (type_, repr(value))
        reading = Reading(type=type_, order=order, value=value, score=_score(type_, order, value, near))
        if key not in found or found[key].score < reading.score:
            found[key] = reading
    return sorted(found.values(), key=lambda reading: -reading.score)


def _ways(words: int) -> Iterator[tuple[RegisterType, ByteOrder]]:
    for type_ in WORDS:
        if type_ in {"bool", "u8", "i8"} or WORDS[type_] > words:
            continue
        for order in _ORDERS:
            one_word = WORDS[type_] == 1 and type_ != "string"
            if len(order) == _SHORT and one_word and order in {"CDAB", "DCBA"}:
                continue
            if len(order) == _LONG and not (
                WORDS[type_] == _LONG // 2 and order in {"CDABGHEF", "DCBAHGFE", "EFGHABCD", "FEHGBADC"}
            ):
                continue  # the other four are what four letters say
            yield type_, order


def _score(type_: RegisterType, order: ByteOrder, value: float | str, near: float | None) -> float:
    common = {"ABCD": 0.3, "CDAB": 0.2}.get(order, 0.0)
    if isinstance(value, str):
        is_text = value.isascii() and value.isprintable() and len(value) >= _SHORTEST_TEXT
        return common + (_A_LETTER * len(value) if is_text else -3.0)
    if not isfinite(value):
        return -5.0
    if near is not None:
        return common - _distance(value, near, scalable=type_ not in _FLOATS)
    size = abs(value)
    if type_ in _FLOATS:
        if value == 0:
            return 0.5 + common
        digits = len(repr(size).replace(".", "").strip("0").partition("e")[0])
        usual = 1.5 if _USUAL[0] <= size <= _USUAL[1] else -abs(log10(size)) / 4
        rare = _RARE if type_ == "f16" else 0.0  # any two bytes are a short decimal in it
        return usual + (1.5 if digits <= _SHORT_DIGITS else 0.0) - 0.1 * digits + common - rare
    waste = 0.4 * (WORDS[type_] - 1)  # a longer number is the less likely, the larger it is
    bcd = -0.5 if type_.startswith("bcd") else 0.0
    return (
        1.2
        - log10(size + 1) / 4
        - waste
        + bcd
        + common
        - (0.2 if type_.startswith("i") and value >= 0 else 0.0)
    )


def _distance(value: float, near: float, *, scalable: bool) -> float:
    """How far a reading is from what is shown; whole numbers may be shifted by a power of ten."""
    shifts = range(-6, 1) if scalable else (0,)
    scale = abs(near) or 1.0
    return min(abs(value * 10.0**shift - near) / scale + 0.001 * abs(shift) for shift in shifts)
