"""What every store promises, whatever keeps the samples."""

from uuid import uuid4

import pytest

from collector.block import blocks_from
from collector.store import Bucket, Correction, Method, Row, Store
from transport.batch import Sample
from transport.measurement import Quality

NOON = 1_528_027_200_000  # 2018-06-03T12:00Z
FOREVER = 2**60


@pytest.fixture
def device() -> str:
    """A device of no other test, for a store may outlive one."""
    return f"gauge-{uuid4().hex[:8]}"


def level(device: str, minute: int, value: float | None, quality: Quality = Quality.GOOD) -> Sample:
    return Sample(device, "level", NOON + minute * 60_000, value, quality)


async def test_what_is_written_is_read_back_in_order_of_time(store: Store, device: str) -> None:
    await store.write(blocks_from([level(device, 2, 0.9), level(device, 0, 0.3), level(device, 1, -1e-300)]))

    rows = await store.history(device, "level", 0, FOREVER)

    assert rows == [
        Row(NOON, 0.3, Quality.GOOD),
        Row(NOON + 60_000, -1e-300, Quality.GOOD),
        Row(NOON + 120_000, 0.9, Quality.GOOD),
    ]


async def test_milliseconds_are_kept(store: Store, device: str) -> None:
    await store.write(blocks_from([Sample(device, "level", NOON + 7, 1.0, Quality.GOOD)]))

    assert [row.at_ms for row in await store.history(device, "level", 0, FOREVER)] == [NOON + 7]


async def test_a_repeat_changes_nothing(store: Store, device: str) -> None:
    samples = [level(device, minute, minute / 8) for minute in range(50)]
    await store.write(blocks_from(samples))
    before = await store.history(device, "level", 0, FOREVER)

    await store.write(blocks_from(samples[10:20] + samples[10:20]))

    assert await store.history(device, "level", 0, FOREVER) == before
    assert len(before) == 50


@pytest.mark.parametrize("quality", list(Quality))
async def test_every_quality_is_kept(store: Store, device: str, quality: Quality) -> None:
    await store.write(blocks_from([level(device, 0, 4.2, quality)]))

    assert await store.history(device, "level", 0, FOREVER) == [Row(NOON, 4.2, quality)]


async def test_a_bad_sample_without_a_value_is_kept_and_marked(store: Store, device: str) -> None:
    await store.write(
        blocks_from([level(device, 0, 1.0), level(device, 1, None, Quality.TIMEOUT), level(device, 2, 1.2)])
    )

    rows = await store.history(device, "level", 0, FOREVER)

    assert [(row.value, row.quality) for row in rows] == [
        (1.0, Quality.GOOD),
        (None, Quality.TIMEOUT),
        (1.2, Quality.GOOD),
    ]


async def test_the_points_of_one_answer_do_not_mix(store: Store, device: str) -> None:
    await store.write(
        blocks_from(
            [
                Sample(device, "pressure", NOON, 0.4, Quality.GOOD),
                Sample(device, "flow-rate", NOON, None, Quality.SENTINEL),
                Sample(device, "ch4", NOON, 12.0, Quality.OVER_RANGE),
            ]
        )
    )

    assert await store.history(device, "pressure", 0, FOREVER) == [Row(NOON, 0.4, Quality.GOOD)]
    assert await store.history(device, "flow-rate", 0, FOREVER) == [Row(NOON, None, Quality.SENTINEL)]
    assert await store.history(device, "ch4", 0, FOREVER) == [Row(NOON, 12.0, Quality.OVER_RANGE)]


async def test_history_includes_its_start_and_excludes_its_end(store: Store, device: str) -> None:
    await store.write(blocks_from([level(device, minute, float(minute)) for minute in range(5)]))

    rows = await store.history(device, "level", NOON + 60_000, NOON + 180_000)

    assert [row.value for row in rows] == [1.0, 2.0]
    assert await store.history(device, "level", NOON, NOON) == []


async def test_an_unknown_series_has_no_history(store: Store, device: str) -> None:
    await store.write(blocks_from([level(device, 0, 1.0)]))

    assert await store.history(device, "no-such-point", 0, FOREVER) == []
    assert await store.history("no-such-device", "level", 0, FOREVER) == []


async def test_names_with_quotes_find_nothing_and_break_nothing(store: Store, device: str) -> None:
    await store.write(blocks_from([level(device, 0, 1.0)]))

    assert await store.history("' OR 1=1 --", 'level" , "x', 0, FOREVER) == []


async def test_the_latest_of_each_series_may_be_a_bad_one(store: Store, device: str) -> None:
    await store.write(
        blocks_from(
            [
                level(device, 0, 1.0),
                level(device, 1, 1.1, Quality.SPIKE),
                Sample(device, "battery", NOON, 12.5, Quality.GOOD),
                Sample(device, "battery", NOON + 120_000, None, Quality.TIMEOUT),
            ]
        )
    )

    newest = [sample for sample in await store.latest() if sample.device == device]

    assert newest == [
        Sample(device, "battery", NOON + 120_000, None, Quality.TIMEOUT),
        level(device, 1, 1.1, Quality.SPIKE),
    ]


async def test_a_series_is_summed_up_in_spans_without_what_is_bad(store: Store, device: str) -> None:
    await store.write(
        blocks_from(
            [
                *(level(device, minute, minute / 2) for minute in range(6)),
                level(device, 6, 99.0, Quality.FLAG),
                level(device, 7, None, Quality.TIMEOUT),
                level(device, 12, 7.0, Quality.SPIKE),
            ]
        )
    )

    spans = await store.aggregate(device, "level", NOON, NOON + 13 * 60_000, 4 * 60_000)

    assert spans == [
        Bucket(NOON, 4, 0.75, 0.0, 1.5),
        Bucket(NOON + 240_000, 2, 2.25, 2.0, 2.5),
        Bucket(NOON + 720_000, 1, 7.0, 7.0, 7.0),
    ]
    assert await store.aggregate(device, "no-such-point", NOON, NOON + 1000, 10) == []


async def test_corrections_stand_beside_the_raw_values(store: Store, device: str) -> None:
    await store.write(blocks_from([level(device, 0, 1.0), level(device, 1, 900.0), level(device, 2, 1.1)]))
    before = await store.history(device, "level", 0, FOREVER)

    corrections = [
        Correction(NOON + 60_000, Method.HAMPEL, 1.05),
        Correction(NOON + 90_000, Method.INTERPOLATED, 1.08),
        Correction(NOON + 120_000, Method.STUCK, None),
    ]
    await store.correct(device, "level", corrections[1:])
    await store.correct(device, "level", corrections[:2])

    assert await store.corrections(device, "level", NOON, NOON + 120_000) == corrections[:2]
    assert await store.corrections(device, "level", 0, FOREVER) == corrections
    assert await store.corrections(device, "other", 0, FOREVER) == []
    assert await store.history(device, "level", 0, FOREVER) == before
    assert [s for s in await store.latest() if s.device == device] == [level(device, 2, 1.1)]
    assert [s for s in await store.earliest() if s.device == device] == [level(device, 0, 1.0)]


async def test_an_empty_write_is_no_error(store: Store) -> None:
    await store.write([])


async def test_a_large_write_is_kept_whole(store: Store, device: str) -> None:
    await store.write(blocks_from([level(device, minute, minute * 0.001) for minute in range(20_000)]))

    rows = await store.history(device, "level", 0, FOREVER)

    assert [row.value for row in rows] == [minute * 0.001 for minute in range(20_000)]
