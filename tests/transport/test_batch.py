"""The wire format of measurements: whatever goes in comes out, and nothing else comes in."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.batch import Batch, Reading, Sample, build_batch, decode_batch, encode_batch
from transport.errors import WireError
from transport.measurement import Quality

SLUGS = st.text("abc-09", min_size=1, max_size=6)
INSTANTS = st.integers(0, 4_102_444_800_000)  # to the year 2100
VALUES = st.floats(allow_nan=False, allow_infinity=False)
GIVEN = st.tuples(VALUES, st.sampled_from(Quality))
ABSENT = st.tuples(st.none(), st.sampled_from([quality for quality in Quality if quality.is_bad]))
READINGS = st.builds(Reading, SLUGS, INSTANTS, st.dictionaries(SLUGS, GIVEN | ABSENT, min_size=1, max_size=4))


def samples_of(readings: list[Reading]) -> list[Sample]:
    return [
        Sample(reading.device, point, reading.at_ms, value, quality)
        for reading in readings
        for point, (value, quality) in reading.values.items()
    ]


def built(readings: list[Reading]) -> Batch:
    return build_batch(readings, gateway="gw-1", epoch="e", seq=7)


@given(readings=st.lists(READINGS, max_size=20), good_until_ms=st.dictionaries(SLUGS, INSTANTS, max_size=3))
def test_what_is_packed_comes_out_unchanged(readings: list[Reading], good_until_ms: dict[str, int]) -> None:
    batch = build_batch(readings, gateway="gw-1", epoch="e", seq=7, good_until_ms=good_until_ms)

    decoded = decode_batch(encode_batch(batch))

    assert decoded == batch
    assert (decoded.gateway, decoded.epoch, decoded.seq) == ("gw-1", "e", 7)
    assert decoded.good_until_ms == good_until_ms
    assert Counter(decoded.samples()) == Counter(samples_of(readings))


@given(st.lists(st.tuples(INSTANTS, VALUES), max_size=20))
def test_the_answers_of_one_device_keep_their_order(answers: list[tuple[int, float]]) -> None:
    readings = [Reading("gauge", at_ms, {"level": (value, Quality.GOOD)}) for at_ms, value in answers]

    samples = decode_batch(encode_batch(built(readings))).samples()

    assert [(sample.at_ms, sample.value) for sample in samples] == answers


@given(st.lists(READINGS, max_size=5))
def test_measurements_say_the_same_as_samples(readings: list[Reading]) -> None:
    batch = built(readings)

    told = [(m.device_id, m.point, m.value, m.quality) for m in batch.measurements()]

    assert told == [(s.device, s.point, s.value, s.quality) for s in batch.samples()]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_no_number_is_not_packed(value: float) -> None:
    with pytest.raises(ValueError, match="gauge/level"):
        built([Reading("gauge", 0, {"level": (value, Quality.GOOD)})])


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.SPIKE])
def test_only_a_bad_reading_may_lack_its_value(quality: Quality) -> None:
    with pytest.raises(ValueError, match="gauge/level"):
        built([Reading("gauge", 0, {"level": (None, quality)})])


@given(st.binary(max_size=200))
def test_noise_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode_batch(payload)


@given(data=st.data(), readings=st.lists(READINGS, min_size=1, max_size=3))
def test_a_mangled_batch_is_refused_or_still_fits_together(
    data: st.DataObject, readings: list[Reading]
) -> None:
    payload = bytearray(encode_batch(built(readings)))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))

    try:
        batch = decode_batch(bytes(payload))
    except WireError:
        return
    for sample in batch.samples():
        assert sample.value is not None or sample.quality.is_bad


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ('["d",["a","b"],[0],[[1]]]', "ragged"),
        ('["d",["a"],[0,1],[[1]]]', "ragged"),
        ('["d",["a"],[0],[[null]]]', "lacks a value"),
        ('["d",["a"],[0],[[null]],[[0,0,"uncertain:spike"]]]', "lacks a value"),
        ('["d",["a"],[0],[[1e999]]]', "not a batch"),
        ('["d",["a"],[0],[[NaN]]]', "not a batch"),
        ('["d",["a"],[0],[["1"]]]', "not a batch"),
        ('["d",["a"],[0],[[1]],[[0,0,"dubious"]]]', "not a batch"),
        ('["d",["a"],[0.5],[[1]]]', "not a batch"),
    ],
)
def test_columns_that_do_not_fit_are_refused(group: str, reason: str) -> None:
    payload = f'{{"gateway":"g","epoch":"e","seq":1,"origin_ms":0,"groups":[{group}]}}'.encode()

    with pytest.raises(WireError, match=reason):
        decode_batch(payload)


def test_a_measurement_takes_few_bytes() -> None:
    readings = [
        Reading(
            "river-01-level", 1_528_027_200_000 + row * 300_000, {"level": (1.234 + row / 1000, Quality.GOOD)}
        )
        for row in range(500)
    ]

    assert len(encode_batch(built(readings))) / 500 < 20
