"""Sparkplug B from the reference encoder: times, units, quality, aliases, gaps, deaths, and an alarm."""

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tahutils.tahu import sparkplug_b as tahu

from collector.foreign.sparkplug import Sparkplug
from collector.foreign.sparkplug_payload import decode_payload, rebirth_request
from collector.foreign.statement import ForeignError, Statement, Told
from collector.store import Row
from rules.transition import Level
from tests.collector.departments import NOW_MS, near, open_centre, write_district
from tests.collector.edge_nodes import Payload, Type, open_edge_node
from transport.measurement import Quality
from transport.session import Endpoint

PLANT = """
gateways:
  intake:
    area: linjiang
    buses:
      plant: {kind: sparkplug, host: tocsin}
profiles:
  tank:
    protocol: foreign
    codes:
      Tank/Level: {point: level, unit: m, valid: [-5, 30]}
      Tank/Valve: {point: valve, unit: "1"}
      Tank/Flow: {point: flow, unit: m3/h}
devices:
  - id: res-09-tank
    site: res-09
    gateway: intake
    bus: plant
    use: tank
    source: water/works-1/tank-2
    expect: 1m
    datum: {zero: 70, system: "1985"}
sites:
  res-09: {kind: reservoir, area: qingshan-1, name: {zh: 水厂水池, en: Works tank}}
"""
RULES = """
version: 1
rules:
  - id: tank-level
    name: {zh: 水位超限, en: Tank level}
    hazard: flood
    select: {site.kind: reservoir, point: level}
    override:
      res-09:
        levels:
          orange: {above: 82.0, clear: 81.7, for: 0s}
"""
METRICS = {
    "Tank/Level": (Type.Int16, -150, {"engUnit": "cm"}),
    "Tank/Valve": (Type.Boolean, True, {}),
    "Tank/Flow": (Type.Float, 12.5, {"engUnit": "L/s"}),
}
ALIASES = {"Tank/Level": 1, "Tank/Valve": 2}


@pytest.mark.server
async def test_what_a_node_says_is_stored_with_its_time_unit_and_quality_and_raises_an_alarm(
    broker: Endpoint, tmp_path: Path
) -> None:
    write_district(tmp_path, PLANT, rules=RULES)
    async with (
        open_edge_node(broker, "water/works-1", "tank-2") as node,
        open_centre(tmp_path, broker, judged=True) as centre,
    ):
        node.metrics, node.aliases = METRICS, ALIASES
        await node.asked(1)  # for nobody knows what it said before
        await node.birth(NOW_MS - 60_000)
        await node.data("Tank/Level", 1199, NOW_MS - 40_000)
        await node.past("Tank/Level", 300, NOW_MS - 3_600_000)
        await node.null("Tank/Valve", NOW_MS - 30_000)
        await node.data("Tank/Flow", 20.0, NOW_MS - 20_000, Quality=500)
        levels = await centre.stored("res-09-tank", "level", 3)
        assert not centre.alarms  # 81.99
        await node.data("Tank/Level", 1200, NOW_MS)
        await centre.alarm(Level.ORANGE)  # 82.00
        last = await centre.stored("res-09-tank", "level", 4)

        assert levels == [
            Row(NOW_MS - 3_600_000, 3.0, Quality.GOOD),
            Row(NOW_MS - 60_000, -1.5, Quality.GOOD),
            Row(NOW_MS - 40_000, 11.99, Quality.GOOD),
        ]
        assert last[-1] == Row(NOW_MS, 12.0, Quality.GOOD)
        assert await centre.stored("res-09-tank", "valve", 2) == [
            Row(NOW_MS - 60_000, 1.0, Quality.GOOD),
            Row(NOW_MS - 30_000, None, Quality.SENTINEL),
        ]
        assert await centre.stored("res-09-tank", "flow", 2) == [
            Row(NOW_MS - 60_000, near(45.0), Quality.GOOD),
            Row(NOW_MS - 20_000, near(72.0), Quality.TIMEOUT),
        ]
    assert centre.refused == ""


