"""What stations of every edition want answered, and what they are asked for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from district.inventory import CodeSource
from edge.conversation import Heard
from edge.counters import Counters
from edge.errors import Hj212Error
from edge.hj212.hearer import Hj212Hearer
from edge.hj212.stations import Stations
from edge.roll import Roll
from tests.edge.encoders import hj212_frame
from tests.edge.points import point, station
from transport.clock import Clock
from transport.measurement import Quality, to_ms

CHINA = ZoneInfo("Asia/Shanghai")
NOON = datetime(2018, 6, 3, 12, 0, tzinfo=CHINA)


class Nobody:
    """Takes what the roll tells of silent devices."""

    def fail(self, *_: object) -> None:
        raise AssertionError("nobody is silent here")


class Post:
    """One connection to stations."""

    def __init__(self, *, edition: str = "auto", backfill: str | None = None) -> None:
        self.elapsed_s = 0.0
        clock = Clock(
            anchor_wall_s=0.0, starts_at=NOON.astimezone(UTC), speed=1.0, wall=lambda: self.elapsed_s
        )
        pm25 = point("pm25", source=CodeSource(code="a34004", scale=1.0, offset=0.0), unit="ug/m3")
        o3 = point("o3", source=CodeSource(code="a05024", scale=1.0, offset=0.0), unit="ug/m3")
        devices = [station("A1", pm25, o3)]
        counters = Counters()
        stations = Stations(
            devices,
            passwords={},
            timezone=CHINA,
            clock=clock,
            roll=Roll(devices, clock=clock, intake=Nobody(), counters=counters),  # type: ignore[arg-type]
            counters=counters,
            edition=edition,
            backfill=backfill,
        )
        self.hearer = Hj212Hearer(stations)

    def hear(self, segment: str) -> Heard:
        (heard,) = self.hearer.hear(hj212_frame(segment))
        if isinstance(heard, Hj212Error):
            raise heard
        assert isinstance(heard, Heard)
        return heard

    def answers(self, segment: str) -> list[str]:
        return [answer[6:-6].decode() for answer in self.hear(segment).answers]


def segment(
    cn: str = "2011",
    content: str = "DataTime=20180603120000;a34004-Rtd=30,a34004-Flag=N",
    flag: str = "Flag=5;",
) -> str:
    return f"QN=20180603120000123;ST=22;CN={cn};PW=123456;MN=A1;{flag}CP=&&{content}&&"


@pytest.mark.parametrize(("flag", "answered"), [(1, 0), (5, 4), (9, 8)], ids=["2005", "2017", "2025"])
def test_an_answer_is_of_the_edition_that_the_station_speaks(flag: int, answered: int) -> None:
    (answer,) = Post().answers(segment(flag=f"Flag={flag};"))

    assert answer == f"QN=20180603120000123;ST=91;CN=9014;PW=123456;MN=A1;Flag={answered};CP=&&&&"


def test_an_edition_that_is_configured_is_spoken_whatever_the_station_says() -> None:
    (answer,) = Post(edition="2005").answers(segment())

    assert ";Flag=0;" in answer


def test_a_station_of_2005_without_number_and_flag_is_read_and_not_answered() -> None:
    heard = Post().hear("ST=22;CN=2011;PW=123456;MN=A1;CP=&&DataTime=20180603120000;a34004-Rtd=30&&")

    assert [reading.values["pm25"] for reading in heard.readings] == [(30.0, Quality.GOOD)]
    assert heard.answers == ()


def test_a_heartbeat_of_2025_is_a_notice() -> None:
    (answer,) = Post().answers(segment("9015", "", "Flag=9;"))

    assert "CN=9013" in answer


def test_a_station_that_asks_for_its_clock_to_be_set_is_sent_the_time() -> None:
    notice, command = Post().answers(segment("1013", "PolId=w01018"))

    assert "CN=9013" in notice
    assert "CN=1012;PW=123456;MN=A1;Flag=5;CP=&&PolId=w01018;SystemTime=20180603120000&&" in command


def test_a_request_for_the_time_is_taken_fulfilled_and_reported() -> None:
    ready, time, done = Post().answers(segment("1011", "PolId=w01018"))

    assert ready == "QN=20180603120000123;ST=91;CN=9011;PW=123456;MN=A1;Flag=4;CP=&&QnRtn=1&&"
    assert "ST=22;CN=1011" in time
    assert "SystemTime=20180603120000" in time
    assert done == "QN=20180603120000123;ST=91;CN=9012;PW=123456;MN=A1;Flag=4;CP=&&ExeRtn=1&&"


def test_a_request_that_nobody_here_can_fulfil_is_refused() -> None:
    (answer,) = Post().answers(segment("1072", "NewPW=654321"))

    assert "CN=9011" in answer
    assert "QnRtn=2" in answer


def test_packets_of_one_message_are_read_and_answered_one_by_one() -> None:
    post = Post()
    first = post.hear(segment(flag="Flag=7;PNUM=2;PNO=1;"))
    second = post.hear(segment(content="a05024-Rtd=90,a05024-Flag=N", flag="Flag=7;PNUM=2;PNO=2;"))

    at_ms = to_ms(NOON)
    assert [(reading.at_ms, dict(reading.values)) for reading in (*first.readings, *second.readings)] == [
        (at_ms, {"pm25": (30.0, Quality.GOOD)}),
        (at_ms, {"o3": (90.0, Quality.GOOD)}),
    ]
    assert len(first.answers) == len(second.answers) == 1


def test_a_later_packet_whose_first_is_lost_is_refused_and_not_answered() -> None:
    with pytest.raises(Hj212Error, match="no DataTime"):
        Post().hear(segment(content="a05024-Rtd=90", flag="Flag=7;PNUM=2;PNO=2;"))


def test_a_station_that_was_silent_is_asked_for_the_means_it_owes() -> None:
    post = Post(backfill="minute")
    post.answers(segment())
    post.elapsed_s = 7200.0

    _, question = post.answers(segment(content="DataTime=20180603140000;a34004-Rtd=40"))
    _, *again = post.answers(segment(content="DataTime=20180603140000;a34004-Rtd=40"))

    assert "CN=2051;PW=123456;MN=A1;Flag=5;" in question
    assert "BeginTime=20180603120000;EndTime=20180603140000" in question
    assert again == []


def test_means_are_kept_only_where_the_station_was_asked_for_them() -> None:
    post = Post(backfill="minute")
    mean = segment("2051", "DataTime=20180603130000;a34004-Min=1,a34004-Avg=33.5,a34004-Max=50,a34004-Flag=N")
    unasked = post.hear(mean)
    post.elapsed_s = 7200.0
    post.hear(segment(content="DataTime=20180603140000;a34004-Rtd=40"))

    asked = post.hear(mean)

    assert unasked.readings == ()
    assert [(reading.at_ms, dict(reading.values)) for reading in asked.readings] == [
        (to_ms(NOON + timedelta(hours=1)), {"pm25": (33.5, Quality.GOOD)})
    ]
