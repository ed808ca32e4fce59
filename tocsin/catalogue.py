"""The catalogue of what is measured, for people and for programs."""

from collections.abc import Sequence
from html import escape
from io import StringIO

import msgspec
from rich.console import Console
from rich.table import Table

from collector.catalogue import Entry, TwoSources, catalogue, two_sources
from collector.errors import CollectorError
from collector.stores import open_store
from district.load import load_district
from tocsin.errors import TocsinError
from tocsin.page import page
from tocsin.wiring import Surroundings
from transport.measurement import from_ms

_HEADINGS = ("area", "site", "device", "point", "unit", "instrument", "every", "since", "newest", "quality")


async def read_catalogue(at: Surroundings) -> list[Entry]:
    """The catalogue of the district, with what its store knows of each series.

    Raises:
        TocsinError: The store cannot be read.
    """
    district = load_district(at.district)
    try:
        async with open_store(district.store, district=district, state_dir=at.state_of("collector")) as store:
            return catalogue(district, await store.earliest(), await store.latest())
    except CollectorError as exc:
        raise TocsinError(str(exc)) from exc


def findings(entries: Sequence[Entry]) -> list[str]:
    """Quantities with two sources, for people."""
    return [_sentence(pair) for pair in two_sources(entries)]


def _sentence(pair: TwoSources) -> str:
    return (
        f"{pair.site}: {pair.point} ({pair.unit}) has two sources, {pair.first} and {pair.second}; "
        "give one another point name, or its own site with the same `asset`"
    )


def catalogue_json(entries: Sequence[Entry]) -> str:
    """The catalogue for programs."""
    answer = {
        "series": [
            {
                **msgspec.to_builtins(entry),
                "since": _instant(entry.since_ms) or None,
                "newest": _instant(entry.newest_ms) or None,
            }
            for entry in entries
        ],
        "two_sources": two_sources(entries),
    }
    return msgspec.json.encode(answer).decode()


def catalogue_table(entries: Sequence[Entry]) -> str:
    """The catalogue for a terminal."""
    table = Table(*_HEADINGS)
    for entry in entries:
        table.add_row(*_cells(entry))
    text = StringIO()
    Console(file=text, width=180).print(table)
    return text.getvalue().rstrip()


def catalogue_html(entries: Sequence[Entry]) -> str:
    """The catalogue as one page that needs nothing else."""
    head = "".join(f"<th>{heading}" for heading in _HEADINGS)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}' for cell in _cells(one))}\n" for one in entries)
    doubts = "".join(f"<li>{escape(sentence)}\n" for sentence in findings(entries))
    return page("Catalogue", f"<table><tr>{head}\n{rows}</table>{f'<ul>{doubts}</ul>' if doubts else ''}")


def _cells(entry: Entry) -> tuple[str, ...]:
    return (
        entry.area,
        entry.site,
        entry.device,
        entry.point,
        entry.unit,
        entry.instrument,
        f"{entry.every_s:g} s",
        _instant(entry.since_ms),
        _instant(entry.newest_ms),
        entry.newest_quality.value if entry.newest_quality else "",
    )


def _instant(at_ms: int | None) -> str:
    return "" if at_ms is None else from_ms(at_ms).isoformat(timespec="seconds").replace("+00:00", "Z")
