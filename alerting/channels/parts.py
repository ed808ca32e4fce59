"""Cutting a text into parts that a provider takes, at the best places, without losing a character."""

from collections.abc import Iterator

_SEPARATORS = ("\n\n", "\n", "。", "；", ". ", "，", " ")
_NUMBER_BYTES = len("(99/99) ")


def split_text(text: str, longest_bytes: int) -> tuple[str, ...]:
    """The text in parts of at most ``longest_bytes`` of UTF-8, numbered ``(1/2)`` when there are several.

    Args:
        text: Not empty.
        longest_bytes: At least 64.
    """
    if len(text.encode()) <= longest_bytes:
        return (text,)
    pieces = list(_cut(text, longest_bytes - _NUMBER_BYTES))
    return tuple(f"({number}/{len(pieces)}) {piece}" for number, piece in enumerate(pieces, 1))


def _cut(text: str, room: int) -> Iterator[str]:
    while len(text.encode()) > room:
        whole = text.encode()[:room].decode(errors="ignore")  # a character is never cut in two
        end = next((at for at in (_end_of(whole, one) for one in _SEPARATORS) if at), len(whole))
        yield text[:end]
        text = text[end:]
    if text:
        yield text


def _end_of(text: str, separator: str) -> int:
    """Where the last separator in the second half ends; 0 without one."""
    at = text.find(separator, len(text) // 2)
    return text.rfind(separator) + len(separator) if at >= 0 else 0