@pytest.mark.server
async def test_a_lost_message_is_asked_for_and_a_dead_node_has_no_values(
    broker: Endpoint, tmp_path: Path
) -> None:
    write_district(tmp_path, PLANT)
    async with (
        open_edge_node(broker, "water/works-1", "tank-2") as node,
        open_centre(tmp_path, broker) as centre,
    ):
        node.metrics, node.aliases = METRICS, ALIASES
        await node.asked(1)
        await node.birth(NOW_MS - 60_000)
        await centre.stored("res-09-tank", "level")
        node.lose_one()
        await node.data("Tank/Level", 200, NOW_MS - 50_000)
        await node.asked(2)
        await node.birth(NOW_MS - 40_000)
        found = await centre.stored("res-09-tank", "level", 3)
        await node.death()
        dead = await centre.stored("res-09-tank", "level", 4)

    assert [(row.at_ms, row.value) for row in found] == [
        (NOW_MS - 60_000, -1.5),
        (NOW_MS - 50_000, 2.0),
        (NOW_MS - 40_000, -1.5),
    ]
    assert dead[-1] == Row(NOW_MS, None, Quality.TIMEOUT)


SOURCE = "water/works-1/tank-2"
NODE = "spBv1.0/water/{}/works-1"
DEVICE = f"{NODE}/tank-2"


class Wire:
    """A node's messages, handed to a reader without a broker between."""

    def __init__(self) -> None:
        self.reader = Sparkplug([SOURCE])
        self.asked = 0
        self.now_s = 100.0

    def hears(self, topic: str, payload: object) -> Told:
        self.now_s += 0.5
        data = payload if isinstance(payload, bytes) else payload.SerializeToString()  # type: ignore[attr-defined]
        told, commands = self.reader.hear(topic, data, now_s=self.now_s, now_ms=NOW_MS)
        self.asked += len(commands)
        return told

    def birth(self, **aliases: int) -> Told:
        """A node and its device are born."""
        tahu.getNodeDeathPayload()
        first = self.hears(NODE.format("NBIRTH"), tahu.getNodeBirthPayload())
        assert first == Told([], [])
        return self.device_birth(**aliases)

    def device_birth(self, **aliases: int) -> Told:
        payload = tahu.getDeviceBirthPayload()
        for name, alias in aliases.items():
            tahu.addMetric(payload, name, alias, Type.Double, 0.0, NOW_MS)
        return self.hears(DEVICE.format("DBIRTH"), payload)

    def data(self, alias: int, value: float) -> Told:
        payload = tahu.getDdataPayload()
        tahu.addMetric(payload, None, alias, Type.Double, value, NOW_MS + 1000)
        return self.hears(DEVICE.format("DDATA"), payload)


def values(told: Told) -> list[tuple[str, float | None]]:
    return [(said.name, said.value) for said in told.statements]


def test_an_alias_means_what_the_birth_said() -> None:
    wire = Wire()
    wire.birth(level=7, flow=8)

    assert values(wire.data(7, 1.5)) == [("level", 1.5)]
    assert values(wire.data(8, 2.5)) == [("flow", 2.5)]
    assert wire.asked == 0


def test_after_a_gap_the_node_is_asked_and_what_came_meanwhile_is_kept() -> None:
    wire = Wire()
    wire.birth(level=7)
    tahu.getDdataPayload()  # is lost

    assert values(wire.data(7, 1.5)) == []
    assert wire.asked == 1
    assert values(wire.birth(level=7)) == [("level", 1.5), ("level", 0.0)]
    assert values(wire.data(7, 2.5)) == [("level", 2.5)]
    assert wire.asked == 1


