"""InfluxDB's line protocol, read: ``measurement,tag=value field=1.5,other=2i 1528027200000000000``. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from collector.foreign.statement import ForeignError, Refused, Statement, Told, number_of, shown
from district.foreign import topic_level
from transport.measurement import Quality

_A_MS = {"s": 0.001, "ms": 1, "us": 1000, "ns": 1_000_000}
_ESCAPED = re.compile(r"\\([,= \\])")
_TRUE, _FALSE = (
    frozenset({"t", "T", "true", "True", "TRUE"}),
    frozenset({"f", "F", "false", "False", "FALSE"}),
)


class Line(NamedTuple):
    """One line, taken apart."""

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, float | bool | str]
    time: int | None  # as it counts


def read_lines(
    source: str, precision: str, names: Mapping[str, Collection[str]], topic: str, body: bytes
) -> Told:
    """What lines say; one that is none is refused, the others are not.

    A field is called ``field``, or ``measurement.field`` where a profile names it so.

    Args:
        source: The tag that says whose a line is, or ``topic/N``.
        precision: What its times count: s, ms, us or ns.
        names: By source the names that profiles have.
        topic: Where it came.
        body: The lines.

    Raises:
        ForeignError: It is no text.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as exc:
        raise ForeignError("no text in UTF-8") from exc
    statements: list[Statement] = []
    refused: list[Refused] = []
    for line in _lines_of(text):
        try:
            statements += _statements(parse_line(line), source, precision, names, topic)
        except ForeignError as exc:
            refused.append(Refused(str(exc), shown(line)))
    return Told(statements, refused)


def _lines_of(text: str) -> Iterator[str]:
    """The lines of a message: a line end within quotes is part of a value."""
    if '"' not in text:
        yield from (line for line in map(str.strip, text.split("\n")) if line and not line.startswith("#"))
        return
    for line in _split(text, "\n"):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield stripped


def _statements(
    line: Line, source: str, precision: str, names: Mapping[str, Collection[str]], topic: str
) -> Iterator[Statement]:
    level = topic_level(source)
    levels = topic.split("/")
    if level is not None:
        if level >= len(levels):
            raise ForeignError(f"the topic has no level {level}")
        whose = levels[level]
    elif source in line.tags:
        whose = line.tags[source]
    else:
        raise ForeignError(f"no tag {source!r}")
    at_ms = None if line.time is None else _at_ms(line.time, precision)
    for name, value in line.fields.items():
        if isinstance(value, str):
            continue  # words are no readings
        full = f"{line.measurement}.{name}"
        known = full if full in names.get(whose, ()) else name
        yield Statement(whose, known, number_of(value), Quality.GOOD, at_ms)


def _at_ms(time: int, precision: str) -> int:
    return time * 1000 if precision == "s" else time // int(_A_MS[precision])


def parse_line(text: str) -> Line:
    """Take one line apart.

    Raises:
        ForeignError: It is none.
    """
    parts = [part for part in _split(text, " ") if part]
    if len(parts) not in {2, 3}:
        raise ForeignError("no line: measurement, fields and time are parted by single spaces")
    head, *pairs = _split(parts[0], ",")
    if not head:
        raise ForeignError("no line: it names no measurement")
    tags = dict(_pair(pair) for pair in pairs)
    fields = {name: _value(value) for name, value in map(_pair, _split(parts[1], ","))}
    try:
        time = int(parts[2]) if len(parts) == 3 else None  # noqa: PLR2004  (the third part)
    except ValueError as exc:
        raise ForeignError(f"{shown(parts[2])} is no time") from exc
    return Line(_plain(head), tags, fields, time)


def _pair(text: str) -> tuple[str, str]:
    parts = _split(text, "=", most=1)
    if len(parts) != 2 or not parts[0] or not parts[1]:  # noqa: PLR2004  (name and value)
        raise ForeignError(f"{shown(text)} is no name=value")
    name, value = parts
    return _plain(name), value if value.startswith('"') else _plain(value)


def _value(text: str) -> float | bool | str:
    if text.startswith('"'):
        if len(text) == 1 or not text.endswith('"'):
            raise ForeignError(f"{shown(text)} has no end")
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    number = text[:-1] if text[-1:] in {"i", "u"} else text
    if number_of(number) is None:
        raise ForeignError("a field without a value")
    return float(number)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _split(text: str, at: str, *, most: int = -1) -> list[str]:
    """Split at a character that is neither escaped nor within quotes."""
    if "\\" not in text and '"' not in text:
        return text.split(at, most)
    parts: list[str] = []
    start, quoted, escaped = 0, False, False
    for place, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == at and not quoted and len(parts) != most:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return parts
