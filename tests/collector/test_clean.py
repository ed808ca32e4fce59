"""Cleaning: each fault is found, with its method's name, and nothing else is."""

from collections.abc import Sequence
from math import sin

from hypothesis import given
from hypothesis import strategies as st

from collector.clean import Nature, clean
from collector.store import Correction, Method, Row
from transport.measurement import Quality

MINUTE = 60_000
LEVEL = Nature("level", "m", MINUTE, counter=False, resolution=0.01)
RAIN = Nature("rain", "mm", MINUTE, counter=True, resolution=0.0)
GAS = Nature("ch4", "%LEL", MINUTE, counter=False, resolution=0.0)
DUST = Nature("pm25", "ug/m3", MINUTE, counter=False, resolution=0.0)


def rows(values: Sequence[float | None], *, every_ms: int = MINUTE) -> list[Row]:
    return [
        Row(n * every_ms, value, Quality.TIMEOUT if value is None else Quality.GOOD)
        for n, value in enumerate(values)
    ]


def wave(count: int) -> list[float | None]:
    return [2 + sin(n / 20) for n in range(count)]


def test_a_quiet_series_has_no_corrections() -> None:
    assert clean(rows(wave(500)), LEVEL) == []


def test_a_spike_becomes_the_median_of_its_neighbours() -> None:
    values = wave(40)
    values[20] = 9.0

    [found] = clean(rows(values), LEVEL)

    assert (found.at_ms, found.method) == (20 * MINUTE, Method.HAMPEL)
    assert found.value is not None
    assert abs(found.value - (2 + sin(1.0))) < 0.06


def test_a_flood_is_no_spike() -> None:
    rising = [1.0] * 20 + [1.0 + n * 0.3 for n in range(10)] + [4.0 - n * 0.1 for n in range(20)]

    assert [one for one in clean(rows(rising), LEVEL) if one.method is Method.HAMPEL] == []


def test_rain_and_gas_may_jump() -> None:
    assert clean(rows([0.0] * 20 + [40.0] + [0.0] * 20), GAS) == []
    assert clean(rows([5.0] * 20 + [45.0] * 20), RAIN) == []


def test_a_value_that_no_longer_moves_is_not_believed_and_nothing_better_is_known() -> None:
    hour = 60 * MINUTE
    slow = LEVEL._replace(interval_ms=hour)
    values = [*wave(10), *[1.5] * 20, *wave(10)]

    found = clean(rows(values, every_ms=hour), slow)

    assert {(one.method, one.value) for one in found} == {(Method.STUCK, None)}
    assert [one.at_ms // hour for one in found] == list(range(11, 30))


def test_a_dry_hole_is_not_stuck() -> None:
    hour = 60 * MINUTE

    assert clean(rows([*[0.0] * 40, 0.2], every_ms=hour), LEVEL._replace(interval_ms=hour)) == []


def test_a_short_gap_is_filled_on_the_line_and_a_long_one_stays_open() -> None:
    short = [Row(0, 1.0, Quality.GOOD), Row(5 * MINUTE, 2.0, Quality.GOOD)]
    long = [Row(0, 1.0, Quality.GOOD), Row(60 * MINUTE, 2.0, Quality.GOOD)]

    assert clean(short, LEVEL) == [
        Correction(n * MINUTE, Method.INTERPOLATED, 1 + n / 5) for n in range(1, 5)
    ]
    assert clean(long, LEVEL) == []


def test_bad_rows_count_as_missing() -> None:
    found = clean(rows([1.0, None, None, None, None, 1.5]), LEVEL)

    assert [one.method for one in found] == [Method.INTERPOLATED] * 4


def test_dust_in_nanograms_is_told_from_dust() -> None:
    assert clean(rows([30.0, 31.0, 75_600.0, 29.0]), DUST) == [
        Correction(2 * MINUTE, Method.UNIT_NG, 75.6),
    ]
    assert clean(rows([900.0, 1200.0, 1100.0]), DUST) == []  # a dust storm
    assert clean(rows([30.0, 25.0]), DUST._replace(unit="ng/m3")) == [
        Correction(0, Method.UNIT_UG, 30_000.0),
        Correction(MINUTE, Method.UNIT_UG, 25_000.0),
    ]


def test_a_counter_that_fell_goes_on_from_where_it_was() -> None:
    assert clean(rows([10.0, 12.0, 1.0, 2.0]), RAIN) == [
        Correction(2 * MINUTE, Method.COUNTER_RESET, 13.0),
    ]
    assert clean(rows([65_530.0, 4.0]), RAIN) == [Correction(MINUTE, Method.COUNTER_WRAP, 65_540.0)]


ANY_ROWS = st.lists(
    st.one_of(st.none(), st.floats(0, 1e6), st.sampled_from([0.0, 1.0, 65_535.0])), max_size=60
).map(rows)


@given(found_in=ANY_ROWS, nature=st.sampled_from([LEVEL, RAIN, GAS, DUST]))
def test_one_instant_has_one_correction_and_they_are_in_order(found_in: list[Row], nature: Nature) -> None:
    instants = [one.at_ms for one in clean(found_in, nature)]

    assert instants == sorted(set(instants))
