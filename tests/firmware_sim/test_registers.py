import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from firmware_sim.clock import SimClock
from firmware_sim.errors import ModbusRefusalError
from firmware_sim.formulas import World
from firmware_sim.registers import RegisterMap, decode, encode
from firmware_sim.scenario import ByteOrder, RegisterSpec, RegisterType, UnitSpec

WORLD = World(clock=SimClock(anchor_s=0.0, start_s=0.0), series={})


def register(**keys: object) -> RegisterSpec:
    return RegisterSpec.model_validate(
        {"table": "holding", "addr": 0, "type": "u16", "value": "answers"} | keys
    )


def unit(*registers: dict[str, object], gaps: str = "refuse") -> RegisterMap:
    defaults = {"table": "holding", "type": "u16"}
    spec = {"unit": 1, "name": "u", "gaps": gaps, "registers": [defaults | one for one in registers]}
    return RegisterMap(UnitSpec.model_validate(spec), WORLD)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ABCD", (0x4120, 0x0304)),
        ("CDAB", (0x0304, 0x4120)),
        ("BADC", (0x2041, 0x0403)),
        ("DCBA", (0x0403, 0x2041)),
    ],
)
def test_the_four_byte_orders(order: ByteOrder, words: tuple[int, int]) -> None:
    (value,) = struct.unpack(">f", bytes.fromhex("41200304"))

    assert encode(register(type="f32", order=order), value) == words


@given(value=st.integers(-(2**31), 2**31 - 1), order=st.sampled_from(["ABCD", "CDAB"]))
def test_an_independent_client_reads_the_same_number(value: int, order: ByteOrder) -> None:
    words = list(encode(register(type="i32", order=order), value))
    read = ModbusClientMixin.convert_from_registers(
        words, ModbusClientMixin.DATATYPE.INT32, word_order="big" if order == "ABCD" else "little"
    )

    assert read == value


@given(
    kind=st.sampled_from(["u16", "i16", "u32", "i32", "f32", "u64", "i64", "f64", "bcd32"]),
    order=st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]),
    value=st.floats(0, 30),
)
def test_decoding_undoes_encoding(kind: RegisterType, order: ByteOrder, value: float) -> None:
    spec = register(type=kind, order="ABCD" if kind.endswith("16") else order, scale=0.001)

    assert decode(spec, encode(spec, value)) == pytest.approx(value, abs=0.00051)


def test_a_value_beyond_the_range_stays_at_its_end() -> None:
    assert encode(register(type="u16"), 70000) == (65535,)
    assert encode(register(type="u16"), -1) == (0,)
    assert encode(register(type="i16"), -40000) == (0x8000,)


def test_a_block_carries_the_values_wholly_inside_it() -> None:
    registers = unit(
        {"addr": 0, "value": {"constant": 7}},
        {"addr": 1, "type": "u32", "value": "answers"},
    )

    whole = registers.read("holding", 0, 3, event_s=0.0, counter=70000)
    part = registers.read("holding", 0, 2, event_s=0.0, counter=70000)

    assert whole.words == (7, 1, 4464)
    assert whole.values == {"holding/0": 7.0, "holding/1": 70000.0}
    assert whole.carries_counter
    assert part.words == (7, 1)
    assert not part.carries_counter


@pytest.mark.parametrize(("addr", "count"), [(0, 2), (1, 1), (2, 2), (3, 1)])
def test_a_block_with_an_address_that_is_not_there_is_refused(addr: int, count: int) -> None:
    registers = unit({"addr": 0, "value": {"constant": 7}}, {"addr": 2, "value": {"constant": 8}})

    with pytest.raises(ModbusRefusalError, match="exception 2"):
        registers.read("holding", addr, count, event_s=0.0, counter=1)


def test_gaps_may_read_as_zero() -> None:
    registers = unit(
        {"addr": 0, "value": {"constant": 7}}, {"addr": 2, "value": {"constant": 8}}, gaps="zero"
    )

    assert registers.read("holding", 0, 3, event_s=0.0, counter=1).words == (7, 0, 8)
    with pytest.raises(ModbusRefusalError):
        registers.read("holding", 0, 4, event_s=0.0, counter=1)


def test_what_a_master_writes_stays() -> None:
    registers = unit({"addr": 0, "value": {"constant": 7}}, {"addr": 1, "value": {"constant": 8}})

    registers.write("holding", 1, [99])

    block = registers.read("holding", 0, 2, event_s=0.0, counter=1)
    assert block.words == (7, 99)
    assert block.values == {"holding/0": 7.0, "holding/1": 99.0}


def test_the_counter_of_answers_is_not_written() -> None:
    registers = unit({"addr": 0, "type": "u32", "value": "answers"})

    for addr in (0, 1):
        with pytest.raises(ModbusRefusalError, match="exception 2"):
            registers.write("holding", addr, [0])
