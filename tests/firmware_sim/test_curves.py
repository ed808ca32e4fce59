import math
from statistics import NormalDist, fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.curves import Constant, Curve, Noisy, Rate, Sine, Tips

TIMES = st.floats(-50, 250)
SAMPLES = st.lists(
    st.tuples(st.integers(0, 200), st.floats(0, 100)),
    min_size=1,
    max_size=8,
    unique_by=lambda sample: sample[0],
).map(sorted)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    kind = draw(st.sampled_from(["constant", "sine", "hold", "linear"]))
    if kind == "constant":
        return Constant(value=draw(st.floats(0, 100)))
    if kind == "sine":
        return Sine(mean=50, amplitude=draw(st.floats(0, 50)), period_s=draw(st.floats(10, 500)), phase_s=7)
    samples = [(float(at), value) for at, value in draw(SAMPLES)]
    return Curve(samples, linear=kind == "linear")


@given(rate=rates(), start=TIMES, middle=TIMES, end=TIMES)
def test_areas_add_up(rate: Rate, start: float, middle: float, end: float) -> None:
    whole = rate.area(start, end)

    assert rate.area(start, middle) + rate.area(middle, end) == pytest.approx(whole, abs=1e-6)


@given(rate=rates(), start=TIMES, length=st.floats(0, 100))
def test_an_area_is_the_sum_of_thin_slices(rate: Rate, start: float, length: float) -> None:
    slices = 4000
    width = length / slices
    total = math.fsum(rate.at(start + (index + 0.5) * width) * width for index in range(slices))

    assert rate.area(start, start + length) == pytest.approx(total, abs=100 * 8 * width + 1e-6)


def test_a_held_curve_steps_and_a_linear_one_slopes() -> None:
    samples = [(0.0, 1.0), (10.0, 3.0)]

    assert [Curve(samples, linear=False).at(at) for at in (-5, 0, 9, 10, 99)] == [1, 1, 1, 3, 3]
    assert [Curve(samples, linear=True).at(at) for at in (-5, 0, 5, 10, 99)] == [1, 1, 2, 3, 3]


def test_tips_count_whole_buckets_since_the_start() -> None:
    bucket = Tips(rate=Constant(value=12.0), per_tip=0.2, start_s=1000.0)  # one tip a minute

    assert [bucket.at(1000.0 + at) for at in (-60, 0, 59, 60, 119, 120, 3600)] == [0, 0, 0, 1, 1, 2, 60]


@given(rate=rates(), times=st.lists(st.floats(0, 300), min_size=2).map(sorted))
def test_tips_never_run_back(rate: Rate, times: list[float]) -> None:
    bucket = Tips(rate=rate, per_tip=0.2, start_s=0.0)
    counts = [bucket.at(at) for at in times]

    assert counts == sorted(counts)


def test_noise_depends_on_key_and_time_alone() -> None:
    noisy = Noisy(signal=Constant(value=5.0), noise=NormalDist(0, 0.5), key="gauge/input/0")
    again = Noisy(signal=Constant(value=5.0), noise=NormalDist(0, 0.5), key="gauge/input/0")
    other = Noisy(signal=Constant(value=5.0), noise=NormalDist(0, 0.5), key="other/input/0")
    values = [noisy.at(at) for at in range(2000)]

    assert values == [again.at(at) for at in range(2000)]
    assert values != [other.at(at) for at in range(2000)]
    assert fmean(values) == pytest.approx(5.0, abs=0.05)
    assert stdev(values) == pytest.approx(0.5, abs=0.05)
