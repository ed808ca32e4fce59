"""Records: objects of JSON and rows of CSV, read by where they say what. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from collector.foreign.statement import ForeignError, Refused, Statement, Told, number_of, shown
from collector.foreign.times import instant_reader
from district.foreign import topic_level
from transport.measurement import Quality

_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordForm:
    """Where a record says what; each is a path, as in ``data.0.value``."""

    source: str
    time: str | None
    name: str | None
    value: str | None
    unit: str | None
    quality: str | None
    good: frozenset[str]
    each: str | None
    instant: Callable[[Any], int]


def record_form(spec: Any, timezone: Any) -> RecordForm:
    """The form that a bus of devices.yaml says."""
    return RecordForm(
        source=spec.source,
        time=spec.time,
        name=spec.name,
        value=spec.value,
        unit=spec.unit,
        quality=spec.quality,
        good=frozenset(_word(word) for word in spec.good),
        each=getattr(spec, "each", None),
        instant=instant_reader(spec.time_form, timezone),
    )


def read_json_records(form: RecordForm, names: Mapping[str, Iterable[str]], topic: str, body: bytes) -> Told:
    """What the records of a JSON message say.

    Args:
        form: Where they say it.
        names: By source the names that profiles have, for records with many.
        topic: Where it came, for forms that find the source there.
        body: The message.

    Raises:
        ForeignError: It is no JSON, or its list of records is not where it should be.
    """
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ForeignError(f"no JSON: {exc}") from exc
    if form.each is not None:
        message = at_path(message, form.each)
        if message is _ABSENT:
            raise ForeignError(f"nothing at {form.each}")
    records = message if isinstance(message, list) else [message]
    return read_records(form, names, topic, records)


def read_records(
    form: RecordForm, names: Mapping[str, Iterable[str]], topic: str, records: Iterable[Any]
) -> Told:
    """What records say; one that says nothing usable is refused, the others are not."""
    statements: list[Statement] = []
    refused: list[Refused] = []
    for record in records:
        try:
            for each in _record(form, names, topic, record):
                if isinstance(each, Statement):
                    statements.append(each)
                else:
                    refused.append(each)
        except ForeignError as exc:
            refused.append(Refused(str(exc), shown(record)))
    return Told(statements, refused)


def at_path(record: Any, path: str) -> Any:
    """What lies at a path; a marker of its own if there is nothing."""
    if isinstance(record, dict) and path in record:  # a name may hold dots itself
        return record[path]
    here = record
    for step in path.split("."):
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            return _ABSENT
    return here


def _record(
    form: RecordForm, names: Mapping[str, Iterable[str]], topic: str, record: Any
) -> Iterator[Statement | Refused]:
    """What one record says, value by value.

    Raises:
        ForeignError: It does not say whose it is, or when.
    """
    if not isinstance(record, dict):
        raise ForeignError("no record")
    source = _source(form, topic, record)
    at_ms = None if form.time is None else form.instant(_needed(record, form.time))
    unit = at_path(record, form.unit) if form.unit is not None else None
    said = str(unit) if unit not in {_ABSENT, None, ""} else None
    is_good = form.quality is None or _word(_needed(record, form.quality)) in form.good
    if form.name is not None and form.value is not None:
        pairs = [(_word(_needed(record, form.name)), _needed(record, form.value))]
    else:
        if source not in names:
            yield Statement(source, "", None, Quality.SENTINEL, at_ms)
            return
        found = [(name, at_path(record, name)) for name in names[source]]
        pairs = [(name, value) for name, value in found if value is not _ABSENT]
        if not pairs:
            yield Refused(f"{source}: none of the quantities that its profile names", shown(record))
    for name, value in pairs:
        try:
            number = number_of(value)
        except ForeignError as exc:
            yield Refused(f"{source} {name}: {exc}", shown(record))
            continue
        quality = Quality.FLAG if not is_good else Quality.GOOD if number is not None else Quality.SENTINEL
        yield Statement(source, name, number, quality, at_ms, said)


def _source(form: RecordForm, topic: str, record: Any) -> str:
    level = topic_level(form.source)
    if level is None:
        return _word(_needed(record, form.source))
    levels = topic.split("/")
    if level >= len(levels):
        raise ForeignError(f"the topic has no level {level}")
    return levels[level]


def _needed(record: Any, path: str) -> Any:
    found = at_path(record, path)
    if found is _ABSENT:
        raise ForeignError(f"nothing at {path}")
    return found


def _word(value: Any) -> str:
    """A word as devices.yaml writes it: numbers and truth values as their text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
