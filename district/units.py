"""Units of the quantities that departments send each other, and the way from one to another."""

from fractions import Fraction
from typing import NamedTuple


class _Unit(NamedTuple):
    """What a unit measures, and how it comes to the first unit of its kind: x factor + shift, exactly."""

    kind: str
    factor: str
    shift: str = "0"


_UNITS: dict[str, _Unit] = {
    "m": _Unit("length", "1"),
    "cm": _Unit("length", "0.01"),
    "mm": _Unit("length", "0.001"),
    "um": _Unit("length", "0.000001"),
    "km": _Unit("length", "1000"),
    "in": _Unit("length", "0.0254"),
    "ft": _Unit("length", "0.3048"),
    "m/s": _Unit("speed", "1"),
    "km/h": _Unit("speed", "10/36"),
    "kn": _Unit("speed", "1852/3600"),
    "Pa": _Unit("pressure", "1"),
    "hPa": _Unit("pressure", "100"),
    "kPa": _Unit("pressure", "1000"),
    "MPa": _Unit("pressure", "1000000"),
    "mbar": _Unit("pressure", "100"),
    "bar": _Unit("pressure", "100000"),
    "psi": _Unit("pressure", "6894.757293168"),
    "mH2O": _Unit("pressure", "9806.65"),
    "°C": _Unit("temperature", "1"),
    "K": _Unit("temperature", "1", "-273.15"),
    "°F": _Unit("temperature", "5/9", "-160/9"),
    "m3/s": _Unit("flow", "1"),
    "m3/h": _Unit("flow", "1/3600"),
    "L/s": _Unit("flow", "0.001"),
    "L/min": _Unit("flow", "1/60000"),
    "ug/m3": _Unit("density", "1"),
    "mg/m3": _Unit("density", "1000"),
    "ng/m3": _Unit("density", "0.001"),
    "°": _Unit("angle", "1"),
    "rad": _Unit("angle", "57.29577951308232"),
    "mrad": _Unit("angle", "0.05729577951308232"),
    "%": _Unit("share", "1"),
    "ppm": _Unit("share", "0.0001"),
    "ppb": _Unit("share", "0.0000001"),
    "%vol": _Unit("share", "1"),
    "V": _Unit("voltage", "1"),
    "mV": _Unit("voltage", "0.001"),
}
_SPELLINGS: dict[str, str] = {  # as others write them, in small letters
    "meter": "m", "metre": "m", "meters": "m", "metres": "m", "米": "m",
    "厘米": "cm", "centimeter": "cm", "centimetre": "cm",
    "毫米": "mm", "millimeter": "mm", "millimetre": "mm",
    "μm": "um", "µm": "um", "feet": "ft", "foot": "ft", "inch": "in", "inches": "in", '"': "in",
    "ms-1": "m/s", "m·s-1": "m/s", "米/秒": "m/s", "kmh": "km/h", "kph": "km/h", "knot": "kn", "knots": "kn",
    "kt": "kn", "千帕": "kPa", "兆帕": "MPa", "百帕": "hPa", "帕": "Pa",
    "c": "°C", "degc": "°C", "deg c": "°C", "℃": "°C", "celsius": "°C", "摄氏度": "°C",
    "f": "°F", "degf": "°F", "deg f": "°F", "℉": "°F", "fahrenheit": "°F", "kelvin": "K",
    "m³/s": "m3/s", "m³/h": "m3/h", "m^3/h": "m3/h", "m^3/s": "m3/s", "lps": "L/s", "lpm": "L/min",
    "μg/m3": "ug/m3", "µg/m3": "ug/m3", "μg/m³": "ug/m3", "µg/m³": "ug/m3", "ug/m³": "ug/m3",
    "mg/m³": "mg/m3", "deg": "°", "degree": "°", "degrees": "°", "度": "°", "percent": "%", "pct": "%",
    "volt": "V", "volts": "V",
}  # fmt: skip
_BY_SMALL_LETTERS = {name.lower(): name for name in _UNITS if name.lower() not in {"mpa", "mv"}}


class Conversion(NamedTuple):
    """From one unit to another: x times / over + shift.

    A limit is reached at the figure that people wrote: 1207 cm are 12.07 m and not a trace less, so it is
    divided by 100, not multiplied by what is nearly 0.01.
    """

    times: float
    over: float
    shift: float

    def of(self, value: float) -> float:
        """The value in the other unit."""
        return value * self.times / self.over + self.shift


SAME = Conversion(1.0, 1.0, 0.0)


def known_unit(word: str) -> str | None:
    """The unit that a word means, whoever wrote it; none if no such unit is known."""
    word = word.strip()
    if word in _UNITS:
        return word
    small = word.lower()
    return _SPELLINGS.get(small) or _BY_SMALL_LETTERS.get(small)


def conversion(theirs: str, ours: str) -> Conversion | None:
    """The way from ``theirs`` to ``ours``, as they are written; none if there is none."""
    if theirs == ours:
        return SAME
    one, other = known_unit(theirs), known_unit(ours)
    if one is None or other is None:
        return None
    if one == other:
        return SAME
    start, end = _UNITS[one], _UNITS[other]
    if start.kind != end.kind:
        return None
    factor = Fraction(start.factor) / Fraction(end.factor)
    shift = (Fraction(start.shift) - Fraction(end.shift)) / Fraction(end.factor)
    return Conversion(float(factor.numerator), float(factor.denominator), float(shift))
