import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim import Simulator, read_served
from firmware_sim.hj212 import FrameScanner, data_time, encode_frame, query_number
from firmware_sim.record import Served
from tests.firmware_sim.conftest import Simulate
from tests.firmware_sim.masters import (
    Collector,
    Hj212Frame,
    RawPort,
    data_answer,
    hj212_frame,
    reference_crc,
    until,
)

STATION = """
      {line}:
        kind: {kind}
        {where}
        stations:
          - name: {name}
            mn: {mn}
            st: 22
            password: "123456"
            every: 1m
            factors:
              a34004: {{value: {{constant: 35.26}}, decimals: 1}}
              LA: {{value: {{constant: 61}}, decimals: 0}}
            answers: x90001
"""
ANNEX_A = (
    "QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"
)


def tcp_station(collector: Collector) -> str:
    return "lines:" + STATION.format(
        line="site-net",
        kind="hj212-tcp",
        where=f"connect: {collector.endpoint!r}",
        name="dust",
        mn="A110000_0003",
    )


def serial_station() -> str:
    return "lines:" + STATION.format(
        line="air-232", kind="hj212-serial", where="line: 9600-8N1", name="air", mn="A110000_0004"
    )


def fast(lead_s: float = 0.0) -> str:
    """A minute of event time in a fifth of a second; with a lead, the first full minute is not missed."""
    return f"{time.time() + lead_s:.3f}@2018-06-03T16:05:00Z*300"


def rows(sim: Simulator) -> list[Served]:
    return read_served(sim.run_dir)


def test_the_annex_a_example_is_framed_as_printed() -> None:
    assert encode_frame(ANNEX_A) == f"##0101{ANNEX_A}1C80\r\n".encode()


@given(junk=st.binary(max_size=30), cut=st.integers(1, 40))
def test_frames_are_found_between_junk_however_they_are_cut(junk: bytes, cut: int) -> None:
    scanner = FrameScanner()
    stream = junk.replace(b"##", b"..").rstrip(b"#") + encode_frame(ANNEX_A) * 2
    found = [
        message
        for start in range(0, len(stream), cut)
        for message in scanner.feed(stream[start : start + cut])
    ]

    assert [message.content for message in found] == ["RtdInterval=30"] * 2
    assert found[0].fields["MN"] == "010000A8900016F000169DC0"


def test_a_frame_with_a_wrong_check_is_dropped_and_the_next_one_found() -> None:
    scanner = FrameScanner()
    wrong = encode_frame(ANNEX_A).replace(b"1C80", b"801C")

    assert len(list(scanner.feed(wrong + encode_frame(ANNEX_A)))) == 1


def test_times_are_the_stations_own() -> None:
    assert data_time(1528041900123, 8 * 3600.0) == "20180604000500"
    assert query_number(1528041900123, 8 * 3600.0) == "20180604000500123"


async def test_a_station_dials_and_sends_what_is_due(simulate: Simulate) -> None:
    async with Collector() as collector:
        sim = await simulate(tcp_station(collector), clock=fast(lead_s=1.5))
        await until(lambda: len(collector.frames) >= 3)
        await until(lambda: all(row.answered_s for row in rows(sim)[:3]))

    first, second = collector.frames[:2]
    assert first.whole
    assert first.fields == {
        "QN": "20180604000500000",
        "ST": "22",
        "CN": "2011",
        "PW": "123456",
        "MN": "A110000_0003",
        "Flag": "5",
    }
    assert first.items == {
        "DataTime": "20180604000500",
        "a34004-Rtd": "35.3",
        "a34004-Flag": "N",
        "LA-Rtd": "61",
        "LA-Flag": "N",
        "x90001-Rtd": "1",
        "x90001-Flag": "N",
    }
    assert (second.items["DataTime"], second.items["x90001-Rtd"]) == ("20180604000600", "2")
    row = rows(sim)[0]
    assert (row.instrument, row.counter, row.event_ms) == ("dust", 1, 1528041900000)
    assert row.values == {"a34004": 35.3, "LA": 61.0, "x90001": 1.0}


async def test_an_unanswered_frame_is_sent_again_unchanged_until_it_is_answered(simulate: Simulate) -> None:
    async with Collector(answering=False) as collector:
        sim = await simulate(tcp_station(collector), clock=fast(lead_s=1.5))
        await until(lambda: collector.qns.count("20180604000500000") >= 2)
        collector.answering = True
        await until(lambda: len(rows(sim)) > 0 and rows(sim)[0].answered_s)

    copies = [frame.raw for frame in collector.frames if frame.qn == "20180604000500000"]
    assert len(set(copies)) == 1
    served = rows(sim)
    assert len({row.event_ms for row in served}) == len(served)  # one row a frame
    assert [row.counter for row in served] == list(range(1, len(served) + 1))


async def test_what_was_kept_while_the_line_was_cut_arrives_after_it(simulate: Simulate) -> None:
    async with Collector() as collector:
        sim = await simulate(tcp_station(collector), clock=fast())
        await until(lambda: len(collector.frames) >= 2)
        await sim.set_fault("dust", "disconnect")
        await until(lambda: sim.status()["instruments"]["dust"]["pending"] >= 3)
        kept = sim.status()["instruments"]["dust"]["pending"]
        await sim.clear_fault("dust", "disconnect")
        await until(
            lambda: collector.connections == 2 and sim.status()["instruments"]["dust"]["pending"] == 0
        )

    counters = sorted({int(frame.items["x90001-Rtd"]) for frame in collector.frames})
    assert len(counters) >= 2 + kept
    assert counters == list(range(1, len(counters) + 1))


