"""CAP messages: what is written validates, reads back the same, and what cannot be right is refused."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from msgspec.structs import replace

from alerting.cap import CapAlert, CapArea, CapInfo, CapReference, CapValue, format_time, read_xml, write_xml
from alerting.errors import CapError

BEIJING = timezone(timedelta(hours=8))
SENT = datetime(2018, 6, 3, 21, 25, tzinfo=BEIJING)
RING = ((30.27, 120.15), (30.28, 120.15), (30.28, 120.16), (30.27, 120.15))

words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)).map(  # noqa: DTZ001  (zone follows)
    lambda naive: naive.replace(microsecond=0, tzinfo=BEIJING)
)
degrees = st.integers(20_000_000, 50_000_000).map(lambda micro: micro / 1e6)
values = st.builds(CapValue, words, words)


def info(**changes: object) -> CapInfo:
    plain = CapInfo(
        language="zh-CN",
        category="Met",
        event="洪水",
        response_type="Evacuate",
        urgency="Immediate",
        severity="Severe",
        certainty="Observed",
        effective=SENT,
        expires=SENT + timedelta(hours=1),
        sender_name="临江区",
        headline="标题",
        description="描述",
        instruction="指引",
        areas=(CapArea(area_desc="下溪", polygons=(RING,)),),
    )
    return replace(plain, **changes)


def alert(**changes: object) -> CapAlert:
    plain = CapAlert(
        identifier="33019911000100_20180603212500_1",
        sender="warning@linjiang.example",
        sent=SENT,
        status="Actual",
        msg_type="Alert",
        scope="Public",
        incidents="flood--river-01",
        infos=(info(),),
    )
    return replace(plain, **changes)


@given(
    headline=words,
    description=words,
    parameters=st.lists(values, max_size=4).map(tuple),
    ring=st.lists(st.tuples(degrees, degrees), min_size=3, max_size=8).map(lambda r: (*r, r[0])),
    before=st.lists(moments, max_size=3),
)
def test_what_is_written_reads_back_the_same(
    headline: str,
    description: str,
    parameters: tuple[CapValue, ...],
    ring: tuple[tuple[float, float], ...],
    before: list[datetime],
) -> None:
    written = alert(
        msg_type="Update" if before else "Alert",
        references=tuple(CapReference("s@x", f"id_{n}", sent) for n, sent in enumerate(before)),
        infos=(
            info(
                headline=headline,
                description=description,
                parameters=parameters,
                areas=(CapArea(area_desc="a", polygons=(ring,), geocodes=parameters),),
            ),
        ),
    )

    assert read_xml(write_xml(written)) == written


def test_the_schema_accepts_what_is_written(shared_data: Path) -> None:
    schema = etree.XMLSchema(etree.parse(shared_data / "cap" / "cap12.xsd"))
    message = alert(
        scope="Restricted",
        restriction="duty",
        msg_type="Update",
        references=(CapReference("s@x", "a_1", SENT),),
        infos=(
            info(event_codes=(CapValue("a", "b"),), parameters=(CapValue("c", "d"),)),
            info(language="en-US"),
        ),
    )

    schema.assertValid(etree.fromstring(write_xml(message)))


@given(moments)
def test_times_have_an_offset_and_no_fraction(moment: datetime) -> None:
    assert format_time(moment + timedelta(microseconds=999_999)).endswith("+08:00")
    assert len(format_time(moment)) == 25


def test_utc_is_written_as_an_unknown_local_zone() -> None:
    assert format_time(datetime(2018, 6, 3, tzinfo=UTC)) == "2018-06-03T00:00:00-00:00"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: alert(identifier="a b"),
        lambda: alert(sender="a,b"),
        lambda: alert(sender="a<b"),
        lambda: alert(identifier="a&b"),
        lambda: alert(msg_type="Update"),
        lambda: alert(scope="Restricted"),
        lambda: alert(restriction="duty"),
        lambda: alert(infos=(info(expires=SENT),)),
        lambda: alert(infos=(info(effective=SENT - timedelta(seconds=1)),)),
        lambda: CapArea(area_desc="open", polygons=(RING[:-1],)),
        lambda: CapArea(area_desc="line", polygons=((RING[0], RING[1], RING[0]),)),
        lambda: format_time(datetime(2018, 6, 3)),  # noqa: DTZ001  (that is the mistake)
    ],
)
def test_what_cannot_be_right_is_never_made(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match=r"."):
        wrong()


def test_entities_are_never_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    xml = (
        write_xml(alert())
        .decode()
        .replace("?>", f'?><!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]>', 1)
    )
    read = read_xml(xml.replace("标题", "&x;").encode())

    assert "s3cret" not in read.infos[0].headline


@pytest.mark.parametrize(
    "text", [b"", b"<alert/>", b"no xml", b"<a xmlns='urn:oasis:names:tc:emergency:cap:1.2'/>"]
)
def test_what_is_no_message_of_ours_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(CapError):
        read_xml(text)
