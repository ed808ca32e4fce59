"""How figures, units and times are written for people, in both languages."""

from collections.abc import Mapping
from datetime import datetime
from math import floor, log10

from district.findings import Text
from transport.measurement import from_ms

UNITS: Mapping[str, Text] = {
    "m": Text("m", "米"),
    "cm": Text("cm", "厘米"),
    "mm": Text("mm", "毫米"),
    "mm/h": Text("mm/h", "毫米/小时"),
    "m/s": Text("m/s", "米/秒"),
    "m3/h": Text("m³/h", "立方米/小时"),
    "m3/s": Text("m³/s", "立方米/秒"),
    "kPa": Text("kPa", "千帕"),
    "MPa": Text("MPa", "兆帕"),
    "ug/m3": Text("µg/m³", "微克/立方米"),
    "mg/m3": Text("mg/m³", "毫克/立方米"),
    "dB": Text("dB", "分贝"),
    "h": Text("h", "小时"),
    "%": Text("%", "%"),
    "1": Text("", ""),
}

_FIGURES = 3  # significant, of a value too small for the usual decimals
_USUAL_DECIMALS = 3
_MOST_DECIMALS = 9  # beyond them stands what binary arithmetic adds
_MINUTE_MS = 60_000
_HOUR_MIN = 60
_DAY_MIN = 24 * 60


def figure(value: float) -> str:
    """A number without exponent: three decimals, or as many as a small one needs for three figures."""
    if round(value, _MOST_DECIMALS) == 0:
        return "0"
    needed = _FIGURES - 1 - floor(log10(abs(value)))
    decimals = min(max(_USUAL_DECIMALS, needed), _MOST_DECIMALS)
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantity(value: float, unit: str) -> Text:
    """A value with its unit."""
    words = UNITS.get(unit) or Text(unit, unit)
    gap = " " if words.en and not words.en.startswith("%") else ""
    return Text(f"{figure(value)}{gap}{words.en}", f"{figure(value)}{words.zh}")


def span(minutes: int) -> Text:
    """A duration in units that tell something."""
    if minutes >= 2 * _DAY_MIN:
        return Text(f"{minutes // _DAY_MIN} days", f"{minutes // _DAY_MIN}天")
    hours, rest = divmod(minutes, _HOUR_MIN)
    if hours and not rest:
        return Text(f"{hours} h", f"{hours}小时")
    if minutes < 2 * _HOUR_MIN:
        return Text(f"{minutes} min", f"{minutes}分钟")
    return Text(f"{hours} h {rest} min", f"{hours}小时{rest}分钟")


def window(over_ms: int) -> Text:
    """The length of a window."""
    return span(round(over_ms / _MINUTE_MS))


def last(over_ms: int) -> Text:
    """A window that ends with what is told."""
    length = window(over_ms)
    return Text("the last hour" if length.en == "1 h" else f"the last {length.en}", f"过去{length.zh}")


def clock(at_ms: int, sent: datetime) -> str:
    """An instant in the district's time; the day too unless it is the message's own."""
    instant = from_ms(at_ms).astimezone(sent.tzinfo)
    return instant.strftime("%H:%M" if instant.date() == sent.date() else "%Y-%m-%d %H:%M")


def ago(at_ms: int, sent: datetime) -> Text:
    """How long before the message an instant was."""
    minutes = round((sent - from_ms(at_ms)).total_seconds() / 60)
    if minutes <= 0:
        return Text("just now", "刚刚")
    length = span(minutes)
    return Text(f"{length.en} ago", f"{length.zh}前")


def at(at_ms: int, sent: datetime) -> Text:
    """An instant and how long ago it was."""
    time, age = clock(at_ms, sent), ago(at_ms, sent)
    return Text(f"{time} ({age.en})", f"{time}（{age.zh}）")