def test_after_a_gap_an_alias_that_means_another_thing_is_refused() -> None:
    wire = Wire()
    wire.birth(level=7, flow=8)
    tahu.getDdataPayload()
    wire.data(7, 1.5)

    told = wire.birth(level=8, flow=7)

    assert values(told) == [("level", 0.0), ("flow", 0.0)]
    assert [refused.reason for refused in told.refused] == [
        f"{SOURCE}: what alias 7 means is not known: the birth that says so did not come"
    ]


def test_a_node_that_was_never_born_is_asked_no_more_than_every_five_seconds() -> None:
    wire = Wire()

    for _ in range(24):  # half seconds
        assert values(wire.data(7, 1.5)) == []

    assert wire.asked == 3


def test_the_sequence_goes_on_after_255() -> None:
    wire = Wire()
    wire.birth(level=7)

    for number in range(600):
        assert values(wire.data(7, float(number))) == [("level", float(number))]

    assert wire.asked == 0


def test_a_death_of_an_earlier_birth_is_late() -> None:
    wire = Wire()
    wire.birth(level=7)
    old = Payload()
    tahu.addMetric(old, "bdSeq", None, Type.Int64, tahu.bdSeq - 1)
    wire.birth(level=7)

    assert wire.hears(NODE.format("NDEATH"), old) == Told()
    assert values(wire.data(7, 1.5)) == [("level", 1.5)]

    now = Payload()
    tahu.addMetric(now, "bdSeq", None, Type.Int64, tahu.bdSeq - 1)
    assert wire.hears(NODE.format("NDEATH"), now) == Told(gone=[SOURCE])
    assert values(wire.data(7, 1.5)) == []
    assert wire.asked == 1


def test_a_device_may_die_alone() -> None:
    wire = Wire()
    wire.birth(level=7)

    assert wire.hears(DEVICE.format("DDEATH"), tahu.getDdataPayload()) == Told(gone=[SOURCE])
    assert values(wire.device_birth(level=7)) == [("level", 0.0)]


