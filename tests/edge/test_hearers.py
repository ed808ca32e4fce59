"""What every protocol's hearer owes: good frames become readings, others an error, and nothing stops it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from district.inventory import CodeSource, Device, Speech
from edge.conversation import Heard, Hearer
from edge.counters import Counters
from edge.errors import FrameError
from edge.hj212.hearer import Hj212Hearer
from edge.hj212.stations import Stations
from edge.instruments.hearer import InstrumentHearer
from edge.roll import Roll
from edge.sl427.hearer import Sl427Hearer
from edge.sl651.hearer import Sl651Hearer
from tests.edge import encoders as by_the_book
from tests.edge.points import device, point
from transport.clock import Clock
from transport.measurement import Quality, to_ms

CHINA = ZoneInfo("Asia/Shanghai")
NOON = datetime(2018, 6, 3, 12, 0, tzinfo=CHINA)
LOCAL = NOON.replace(tzinfo=None)
CLOCK = Clock(anchor_wall_s=0.0, starts_at=NOON.astimezone(UTC), speed=1.0, wall=lambda: 0.0)


class Watchless:
    """Takes what a roll tells; the rolls of these tests are not watched."""

    def fail(self, *_: object) -> None:
        raise AssertionError("nobody is watched here")


class Noon:
    """A link whose last byte came at noon."""

    heard_ms = to_ms(NOON)


def gauge(code: str, **settings: Any) -> Device:
    level = point("level", source=CodeSource(code=code, scale=1.0, offset=0.0))
    return device("gauge", level, **({"unit": None} | settings))


def roll(gauge: Device) -> Roll:
    return Roll([gauge], clock=CLOCK, intake=Watchless(), counters=Counters())  # type: ignore[arg-type]


def hj212() -> Hearer:
    own = gauge("w01", mn="A1", accept_flags=("N",))
    return Hj212Hearer(
        Stations([own], passwords={}, timezone=CHINA, clock=CLOCK, roll=roll(own), counters=Counters())
    )


def sl651() -> Hearer:
    own = gauge("39", station="0010100001")
    return Sl651Hearer([own], roll(own), timezone=CHINA, clock=CLOCK, counters=Counters(), online=True)


def sl427() -> Hearer:
    own = gauge("level1", station="0010100001")
    return Sl427Hearer([own], roll(own), timezone=CHINA, clock=CLOCK, counters=Counters(), online=True)


def instrument(speech: Speech, code: str, address: str | None) -> Hearer:
    own = gauge(code, address=address, speech=speech)
    link: Any = Noon()
    return InstrumentHearer([own], speech, link=link, roll=roll(own), counters=Counters())


def hj212_frame(level: int, station: str = "A1") -> bytes:
    time = f"{LOCAL:%Y%m%d%H%M%S}"
    content = f"DataTime={time};w01-Rtd={level},w01-Flag=N"
    return by_the_book.hj212_frame(f"QN={time}000;ST=21;CN=2011;MN={station};Flag=5;CP=&&{content}&&")


def sl651_frame(level: int, station: str = "0010100001") -> bytes:
    element = by_the_book.sl651_element("39", level, 4, 3)
    return by_the_book.sl651_up(station, 0x32, by_the_book.sl651_body(1, LOCAL, station, LOCAL, element))


def sl427_frame(level: int, station: str = "0010100001") -> bytes:
    return by_the_book.sl427_up(station, 2, by_the_book.sl427_digits(level, 4, 3) + bytes(4), LOCAL)


def plantower_frame(level: int) -> bytes:
    return by_the_book.plantower_frame([1, 1, 1, 1, level, 1, 1, 1, 1, 1, 1, 1, 1])


@dataclass(frozen=True)
class Case:
    """One protocol: its hearer, a frame with a level, and the same frame of a stranger."""

    make: Callable[[], Hearer]
    frame: Callable[[int], bytes]
    stranger: bytes | None
    answers: int


LINES = Speech(protocol="lines", pattern=r"(?P<station>\w+) (?P<level>[0-9]+)")
CASES = {
    "hj212": Case(hj212, hj212_frame, hj212_frame(5, "B2"), 1),
    "sl651": Case(sl651, sl651_frame, sl651_frame(5, "0099999999"), 1),
    "sl427": Case(sl427, sl427_frame, sl427_frame(5, "0099999999"), 1),
    "nmea": Case(
        lambda: instrument(Speech(protocol="nmea"), "MWV.speed-r", "WI"),
        lambda level: by_the_book.nmea_sentence(f"WIMWV,1.0,R,{level}.0,M,A"),
        by_the_book.nmea_sentence("IIMWV,1.0,R,5.0,M,A"),
        0,
    ),
    "vaisala": Case(
        lambda: instrument(Speech(protocol="vaisala"), "Ta", "0"),
        lambda level: by_the_book.vaisala_answer("0", {"Ta": f"{level}.0C"}, crc=True),
        by_the_book.vaisala_answer("1", {"Ta": "5.0C"}, crc=True),
        0,
    ),
    "plantower": Case(
        lambda: instrument(Speech(protocol="plantower"), "pm25", None), plantower_frame, None, 0
    ),
    "lines": Case(
        lambda: instrument(LINES, "level", "own"),
        lambda level: f"own {level}\r\n".encode(),
        b"other 5\r\n",
        0,
    ),
}
every_protocol = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
with_a_check = pytest.mark.parametrize("case", [CASES[name] for name in CASES if name != "lines"])


def levels(items: list[Heard | FrameError]) -> list[float | None]:
    return [
        value
        for item in items
        if isinstance(item, Heard)
        for reading in item.readings
        for value, _ in reading.values.values()
    ]


@every_protocol
def test_a_good_frame_becomes_a_reading_of_its_time(case: Case) -> None:
    (heard,) = case.make().hear(case.frame(7))

    assert isinstance(heard, Heard)
    (reading,) = heard.readings
    assert (reading.device, reading.at_ms) == ("gauge", to_ms(NOON))
    assert dict(reading.values) == {"level": (7.0, Quality.GOOD)}
    assert len(heard.answers) == case.answers


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.stranger is not None])
def test_a_stranger_leaves_no_reading_and_gets_no_answer(name: str) -> None:
    for item in CASES[name].make().hear(CASES[name].stranger or b""):
        assert isinstance(item, FrameError) or (item.readings, item.answers) == ((), ())


@with_a_check
@given(at=st.integers(0, 200), bit=st.integers(0, 7))
def test_one_wrong_bit_never_becomes_another_value(case: Case, at: int, bit: int) -> None:
    frame = bytearray(case.frame(7))
    frame[at % len(frame)] ^= 1 << bit

    assert set(levels(case.make().hear(bytes(frame) + case.frame(7) * 9))) <= {7.0}


@every_protocol
@given(noise=st.binary(max_size=60))
def test_frames_behind_noise_are_read(case: Case, noise: bytes) -> None:
    heard = levels(case.make().hear(noise + b"\r\n" + case.frame(7) * 12))

    assert heard.count(7.0) >= 11


@every_protocol
@given(pieces=st.lists(st.binary(max_size=100), max_size=20))
def test_no_bytes_stop_a_hearer(case: Case, pieces: list[bytes]) -> None:
    hearer = case.make()
    for piece in pieces:
        for item in hearer.hear(piece):
            assert isinstance(item, Heard | FrameError)


def test_sentences_about_other_things_are_no_sign_of_life() -> None:
    own = gauge("MWV.speed-r", address="WI", speech=Speech(protocol="nmea"))
    counters = Counters()
    link: Any = Noon()
    hearer = InstrumentHearer([own], Speech(protocol="nmea"), link=link, roll=roll(own), counters=counters)

    (heard,) = hearer.hear(by_the_book.nmea_sentence("WIXDR,C,21.5,C,TempAir"))

    assert heard == Heard([], ())
    assert counters.answers == 0
