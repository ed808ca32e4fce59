"""The GSM 7-bit default alphabet (3GPP TS 23.038) and its packing into octets."""

from collections.abc import Sequence

from alerting.errors import PduError

_ESCAPE = 0x1B
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]"} | {
    0x40: "|",
    0x65: "€",
}
_CODES: dict[str, tuple[int, ...]] = {
    **{char: (code,) for code, char in enumerate(_BASIC) if code != _ESCAPE},
    **{char: (_ESCAPE, code) for code, char in _EXTENDED.items()},
}


def septets_of(char: str) -> tuple[int, ...] | None:
    """One septet, or two beginning with the escape; none if the alphabet lacks the character."""
    return _CODES.get(char)


def encode(text: str) -> list[int]:
    """The text's septets.

    Raises:
        PduError: The alphabet lacks a character.
    """
    septets: list[int] = []
    for char in text:
        codes = _CODES.get(char)
        if codes is None:
            raise PduError(f"{char!r} is not in the GSM alphabet")
        septets += codes
    return septets


def decode(septets: Sequence[int]) -> str:
    """The text of septets; an unknown extension reads as its basic character, as the standard says."""
    text: list[str] = []
    escaped = False
    for septet in septets:
        if escaped:
            text.append(_EXTENDED.get(septet, " " if septet == _ESCAPE else _BASIC[septet]))
            escaped = False
        elif septet == _ESCAPE:
            escaped = True
        else:
            text.append(_BASIC[septet])
    return "".join(text)


def pack(septets: Sequence[int], fill_bits: int = 0) -> bytes:
    """Septets in octets, lowest bits first, after ``fill_bits`` zero bits."""
    number = sum(septet << (7 * index) for index, septet in enumerate(septets)) << fill_bits
    return number.to_bytes((7 * len(septets) + fill_bits + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill_bits: int = 0) -> list[int]:
    """The ``count`` septets that begin ``fill_bits`` into the octets.

    Raises:
        PduError: There are fewer.
    """
    if len(octets) * 8 < 7 * count + fill_bits:
        raise PduError(f"{count} septets do not fit {len(octets)} octets")
    number = int.from_bytes(octets, "little") >> fill_bits
    return [number >> (7 * index) & 0x7F for index in range(count)]
