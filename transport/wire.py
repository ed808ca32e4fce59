"""Reading JSON that came from outside: it is of our format, or a WireError."""

from typing import TypeVar

import msgspec

from transport.errors import WireError

_Value = TypeVar("_Value")


def read_json(payload: bytes, decoder: msgspec.json.Decoder[_Value], *, what: str) -> _Value:
    """The value in ``payload``.

    Args:
        payload: A message's body, whoever sent it.
        decoder: Of the type it should be.
        what: What it should be, as the error says: ``a batch``.

    Raises:
        WireError: It is something else.
    """
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:  # strings are decoded late
        raise WireError(f"not {what}: {exc}") from exc
