"""Line protocol: one line an answer, one field a point, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.block import blocks_from
from collector.errors import StoreRefusedError
from collector.wide import Field, LineBuilder, Place, mark_of, newest_of, places_of, rows_of
from district.inventory import District
from transport.batch import Sample
from transport.measurement import Quality

GOOD = Quality.GOOD
PLACES = {"gauge": Place("river", "xiaxi-1", "river-01", "gw-1")}
HEAD = "river,area=xiaxi-1,device=gauge,gateway=gw-1,site=river-01"


def lines(*samples: Sample) -> list[str]:
    return LineBuilder(PLACES).lines(blocks_from(samples)).decode().splitlines()


def test_the_points_of_one_answer_share_a_line() -> None:
    assert lines(Sample("gauge", "level", 7, 1.25, GOOD), Sample("gauge", "answers", 7, 3.0, GOOD)) == [
        f"{HEAD} level=1.25,answers=3.0 7"
    ]


def test_each_answer_has_its_line() -> None:
    assert lines(
        Sample("gauge", "level", 7, 1.0, GOOD),
        Sample("gauge", "level", 8, 2.0, GOOD),
        Sample("other", "level", 8, 3.0, GOOD),
    ) == [f"{HEAD} level=1.0 7", f"{HEAD} level=2.0 8", "unassigned,device=other level=3.0 8"]


def test_what_is_not_good_has_its_quality_beside_it() -> None:
    assert lines(
        Sample("gauge", "level", 7, 1.0, Quality.SPIKE), Sample("gauge", "flow", 7, None, Quality.TIMEOUT)
    ) == [f'{HEAD} level=1.0,level_q="uncertain:spike",flow_q="bad:timeout" 7']


def test_names_are_escaped() -> None:
    assert lines(Sample("a b,c=d", "x y", 1, 1.0, GOOD)) == [r"unassigned,device=a\ b\,c\=d x\ y=1.0 1"]


@pytest.mark.parametrize("name", ["", "a\nb", "a\\", "time", "\t"])
def test_names_that_line_protocol_cannot_hold_are_refused(name: str) -> None:
    with pytest.raises(StoreRefusedError):
        lines(Sample("gauge", name, 1, 1.0, GOOD))


def test_every_device_has_its_place(district: District) -> None:
    places = places_of(district)

    assert places["river-01-level"] == Place("river", "xiaxi-1", "river-01", "gw-qingshan")
    assert places.keys() == district.devices.keys() | district.disabled.keys()


SERIES = st.dictionaries(
    st.integers(0, 50),
    st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(Quality))
    | st.tuples(st.none(), st.sampled_from([quality for quality in Quality if quality.is_bad])),
    min_size=1,
)


def fields(series: dict[int, tuple[float | None, Quality]]) -> list[Field]:
    values = [Field("gauge", "level", at, value) for at, (value, _) in series.items() if value is not None]
    marks = [
        Field("gauge", mark_of("level"), at, quality.value)
        for at, (_, quality) in series.items()
        if quality is not GOOD
    ]
    return values + marks


@given(SERIES)
def test_fields_become_the_rows_they_came_from(series: dict[int, tuple[float | None, Quality]]) -> None:
    rows = rows_of(fields(series))

    assert [(row.at_ms, (row.value, row.quality)) for row in rows] == sorted(series.items())


@given(SERIES)
def test_the_newest_needs_only_the_last_value_and_the_last_mark(
    series: dict[int, tuple[float | None, Quality]],
) -> None:
    by_name: dict[str, Field] = {}
    for field in sorted(fields(series), key=lambda field: field.at_ms):
        by_name[field.name] = field  # what `last()` returns for each field

    [newest] = newest_of(by_name.values())

    assert newest == Sample("gauge", "level", max(series), *series[max(series)])