NUMBERS = st.one_of(
    st.tuples(st.just(Type.Int8), st.integers(-(2**7), 2**7 - 1)),
    st.tuples(st.just(Type.Int16), st.integers(-(2**15), 2**15 - 1)),
    st.tuples(st.just(Type.Int32), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(Type.Int64), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(Type.UInt8), st.integers(0, 2**8 - 1)),
    st.tuples(st.just(Type.UInt16), st.integers(0, 2**16 - 1)),
    st.tuples(st.just(Type.UInt32), st.integers(0, 2**32 - 1)),
    st.tuples(st.just(Type.UInt64), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(Type.Float), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    st.tuples(st.just(Type.Double), st.floats(allow_nan=False, allow_infinity=False)),
    st.tuples(st.just(Type.Boolean), st.booleans()),
)


@given(
    number=NUMBERS, name=st.text(max_size=40), alias=st.integers(0, 2**64 - 1), at_ms=st.integers(0, 2**63)
)
def test_every_number_is_read_as_the_reference_wrote_it(
    number: tuple[int, float], name: str, alias: int, at_ms: int
) -> None:
    kind, value = number
    payload = Payload(timestamp=at_ms, seq=3)
    tahu.addMetric(payload, name, alias, kind, value, at_ms)

    read = decode_payload(payload.SerializeToString())

    [metric] = read.metrics
    assert (read.at_ms, read.seq) == (at_ms, 3)
    assert (metric.name, metric.alias, metric.at_ms, metric.datatype) == (name, alias, at_ms, kind)
    read_value = metric.reading(None)
    assert read_value is not None
    if kind == Type.Float:  # the shortest decimal of the same 32 bits
        assert struct.pack("<f", read_value) == struct.pack("<f", value)
    else:
        assert read_value == float(value)


def test_a_single_that_means_0_9_reaches_a_limit_of_0_9() -> None:
    payload = Payload()
    tahu.addMetric(payload, "level", 1, Type.Float, 0.9)

    [metric] = decode_payload(payload.SerializeToString()).metrics

    assert metric.reading(None) == 0.9


@given(
    values=st.lists(
        st.tuples(
            st.sampled_from(["engUnit", "Quality", "other"]), st.one_of(st.text(), st.integers(0, 999))
        ),
        max_size=5,
    )
)
def test_properties_are_read_as_the_reference_wrote_them(values: list[tuple[str, str | int]]) -> None:
    payload = Payload()
    metric = tahu.addMetric(payload, "level", None, Type.Double, 1.0)
    for key, value in values:
        metric.properties.keys.append(key)
        entry = metric.properties.values.add()
        if isinstance(value, str):
            entry.string_value = value
        else:
            entry.long_value = value

    [read] = decode_payload(payload.SerializeToString()).metrics

    assert read.properties == dict(values)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_an_error_of_ours(data: bytes) -> None:
    with suppress(ForeignError):
        decode_payload(data)


@given(data=st.binary(max_size=30), cut=st.integers(0, 100))
def test_a_payload_that_is_cut_or_spoiled_is_a_payload_or_an_error_of_ours(data: bytes, cut: int) -> None:
    payload = Payload(timestamp=NOW_MS, seq=1)
    tahu.addMetric(payload, "level", 1, Type.Double, 1.0)
    whole = payload.SerializeToString()
    wire = Wire()

    with suppress(ForeignError):
        wire.hears(NODE.format("NDATA"), whole[: cut % len(whole)] + data)


def test_the_request_for_a_birth_is_what_the_reference_reads() -> None:
    payload = Payload()
    payload.ParseFromString(rebirth_request(NOW_MS))

    [metric] = payload.metrics
    assert (payload.timestamp, metric.name, metric.datatype, metric.boolean_value) == (
        NOW_MS,
        "Node Control/Rebirth",
        Type.Boolean,
        True,
    )


@pytest.mark.parametrize(
    ("said", "quality"),
    [(192, Quality.GOOD), (0, Quality.FLAG), (500, Quality.TIMEOUT), (7, Quality.FLAG)],
)
def test_the_property_quality_is_heeded(said: int, quality: Quality) -> None:
    wire = Wire()
    wire.birth(level=7)
    payload = tahu.getDdataPayload()
    metric = tahu.addMetric(payload, None, 7, Type.Double, 1.5, NOW_MS)
    metric.properties.keys.append("Quality")
    metric.properties.values.add().int_value = said

    told = wire.hears(DEVICE.format("DDATA"), payload)

    assert list(told.statements) == [Statement(SOURCE, "level", 1.5, quality, NOW_MS)]


def test_a_table_and_a_text_are_no_readings() -> None:
    wire = Wire()
    wire.birth(level=7)
    payload = tahu.getDdataPayload()
    tahu.initDatasetMetric(payload, "table", None, ["a"], [Type.Int32])
    tahu.addMetric(payload, "word", None, Type.String, "shut", NOW_MS)
    tahu.addMetric(payload, "figure", None, Type.String, " 12.5 ", NOW_MS)
    tahu.addMetric(payload, "when", None, Type.DateTime, NOW_MS, NOW_MS)

    told = wire.hears(DEVICE.format("DDATA"), payload)

    assert values(told) == [("figure", 12.5)]
    assert [refused.reason for refused in told.refused] == [
        f"{SOURCE} table: a value of type 16 is no reading",
        f"{SOURCE} word: shut is no number",
        f"{SOURCE} when: a value of type 13 is no reading",
    ]


def test_nodes_of_others_and_commands_are_passed_over() -> None:
    wire = Wire()

    assert wire.hears("spBv1.0/water/NDATA/works-9", b"\xff") == Told()
    assert wire.hears("spBv1.0/water/NCMD/works-1", b"\xff") == Told()
    assert wire.hears("spBv1.0/STATE/tocsin", b"{}") == Told()
    assert wire.asked == 0
