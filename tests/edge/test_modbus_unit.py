"""One unit without its wire: what it is asked, what its answers mean, what becomes of what it refuses."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.bus import ModbusRtuBus
from district.cover import Request
from district.inventory import Point, RequestLimits, ScaleSource
from edge.errors import EdgeSpecError
from edge.modbus.unit import ModbusUnit
from tests.edge.points import device, point, register
from transport.measurement import Quality

MINUTE = timedelta(seconds=60)
DUE = frozenset({MINUTE})
LINE = ModbusRtuBus.model_validate({"kind": "modbus-rtu", "port": "/dev/ttyS0", "line": "9600-8N1"})
ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY = 2, 3, 6


def words(*places: int) -> list[Point]:
    return [point(f"p{place}", source=register(place)) for place in places]


def unit_of(*points: Point, **limits: object) -> ModbusUnit:
    return ModbusUnit(device("gauge", *points, limits=RequestLimits(**limits)), LINE)  # type: ignore[arg-type]


class Registers:
    """A unit's memory: answers a request, or refuses it."""

    def __init__(self, there: Iterable[int], *, most: int = 125) -> None:
        self.there = set(there)
        self.most = most
        self.asked: list[tuple[int, int]] = []

    def poll(self, unit: ModbusUnit, now_s: float) -> dict[str, tuple[float | None, Quality]]:
        """Poll as the bus owner does; returns what came."""
        values: dict[str, tuple[float | None, Quality]] = {}
        self.asked.clear()
        left = unit.requests(DUE, now_s)
        while left:
            request = left.pop(0)
            self.asked.append((request.address, request.count))
            span = range(request.address, request.address + request.count)
            if request.count > self.most:
                left[:0] = unit.refused(request, ILLEGAL_VALUE, now_s)
            elif not self.there.issuperset(span):
                left[:0] = unit.refused(request, ILLEGAL_ADDRESS, now_s)
            else:
                data = b"".join(place.to_bytes(2, "big") for place in span)
                values |= unit.answered(request, data)
        unit.poll_ends()
        return values


def test_all_points_come_in_one_request_where_the_unit_allows() -> None:
    memory = Registers(range(20))
    unit = unit_of(*words(0, 3, 9))

    assert memory.poll(unit, 0.0) == {f"p{n}": (float(n), Quality.GOOD) for n in (0, 3, 9)}
    assert memory.asked == [(0, 10)]


def test_addresses_between_points_are_left_out_once_they_were_refused() -> None:
    memory = Registers([0, 1, 5, 6])
    unit = unit_of(*words(0, 1, 5, 6))

    assert len(memory.poll(unit, 0.0)) == 4
    assert len(memory.poll(unit, 60.0)) == 4
    assert memory.asked == [(0, 2), (5, 2)]


def test_a_unit_that_minds_holes_is_never_asked_across_one() -> None:
    memory = Registers([0, 1, 5, 6])

    memory.poll(unit_of(*words(0, 1, 5, 6), holes=False), 0.0)

    assert memory.asked == [(0, 2), (5, 2)]


def test_one_register_that_is_refused_is_left_out_and_tried_again_later() -> None:
    memory = Registers(set(range(8)) - {5})
    unit = unit_of(*words(*range(8)))

    first = memory.poll(unit, 0.0)
    second = memory.poll(unit, 60.0)

    assert first.keys() == second.keys() == {f"p{n}" for n in range(8) if n != 5}
    assert memory.asked == [(0, 5), (6, 2)]
    assert unit.quarantined(DUE) == ["p5"]
    memory.poll(unit, 700.0)
    assert (5, 1) in memory.asked
    memory.there.add(5)
    memory.poll(unit, 1400.0)
    assert (5, 1) not in memory.asked  # refused twice: it is asked ever more rarely
    memory.poll(unit, 2000.0)
    assert unit.quarantined(DUE) == []
    assert memory.poll(unit, 2060.0).keys() == {f"p{n}" for n in range(8)}
    assert memory.asked == [(0, 8)]


