"""Lines of other instruments, read by the pattern that their profile gives: pure."""

import re
from dataclasses import dataclass
from math import isfinite

from edge.errors import LineError
from edge.telegram import Said, Telegram

MOST_BYTES = 512  # of one line; a pattern is never tried on more

_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,15}[.,]?[0-9]{0,15}|[.,][0-9]{1,15})(?:[eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class LineReader:
    """Reads one kind of line.

    Args:
        pattern: Matches a whole line; each named group is a quantity.
    """

    pattern: re.Pattern[str]

    def decode(self, raw: bytes) -> Telegram:
        """Read one line.

        A group named ``station`` says whose it is; a group that holds no number says no value.

        Raises:
            LineError: It is not of the form.
        """
        if len(raw) > MOST_BYTES:
            raise LineError(f"has {len(raw)} bytes, more than {MOST_BYTES}", raw)
        text = raw.decode("ascii", "backslashreplace").strip()
        match = self.pattern.fullmatch(text)
        if match is None:
            raise LineError(f"{text[:60]!r} is not of the form {self.pattern.pattern}", raw)
        groups = match.groupdict()
        station = groups.pop("station", None)
        said = [Said(code, _number(text)) for code, text in groups.items() if text is not None]
        return Telegram(station=station, at=None, said=tuple(said))


def _number(text: str) -> float | None:
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text.replace(",", "."))
    return value if isfinite(value) else None
