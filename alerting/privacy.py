"""Telephone numbers in texts, masked for those who need not see them."""

import re
from typing import Any

_NUMBER = re.compile(r"(?<![0-9A-Za-z_.+-])(\+[1-9][0-9]{6,14}|1[3-9][0-9]{9})(?![0-9A-Za-z_.])")
_FIRST, _LAST = 3, 4  # characters that stay: enough to tell two numbers apart, too few to call


def mask_numbers(content: Any) -> Any:
    """The same content; of every telephone number in its texts only the ends are left."""
    if isinstance(content, str):
        return _NUMBER.sub(_mask, content)
    if isinstance(content, dict):
        return {key: mask_numbers(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [mask_numbers(value) for value in content]
    return content


def _mask(match: re.Match[str]) -> str:
    number = match[0]
    return f"{number[:_FIRST]}****{number[-_LAST:]}"