@given(
    st.sets(st.integers(0, 60), min_size=1, max_size=20),
    st.sets(st.integers(0, 60)),
    st.integers(1, 40),
)
def test_whatever_a_unit_refuses_all_that_it_has_is_read(
    wanted: set[int], missing: set[int], most: int
) -> None:
    memory = Registers(wanted - missing, most=most)
    unit = unit_of(*words(*sorted(wanted)))

    for poll in range(8):
        values = memory.poll(unit, poll * 60.0)

    assert values.keys() == {f"p{n}" for n in wanted - missing}
    assert all(count <= most for _, count in memory.asked)


def test_a_length_that_is_refused_is_learned() -> None:
    memory = Registers(range(40), most=16)
    unit = unit_of(*words(*range(40)))

    for poll in range(3):
        memory.poll(unit, poll * 60.0)

    assert len(memory.asked) <= 4
    assert unit.quarantined(DUE) == []


def test_a_busy_unit_is_not_split() -> None:
    unit = unit_of(*words(0, 1))

    assert unit.refused(unit.requests(DUE, 0.0)[0], BUSY, 0.0) == []
    assert unit.quarantined(DUE) == []


def qdy30a() -> ModbusUnit:
    """A level transmitter that says its unit and its decimals in registers of their own."""
    unit = ScaleSource(
        table="holding", addr=2, type="u16", order="ABCD", words=1, says={16: 1.0, 17: 0.01, 18: 0.001}
    )
    decimals = ScaleSource(table="holding", addr=3, type="u16", order="ABCD", words=1, says="decimals")
    return unit_of(point("level", source=register(4, "i16", scale_by=(unit, decimals))))


@pytest.mark.parametrize(
    ("unit_code", "decimals", "raw", "value"),
    [(17, 1, 1234, 1.234), (16, 3, 1234, 1.234), (18, 0, 1234, 1.234), (17, 0, -5, -0.05)],
)
def test_the_level_is_in_metres_however_the_transmitter_is_set(
    unit_code: int, decimals: int, raw: int, value: float
) -> None:
    unit = qdy30a()
    (request,) = unit.requests(DUE, 0.0)
    data = b"".join(word.to_bytes(2, "big", signed=word < 0) for word in (unit_code, decimals, raw))

    assert (request.address, request.count) == (2, 3)
    assert unit.answered(request, data) == {"level": (value, Quality.GOOD)}


def test_a_transmitter_set_to_a_unit_we_do_not_know_is_not_believed() -> None:
    unit = qdy30a()
    (request,) = unit.requests(DUE, 0.0)

    assert unit.answered(request, b"\0\1\0\1\4\xd2") == {"level": (None, Quality.INVALID)}


def test_a_scale_far_away_is_read_first_and_never_taken_from_an_earlier_poll() -> None:
    far = ScaleSource(table="input", addr=900, type="u16", order="ABCD", words=1, says="decimals")
    unit = unit_of(point("level", source=register(4, scale_by=(far,))))
    scale, level = unit.requests(DUE, 0.0)

    assert (scale.table, level.table) == ("input", "holding")
    assert unit.answered(scale, b"\0\2") == {}
    assert unit.answered(level, b"\0\xc8") == {"level": (2.0, Quality.GOOD)}
    scale, level = unit.requests(DUE, 60.0)
    assert unit.answered(level, b"\0\xc8") == {"level": (None, Quality.INVALID)}


def test_points_in_one_register_are_one_cell() -> None:
    flags = [point(f"flag{n}", source=register(7, "bool", bits=(n, n))) for n in range(16)]
    unit = unit_of(*flags)
    (request,) = unit.requests(DUE, 0.0)

    values = unit.answered(request, b"\x80\x01")

    assert request.cells == (Request("holding", 7, 1, request.cells).cells[0],)
    assert [name for name, (value, _) in values.items() if value] == ["flag0", "flag15"]


def test_a_value_longer_than_any_answer_is_refused_at_once() -> None:
    with pytest.raises(EdgeSpecError, match="max_words"):
        unit_of(point("total", source=register(0, "u64")), max_words=2)
