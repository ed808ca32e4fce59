"""Instruments that are asked, and instruments that speak: what their drivers make of odd behaviour."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from district.bus import HostPort
from district.inventory import Device, Speech
from edge.errors import ReadError
from edge.instruments.framing import LineSplitter
from edge.instruments.questions import ask
from edge.link import Link, dial_tcp
from edge.plantower import READ_NOW
from edge.plantower import Splitter as PlantowerSplitter
from tests.edge.encoders import plantower_frame, sdi12_answer, vaisala_answer
from tests.edge.points import device
from transport.measurement import Quality

Answer = Callable[[bytes], list[bytes | float]]
PATIENT_S, SHORT_S = 10.0, 0.3


@asynccontextmanager
async def line(answer: Answer) -> AsyncIterator[Link]:
    """A line to an instrument that answers each question with bytes, and pauses in between."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while question := await reader.read(100):
            for part in answer(question):
                if isinstance(part, float):
                    await asyncio.sleep(part)
                else:
                    writer.write(part)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = Link("line", dial_tcp(HostPort(host="127.0.0.1", port=port)), now_ms=lambda: 0)
    try:
        await link.open()
        yield link
    finally:
        await link.close()
        server.close()
        await asyncio.sleep(0)


def sensor(speech: Speech, address: str | None = "0") -> Device:
    settings: dict[str, Any] = {"unit": None, "address": address, "speech": speech}
    return device("sensor", **settings)


def scripted(script: dict[bytes, list[bytes | float]]) -> Answer:
    return lambda question: script.get(question, [])


SDI12 = Speech(protocol="sdi12", asked=True)


async def asked(
    link: Link, speech: Speech, *, timeout_s: float = PATIENT_S, address: str | None = "0"
) -> list[float | None]:
    telegram = await ask(link, sensor(speech, address), speech, timeout_s)
    return [said.value for said in telegram.said]


async def test_sdi12_values_that_need_several_answers_are_joined() -> None:
    script: dict[bytes, list[bytes | float]] = {
        b"0M!": [b"00004\r\n"],
        b"0D0!": [sdi12_answer("0", ["+1.5", "-2.5"], crc=False)],
        b"0D1!": [sdi12_answer("0", ["+3", "+4"], crc=False)],
    }
    async with line(scripted(script)) as link:
        telegram = await ask(link, sensor(SDI12), SDI12, PATIENT_S)

    assert [(said.code, said.value) for said in telegram.said] == [
        ("1", 1.5),
        ("2", -2.5),
        ("3", 3.0),
        ("4", 4.0),
    ]


async def test_an_sdi12_sensor_that_needs_time_says_when_it_is_ready() -> None:
    script: dict[bytes, list[bytes | float]] = {
        b"0M!": [b"00301\r\n", 0.05, b"0\r\n"],
        b"0D0!": [sdi12_answer("0", ["+7"], crc=False)],
    }
    async with line(scripted(script)) as link:
        assert await asked(link, SDI12) == [7.0]


async def test_an_sdi12_sensor_that_says_nothing_is_ready_when_its_time_is_up() -> None:
    script: dict[bytes, list[bytes | float]] = {
        b"0M!": [b"00011\r\n"],
        b"0D0!": [sdi12_answer("0", ["+7"], crc=False)],
    }
    async with line(scripted(script)) as link:
        assert await asked(link, SDI12) == [7.0]


async def test_an_adapter_that_repeats_the_question_is_understood() -> None:
    script: dict[bytes, list[bytes | float]] = {
        b"0M!": [b"0M!00001\r\n"],
        b"0D0!": [b"0D0!" + sdi12_answer("0", ["+7"], crc=False)],
    }
    async with line(scripted(script)) as link:
        assert await asked(link, SDI12) == [7.0]


async def test_a_crc_that_was_asked_for_must_be_there() -> None:
    speech = Speech(protocol="sdi12", asked=True, measure="M2", crc=True)
    script: dict[bytes, list[bytes | float]] = {
        b"0MC2!": [b"00001\r\n"],
        b"0D0!": [sdi12_answer("0", ["+7"], crc=False)],
    }
    async with line(scripted(script)) as link:
        with pytest.raises(ReadError) as caught:
            await asked(link, speech)

    assert caught.value.quality is Quality.CHECKSUM


async def test_a_sensor_that_measured_nothing_has_no_value() -> None:
    script: dict[bytes, list[bytes | float]] = {b"0M!": [b"00001\r\n"], b"0D0!": [b"0\r\n"]}
    async with line(scripted(script)) as link:
        with pytest.raises(ReadError) as caught:
            await asked(link, SDI12)

    assert caught.value.quality is Quality.SENTINEL


async def test_silence_is_a_timeout() -> None:
    async with line(scripted({})) as link:
        with pytest.raises(ReadError, match="no answer") as caught:
            await asked(link, SDI12, timeout_s=SHORT_S)

    assert caught.value.quality is Quality.TIMEOUT


async def test_noise_and_other_instruments_before_an_answer_are_passed_over() -> None:
    good = vaisala_answer("0", {"Ta": "21.5C"})
    script: dict[bytes, list[bytes | float]] = {
        b"0R0\r\n": [b"\xff\x00junk\r\n", vaisala_answer("1", {"Ta": "99.0C"}), good[:5], 0.02, good[5:]]
    }
    async with line(scripted(script)) as link:
        assert await asked(link, Speech(protocol="vaisala", asked=True)) == [21.5]


async def test_an_answer_that_never_holds_is_told_with_its_own_reason() -> None:
    script: dict[bytes, list[bytes | float]] = {b"0R0\r\n": [b"0R0,Ta=??C\r\n"]}
    async with line(scripted(script)) as link:
        with pytest.raises(ReadError, match="no quantity") as caught:
            await asked(link, Speech(protocol="vaisala", asked=True), timeout_s=SHORT_S)

    assert caught.value.quality is Quality.CHECKSUM


async def test_a_late_answer_to_an_earlier_question_is_not_taken_for_the_next() -> None:
    late = plantower_frame([1] * 13)
    async with line(scripted({READ_NOW: [plantower_frame([2] * 13)]})) as link:
        link._opened_wire().data_received(late)

        values = await asked(link, Speech(protocol="plantower", asked=True), address=None)

    assert set(values) == {2.0}


def test_lines_are_cut_wherever_the_bytes_break() -> None:
    splitter = LineSplitter()

    assert splitter.feed(b"\r\nab") == []
    assert splitter.feed(b"c\r") == []
    assert splitter.feed(b"\nd\n\n") == [b"abc", b"d"]


def test_a_line_that_never_ends_costs_no_memory() -> None:
    splitter = LineSplitter()
    for _ in range(100):
        assert splitter.feed(b"x" * 100) == []

    assert splitter.feed(b"\nok\n")[-1] == b"ok"
    assert len(splitter._unread) == 0


def test_particle_frames_are_found_behind_noise_and_damaged_ones() -> None:
    good = plantower_frame([5] * 13)
    damaged = bytearray(good)
    damaged[10] ^= 0xFF
    splitter = PlantowerSplitter()

    found = [
        frame for byte in b"\x42\x00\x42" + bytes(damaged) + good for frame in splitter.feed(bytes((byte,)))
    ]

    assert found[-1] == good
    assert good not in found[:-1]