async def test_a_station_finds_a_collector_that_was_away(simulate: Simulate) -> None:
    async with Collector() as collector:
        collector.go()
        sim = await simulate(tcp_station(collector), clock=fast())
        await until(lambda: sim.status()["instruments"]["dust"]["pending"] >= 2)
        unsent = rows(sim)
        await collector.come()
        await until(lambda: rows(sim) and all(row.answered_s for row in rows(sim)[:2]))

    assert unsent == []  # what was never sent was never served
    assert [row.counter for row in rows(sim)[:2]] == [1, 2]


async def test_a_serial_station_sends_and_takes_its_answer(simulate: Simulate) -> None:
    sim = await simulate(serial_station(), clock=fast())
    with RawPort(sim.endpoints["air-232"]) as port:
        await until(lambda: b"\r\n" in port.received)
        frame = Hj212Frame(port.received[: port.received.index(b"\r\n") + 2])
        port.write(data_answer(frame))
        await until(lambda: rows(sim)[0].answered_s)

    assert frame.whole
    assert frame.fields["MN"] == "A110000_0004"


async def test_a_station_tells_its_time_and_refuses_what_it_does_not_know(simulate: Simulate) -> None:
    async with Collector() as collector:
        await simulate(tcp_station(collector), clock=fast())
        await until(lambda: collector.frames)
        head = "QN=20180604000501000;ST=22;CN={};PW={};MN=A110000_0003;Flag=5;CP=&&&&"
        for command, password in (("1011", "123456"), ("3019", "123456"), ("1011", "wrong")):
            collector.send(hj212_frame(head.format(command, password)))
        await until(lambda: sum(frame.fields["CN"] != "2011" for frame in collector.frames) >= 5)

    replies = [frame for frame in collector.frames if frame.fields["CN"] != "2011"]
    assert {frame.qn for frame in replies} == {"20180604000501000"}
    told = [(frame.fields["CN"], frame.items.get("QnRtn"), frame.items.get("ExeRtn")) for frame in replies]
    assert told == [
        ("9011", "1", None),
        ("1011", None, None),
        ("9012", None, "1"),
        ("9011", "2", None),
        ("9011", "3", None),
    ]
    assert replies[1].items["SystemTime"].startswith("20180604")


@pytest.mark.parametrize("fault", ["bad-crc", "wrong-unit"])
async def test_a_falsified_frame_counts_once_it_goes_out_intact(simulate: Simulate, fault: str) -> None:
    async with Collector() as collector:
        sim = await simulate(tcp_station(collector), clock=fast())
        await sim.set_fault("dust", fault)  # type: ignore[arg-type]
        await until(lambda: any(row.fault == fault for row in rows(sim)))
        wrong = collector.frames
        await until(lambda: wrong)
        await sim.clear_fault("dust", fault)  # type: ignore[arg-type]
        await until(lambda: any(row.answered_s and row.counter == 1 for row in rows(sim)))

    assert not wrong[0].whole or wrong[0].fields["MN"] != "A110000_0003"
    assert all(row.counter is None for row in rows(sim) if row.fault)


async def test_garbage_is_no_frame(simulate: Simulate) -> None:
    sim = await simulate(serial_station(), clock=fast())
    await sim.set_fault("air", "garbage")
    with RawPort(sim.endpoints["air-232"]) as port:
        await until(lambda: any(row.fault == "garbage" for row in rows(sim)))
        await until(lambda: len(port.received) > 100)

        assert b"##0" not in port.received


async def test_a_silent_station_makes_nothing_it_could_send_later(simulate: Simulate) -> None:
    async with Collector() as collector:
        sim = await simulate(tcp_station(collector), clock=fast())
        await sim.set_fault("dust", "silence")
        await until(lambda: sum(row.fault == "silence" for row in rows(sim)) >= 2)
        await sim.clear_fault("dust", "silence")
        silent = {row.event_ms for row in rows(sim) if row.fault == "silence"}
        await until(lambda: any(row.answered_s and row.event_ms > max(silent) for row in rows(sim)))

    sent = {row.event_ms for row in rows(sim) if row.fault is None}
    assert not sent & silent


async def test_a_flag_marks_the_factors_and_not_the_counter(simulate: Simulate) -> None:
    async with Collector() as collector:
        sim = await simulate(tcp_station(collector), clock=fast())
        await sim.set_fault("dust", "flag", flag="D", factors=("a34004",))
        await until(lambda: any(frame.items["a34004-Flag"] == "D" for frame in collector.frames))
        await until(lambda: any(row.fault == "flag" and row.counter for row in rows(sim)))

    flagged = next(frame for frame in collector.frames if frame.items["a34004-Flag"] == "D")
    assert (flagged.items["LA-Flag"], flagged.items["x90001-Flag"]) == ("N", "N")


async def test_a_late_frame_keeps_its_time_and_counts(simulate: Simulate) -> None:
    async with Collector() as collector:
        sim = await simulate(tcp_station(collector), clock=fast())
        await sim.set_fault("dust", "late", delay_ms=400)
        await until(lambda: any(row.fault == "late" and row.answered_s for row in rows(sim)))

    late = next(row for row in rows(sim) if row.fault == "late")
    assert late.counter is not None
    assert late.wall_s - sim.clock.wall_at(late.event_ms / 1000) >= 0.4


def test_the_collector_of_these_tests_checks_frames_itself() -> None:
    assert reference_crc(ANNEX_A.encode(), modbus=False) == b"1C80"
