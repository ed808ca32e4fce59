"""Units of others become ours, exactly where the figures are exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.units import conversion, known_unit


@pytest.mark.parametrize(
    ("value", "theirs", "ours", "expected"),
    [
        (1207, "cm", "m", 12.07),
        (3.42, "cm", "mm", 34.2),
        (285, "kPa", "MPa", 0.285),
        (1013.25, "hPa", "kPa", 101.325),
        (90, "km/h", "m/s", 25.0),
        (1, "kn", "m/s", 1852 / 3600),
        (212, "°F", "°C", 100.0),
        (293.15, "K", "°C", 20.0),
        (20, "°C", "°F", 68.0),
        (1, "L/s", "m3/h", 3.6),
        (0.075, "mg/m³", "ug/m3", 75.0),
        (10, "ft", "m", 3.048),
        (5, "m", "m", 5),
        (7, "widgets", "widgets", 7),
    ],
)
def test_a_value_comes_over(value: float, theirs: str, ours: str, expected: float) -> None:
    way = conversion(theirs, ours)

    assert way is not None
    assert way.of(value) == pytest.approx(expected, abs=1e-9)


@given(centimetres=st.integers(-100_000, 100_000))
def test_a_limit_in_metres_is_reached_at_its_centimetre(centimetres: int) -> None:
    way = conversion("cm", "m")

    assert way is not None
    assert way.of(centimetres) == float(f"{centimetres / 100:.2f}")


@pytest.mark.parametrize(("theirs", "ours"), [("m", "°C"), ("m", "widgets"), ("MV", "m"), ("", "m")])
def test_where_there_is_no_way_there_is_none(theirs: str, ours: str) -> None:
    assert conversion(theirs, ours) is None


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("米", "m"),
        ("℃", "°C"),
        ("degC", "°C"),
        ("Knots", "kn"),
        ("μg/m³", "ug/m3"),
        ("MPa", "MPa"),
        ("mpa", None),
    ],
)
def test_a_unit_is_known_however_it_is_written(written: str, unit: str | None) -> None:
    assert known_unit(written) == unit
