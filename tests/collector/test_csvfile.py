"""Readings in CSV files: what people and spreadsheets write, and what is refused."""

from zoneinfo import ZoneInfo

import pytest

from collector.csvfile import RefusedRow, read_portions
from collector.errors import ImportRefusedError
from transport.batch import Sample
from transport.measurement import Quality

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = 1_528_027_200_000  # 2018-06-03T12:00Z


def read(text: str, **constants: str) -> tuple[list[Sample], list[RefusedRow]]:
    portions = list(read_portions(text.splitlines(), timezone=SHANGHAI, constants=constants))
    samples = [sample for portion in portions for block in portion.blocks for sample in block.samples()]
    return samples, [row for portion in portions for row in portion.refused]


def test_columns_come_in_any_order_and_quality_is_good_unless_said() -> None:
    samples, refused = read(
        "\ufeffvalue,taken_at,point,device,quality\n"
        "0.5,2018-06-03T12:00:00Z,level,gauge,\n"
        "9.5,2018-06-03T12:01:00Z,level,gauge,uncertain:spike\n"
        ",2018-06-03T12:02:00Z,level,gauge,bad:timeout\n"
    )

    assert samples == [
        Sample("gauge", "level", NOON, 0.5, Quality.GOOD),
        Sample("gauge", "level", NOON + 60_000, 9.5, Quality.SPIKE),
        Sample("gauge", "level", NOON + 120_000, None, Quality.TIMEOUT),
    ]
    assert refused == []


def test_a_time_without_a_zone_is_the_districts() -> None:
    samples, _ = read("device,point,taken_at,value\ng,p,2018-06-03 20:00,1\ng,p,2018-06-03T20:00:01+08:00,2")

    assert [sample.at_ms for sample in samples] == [NOON, NOON + 1000]


def test_a_file_of_one_series_needs_no_columns_for_its_name() -> None:
    samples, _ = read("taken_at,value\n2018-06-03T12:00:00Z,1\n", device="gauge", point="level")

    assert samples == [Sample("gauge", "level", NOON, 1.0, Quality.GOOD)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("g,p,yesterday,1,", "yesterday"),
        ("g,p,2018-06-03T12:00:00Z,high,", "high"),
        ("g,p,2018-06-03T12:00:00Z,nan,", "nan"),
        ("g,p,2018-06-03T12:00:00Z,inf,", "inf"),
        ("g,p,2018-06-03T12:00:00Z,,", "no value"),
        ("g,p", "too few"),
        ("g,p,2018-06-03T12:00:00Z,1,splendid", "splendid"),
    ],
)
def test_a_row_that_is_no_reading_is_named_and_the_rest_is_read(row: str, reason: str) -> None:
    good = "g,p,2018-06-03T12:00:00Z"

    samples, [refused] = read(f"device,point,taken_at,value,quality\n{good},1,\n{row}\n\n{good},2,")

    assert [sample.value for sample in samples] == [1.0, 2.0]
    assert refused.line == 3
    assert reason in refused.reason


@pytest.mark.parametrize("text", ["", "device,point,value\n"])
def test_a_file_without_its_columns_is_refused_whole(text: str) -> None:
    with pytest.raises(ImportRefusedError, match="taken_at"):
        read(text)


def test_a_long_file_comes_in_portions() -> None:
    rows = (f"g{n % 7},p,2018-06-03T12:{n // 60 % 60:02}:{n % 60:02}Z,{n}" for n in range(50_000))
    portions = list(read_portions(["device,point,taken_at,value", *rows], timezone=SHANGHAI))

    assert len(portions) == 3
    assert sum(block.size for portion in portions for block in portion.blocks) == 50_000
