"""Times as others write them."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

from collector.foreign.statement import ForeignError, shown
from transport.measurement import to_ms

_A_MILLISECOND = {"s": 0.001, "ms": 1.0, "us": 1e3, "ns": 1e6}  # how many of each


def instant_reader(form: str, timezone: tzinfo) -> Callable[[Any], int]:
    """What turns a time of this form into milliseconds from 1970 UTC.

    Args:
        form: ``iso``, ``s``, ``ms``, ``us``, ``ns``, or a pattern of ``strptime``.
        timezone: Of times that name none.

    The function raises ForeignError on what is no such time.
    """
    if form in _A_MILLISECOND:
        return lambda value: _counted(value, form)

    def read(value: Any) -> int:
        if not isinstance(value, str):
            raise ForeignError(f"{shown(value)} is no time")
        try:
            text = value.strip()
            instant = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007  (below)
            return to_ms(instant.replace(tzinfo=timezone) if instant.tzinfo is None else instant)
        except (ValueError, OverflowError) as exc:
            raise ForeignError(f"{shown(value)} is no time of the form {form}") from exc

    return read


def _counted(value: Any, form: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ForeignError(f"{shown(value)} is no count of {form}")
    try:
        if form == "ms" or isinstance(value, float) or (isinstance(value, str) and "." in value):
            return round(float(value) / _A_MILLISECOND[form])
        count = int(value)
        return count * 1000 if form == "s" else count // round(_A_MILLISECOND[form])
    except (ValueError, OverflowError) as exc:
        raise ForeignError(f"{shown(value)} is no count of {form}") from exc
