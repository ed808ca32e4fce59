"""A backtest as one HTML page that needs nothing else: series, limits, levels as bands, old beside new."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import NamedTuple

from rules.backtest import Judged, trace
from rules.rulebook import Watch
from rules.transition import Level, Transition
from tocsin.backtest import Tested
from transport.measurement import from_ms, to_ms

_WIDTH, _HEIGHT, _LEFT, _BAND = 1100, 220, 70, 14
_COLUMNS = 1000  # of a series: each shows its lowest and highest value
_COLOURS = {
    Level.NORMAL: "#e8ece8",
    Level.BLUE: "#4a90d9",
    Level.YELLOW: "#f2c230",
    Level.ORANGE: "#ef8a2b",
    Level.RED: "#d43a2f",
}
_INKS = ("#22303c", "#2f7f6f", "#7b4fa3", "#8a5a2b")
_STYLE = """body{font:14px system-ui,sans-serif;margin:24px;color:#22303c;background:#fff}
h1{font-size:20px}h2{font-size:15px;margin:28px 0 4px}p{margin:4px 0}svg{display:block;max-width:100%}
text{font:11px system-ui,sans-serif;fill:#55626e}table{border-collapse:collapse;font-size:13px}
td,th{padding:2px 10px 2px 0;text-align:left}.none{color:#8a949c}"""


class _Scale(NamedTuple):
    first_ms: int
    last_ms: int
    low: float
    high: float

    def x(self, at_ms: int) -> float:
        return round(_LEFT + (at_ms - self.first_ms) / max(1, self.last_ms - self.first_ms) * _WIDTH, 1)

    def y(self, value: float) -> float:
        return round(_HEIGHT - (value - self.low) / (self.high - self.low) * (_HEIGHT - 10), 1)


def plot_page(tested: Sequence[Tested], names: Sequence[str]) -> str:
    """The page of one rulebook, or of an old and a new one over the same history.

    Subjects on which nothing changed are listed, not drawn.
    """
    first = tested[0]
    samples = [each for each in first.samples if each.at_ms >= first.since_ms]
    span = (samples[0].at_ms, samples[-1].at_ms) if samples else (0, 1)
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        f"<title>{escape(first.district.name.en)}: backtest</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(first.district.name.zh)} {escape(first.district.name.en)}</h1>",
        f"<p>{_time(span[0], first)} … {_time(span[1], first)}, {len(samples)} readings</p>",
        _summary(tested, names),
    ]
    quiet = []
    for rule, subject in _pairs(tested):
        if any(_of(each, rule, subject) for each in tested):
            parts.append(_panel(tested, names, rule, subject, span))
        else:
            quiet.append(f"{rule} {subject}")
    if quiet:
        parts.append(f"<h2>Nothing happened</h2><p class='none'>{escape('; '.join(quiet))}</p>")
    parts.append("</body></html>")
    return "\n".join(parts)


def _pairs(tested: Sequence[Tested]) -> list[tuple[str, str]]:
    pairs: dict[tuple[str, str], None] = {}
    for each in tested:
        seen = {f"{sample.device}:{sample.point}" for sample in each.samples}
        pairs |= {
            (watch.rule, watch.subject): None for watch in each.rulebook.watches if watch.subject in seen
        }
        pairs |= {(change.rule, change.subject): None for change in each.transitions}
    return list(pairs)


def _of(tested: Tested, rule: str, subject: str) -> list[Transition]:
    return [each for each in tested.transitions if (each.rule, each.subject) == (rule, subject)]


def _summary(tested: Sequence[Tested], names: Sequence[str]) -> str:
    rows = []
    for each, name in zip(tested, names, strict=True):
        raised = [change for change in each.transitions if change.to > change.before]
        counts = "".join(
            f"<td>{sum(change.to is level for change in raised)}</td>" for level in list(Level)[1:]
        )
        rows.append(f"<tr><td>{escape(name)}</td>{counts}<td>{len(each.transitions)}</td></tr>")
    head = "".join(f"<th>{level.word}</th>" for level in list(Level)[1:])
    return f"<table><tr><th>raised to</th>{head}<th>transitions</th></tr>{''.join(rows)}</table>"


def _panel(
    tested: Sequence[Tested], names: Sequence[str], rule: str, subject: str, span: tuple[int, int]
) -> str:
    watch, owner = _watch(tested, rule, subject)
    judged: list[Judged] = []
    if watch is not None:
        judged = trace(owner.rulebook, watch, owner.samples)
        judged = [_cut(each, span) for each in judged]
    values = [value for each in judged for value in (*each.values, *each.limits)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    scale = _Scale(*span, low, high if high > low else low + 1)
    height = _HEIGHT + 24 + (_BAND + 4) * len(tested)
    drawn = "".join(
        [
            *_axes(scale, tested[0]),
            *_series(judged, scale),
            *(line for each in judged for line in _runs(each, scale)),
        ]
    )
    bands = "".join(
        _band(_of(each, rule, subject), scale, _HEIGHT + 20 + position * (_BAND + 4), name)
        for position, (each, name) in enumerate(zip(tested, names, strict=True))
    )
    unit = f" ({escape(watch.unit)})" if watch is not None else ""
    width = _LEFT + _WIDTH + 10
    return (
        f"<h2>{escape(rule)}: {escape(subject)}{unit}</h2>"
        f"<svg viewBox='0 0 {width} {height}' width='{width}'>{drawn}{bands}</svg>"
    )


def _watch(tested: Sequence[Tested], rule: str, subject: str) -> tuple[Watch | None, Tested]:
    for each in reversed(tested):
        for watch in each.rulebook.watches:
            if (watch.rule, watch.subject) == (rule, subject):
                return watch, each
    return None, tested[-1]


def _cut(judged: Judged, span: tuple[int, int]) -> Judged:
    inside = [index for index, at_ms in enumerate(judged.at_ms) if span[0] <= at_ms <= span[1]]
    return Judged(
        judged.level,
        [judged.at_ms[index] for index in inside],
        [judged.values[index] for index in inside],
        [judged.limits[index] for index in inside],
    )


def _axes(scale: _Scale, tested: Tested) -> Iterator[str]:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value = scale.low + share * (scale.high - scale.low)
        y = scale.y(value)
        yield f"<line x1='{_LEFT}' x2='{_LEFT + _WIDTH}' y1='{y}' y2='{y}' stroke='#eef1f3'/>"
        yield f"<text x='{_LEFT - 6}' y='{y + 4}' text-anchor='end'>{value:.4g}</text>"
    for at_ms in _days(scale, tested):
        x, day = scale.x(at_ms), from_ms(at_ms).astimezone(tested.district.timezone)
        yield f"<line x1='{x}' x2='{x}' y1='10' y2='{_HEIGHT}' stroke='#eef1f3'/>"
        yield f"<text x='{x + 3}' y='{_HEIGHT + 13}'>{day:%m-%d}</text>"


def _days(scale: _Scale, tested: Tested) -> Iterator[int]:
    """Midnights, at most about a dozen."""
    zone = tested.district.timezone
    first = from_ms(scale.first_ms).astimezone(zone)
    step = max(1, round((scale.last_ms - scale.first_ms) / 86_400_000 / 12))
    day = datetime(first.year, first.month, first.day, tzinfo=zone)
    while to_ms(day := day + timedelta(days=step)) <= scale.last_ms:
        yield to_ms(day)


def _series(judged: Sequence[Judged], scale: _Scale) -> Iterator[str]:
    drawn: list[list[float]] = []
    for each in judged:
        if each.values in drawn:
            continue  # levels that judge the same
        ink = _INKS[len(drawn) % len(_INKS)]
        drawn.append(each.values)
        points = " ".join(f"{scale.x(at_ms)},{scale.y(value)}" for at_ms, value in _thinned(each, scale))
        yield f"<polyline fill='none' stroke='{ink}' stroke-width='1.2' points='{points}'/>"


def _thinned(judged: Judged, scale: _Scale) -> Iterator[tuple[int, float]]:
    """At most two points a column: the lowest and the highest, in their order."""
    width_ms = max(1, (scale.last_ms - scale.first_ms) // _COLUMNS)
    column: list[tuple[int, float]] = []
    for point in zip(judged.at_ms, judged.values, strict=True):
        if column and point[0] // width_ms != column[0][0] // width_ms:
            yield from _ends(column)
            column = []
        column.append(point)
    yield from _ends(column)


def _ends(column: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    lowest, highest = (pick(column, key=lambda point: point[1]) for pick in (min, max))
    return sorted({lowest, highest})


def _runs(judged: Judged, scale: _Scale) -> Iterator[str]:
    """A line for each stretch of time over which a limit stayed the same."""
    begun = 0
    for index in range(1, len(judged.at_ms) + 1):
        if index == len(judged.at_ms) or judged.limits[index] != judged.limits[begun]:
            last = min(index, len(judged.at_ms) - 1)
            y = scale.y(judged.limits[begun])
            yield (
                f"<line x1='{scale.x(judged.at_ms[begun])}' x2='{scale.x(judged.at_ms[last])}' y1='{y}'"
                f" y2='{y}' stroke='{_COLOURS[judged.level]}' stroke-dasharray='6 3'/>"
            )
            begun = index


def _band(changes: Sequence[Transition], scale: _Scale, y: int, name: str) -> str:
    """The level over time as a strip of colours."""
    before = changes[0].before if changes else Level.NORMAL
    steps = [(scale.first_ms, before), *((each.at_ms, each.to) for each in changes)]
    ends_ms = [*(at_ms for at_ms, _ in steps[1:]), scale.last_ms]
    strips = []
    for (begin_ms, level), end_ms in zip(steps, ends_ms, strict=True):
        if end_ms >= begin_ms:
            x = scale.x(max(begin_ms, scale.first_ms))
            strips.append(
                f"<rect x='{x}' y='{y}' width='{max(0.5, round(scale.x(end_ms) - x, 1))}' height='{_BAND}'"
                f" fill='{_COLOURS[level]}'><title>{level.word} {_hours(end_ms - begin_ms)}</title></rect>"
            )
    return f"<text x='{_LEFT - 6}' y='{y + 11}' text-anchor='end'>{escape(name)}</text>{''.join(strips)}"


def _hours(span_ms: int) -> str:
    return str(timedelta(milliseconds=span_ms)).partition(".")[0]


def _time(at_ms: int, tested: Tested) -> str:
    return from_ms(at_ms).astimezone(tested.district.timezone).isoformat(sep=" ", timespec="minutes")
