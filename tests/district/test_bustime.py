"""The arithmetic of the RTU line, against figures by hand and against trying every plan."""

from datetime import timedelta
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.bus import ModbusRtuBus
from district.bustime import request_s
from district.cover import Bounds, Cell, plan_rota
from district.register import RegisterPointSpec


def bus(line: str = "9600-8N1", *, gap: str = "0s", max_words: int = 125) -> ModbusRtuBus:
    return ModbusRtuBus.model_validate(
        {
            "kind": "modbus-rtu",
            "port": "/dev/ttyS0",
            "line": line,
            "gap": gap,
            "turnaround": "20ms",
            "max_words": max_words,
        }
    )


def least_poll_s(line: ModbusRtuBus, points: list[RegisterPointSpec]) -> float:
    """The bus seconds of one poll of all the points, as the planner asks."""
    second = timedelta(seconds=1)
    cells = [Cell(each.resolved_table, each.address, each.words, second) for each in points]
    bounds = Bounds(max_words=line.max_words)
    return plan_rota(cells, bounds, lambda table, count: request_s(line, table, count)).load


def point(addr: int, kind: str = "u16", table: str = "input") -> RegisterPointSpec:
    return RegisterPointSpec.model_validate({"table": table, "addr": addr, "type": kind, "unit": "m"})


def test_a_request_for_two_registers_takes_request_answer_thinking_and_silence() -> None:
    # 8 + 5 + 4 characters of 10 bits at 9600, 20 ms to think, 3.5 characters of silence
    assert request_s(bus(), "input", 2) == pytest.approx(17 * 10 / 9600 + 0.020 + 3.5 * 10 / 9600)


def test_a_longer_gap_replaces_the_silence() -> None:
    assert request_s(bus(gap="50ms"), "input", 2) == pytest.approx(17 * 10 / 9600 + 0.020 + 0.050)


def test_parity_makes_characters_longer() -> None:
    assert request_s(bus("9600-8E1"), "input", 2) > request_s(bus("9600-8N1"), "input", 2)


def test_above_19200_baud_the_silence_is_fixed() -> None:
    assert request_s(bus("115200-8N1"), "input", 1) == pytest.approx(15 * 10 / 115200 + 0.020 + 0.00175)


def test_eight_coils_travel_in_one_character() -> None:
    assert request_s(bus(), "coil", 8) == pytest.approx(14 * 10 / 9600 + 0.020 + 3.5 * 10 / 9600)


def test_near_registers_are_read_together_and_far_ones_apart() -> None:
    line = bus()

    assert least_poll_s(line, [point(0), point(2)]) == request_s(line, "input", 3)
    assert least_poll_s(line, [point(0), point(60)]) == pytest.approx(2 * request_s(line, "input", 1))


def test_tables_are_never_read_together() -> None:
    line = bus()

    assert least_poll_s(line, [point(0), point(1, table="holding")]) == pytest.approx(
        2 * request_s(line, "input", 1)
    )


@given(
    addresses=st.lists(st.integers(0, 60), min_size=1, max_size=6, unique=True),
    max_words=st.integers(1, 40),
    gap_ms=st.integers(0, 60),
)
def test_no_plan_is_cheaper(addresses: list[int], max_words: int, gap_ms: int) -> None:
    line = bus(gap=f"{gap_ms}ms", max_words=max_words)
    ordered = sorted(addresses)
    plans = []
    for cuts in range(len(ordered)):
        for places in combinations(range(1, len(ordered)), cuts):
            edges = [0, *places, len(ordered)]
            blocks = [ordered[first:last] for first, last in pairwise(edges)]
            if all(block[-1] - block[0] < max_words for block in blocks):
                plans.append(sum(request_s(line, "input", block[-1] - block[0] + 1) for block in blocks))

    assert least_poll_s(line, [point(addr) for addr in addresses]) == pytest.approx(min(plans))


def test_durations_are_what_people_wrote() -> None:
    assert bus(gap="1.5s").gap == timedelta(seconds=1.5)
