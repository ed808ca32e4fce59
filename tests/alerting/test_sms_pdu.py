"""Short messages on the wire, against a network that shares no code with us."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.channels.modem.pdu import (
    Alphabet,
    Fate,
    Incoming,
    StatusReport,
    decode_incoming,
    encode_submit,
    split_sms,
)
from alerting.errors import PduError
from firmware_sim.sms import Submitted, read_submit, write_deliver, write_report

NUMBERS = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
GSM_CHARS = "@£$¥èéùìòÇ\nØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0189:;<=>?¡AZÄÖÑÜ§¿azäöñüà^{}\\[~]|€"
PLAIN_GSM = st.text(alphabet="abcXYZ 0123456789@?!é", min_size=1, max_size=160)
CHINESE = "下溪水位已达红色预警，请立即向云岭小学转移。"


def through_the_network(number: str, text: str, reference: int = 7) -> list[Submitted]:
    submitted = []
    for segment in split_sms(text):
        pdu = encode_submit(number, segment, reference)
        submitted.append(read_submit(pdu.hex().upper(), len(pdu) - 1))
    return submitted


@given(number=NUMBERS, text=st.text(alphabet=st.characters(codec="utf-8"), max_size=400))
def test_any_text_comes_out_as_it_went_in(number: str, text: str) -> None:
    parts = through_the_network(number, text)

    assert "".join(part.text for part in parts) == text
    assert {part.number for part in parts} == {number}
    assert all(part.wants_report for part in parts)


@given(number=NUMBERS, text=st.text(alphabet=GSM_CHARS, max_size=500))
def test_a_text_of_the_gsm_alphabet_takes_septets(number: str, text: str) -> None:
    parts = through_the_network(number, text)

    assert "".join(part.text for part in parts) == text
    assert all(part.units <= (160 if len(parts) == 1 else 153) for part in parts)
    assert {segment.alphabet for segment in split_sms(text)} == {Alphabet.GSM7}


@given(text=st.text(alphabet="洪🌊a", min_size=1, max_size=300), reference=st.integers(0, 255))
def test_parts_are_numbered_and_no_emoji_falls_apart(text: str, reference: int) -> None:
    parts = through_the_network("+8613800138000", text, reference)

    if len(parts) > 1:
        assert [(part.group, part.part, part.parts) for part in parts] == [
            (reference, number, len(parts)) for number in range(1, len(parts) + 1)
        ]


@pytest.mark.parametrize(
    ("length", "parts"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (350, 6), (255 * 67, 255)]
)
def test_so_many_chinese_characters_take_so_many_messages(length: int, parts: int) -> None:
    assert len(split_sms("洪" * length)) == parts


def test_a_text_beyond_all_parts_is_refused() -> None:
    with pytest.raises(PduError, match="256"):
        split_sms("洪" * (255 * 67 + 1))


def test_a_submit_is_that_of_the_standards_example() -> None:
    """ "hellohello" to +46708251358, the example of every description of PDU mode."""
    (segment,) = split_sms("hellohello")

    pdu = encode_submit("+46708251358", segment, 0).hex().upper()

    assert pdu == "0031000B916407281553F800008F0AE8329BFD4697D9EC37"


@given(number=NUMBERS, text=st.text(alphabet="洪水请转移ab1 ", max_size=200), group=st.integers(0, 255))
def test_a_reply_is_read_as_it_was_written(number: str, text: str, group: int) -> None:
    read = [decode_incoming(bytes.fromhex(pdu)) for pdu in write_deliver(number, text, group=group)]

    assert all(isinstance(one, Incoming) and one.sender == number for one in read)
    assert "".join(one.text for one in read if isinstance(one, Incoming)) == text


@given(text=PLAIN_GSM)
def test_a_reply_in_septets_is_read_too(text: str) -> None:
    (pdu,) = write_deliver("10086", text, gsm7=True)
    read = decode_incoming(bytes.fromhex(pdu))

    assert isinstance(read, Incoming)
    assert (read.sender, read.text) == ("10086", text)


@pytest.mark.parametrize("hours", [-9.75, -3, 0, 5.75, 8])
def test_a_reply_keeps_its_time_and_zone(hours: float) -> None:
    at = datetime(2018, 6, 4, 6, 5, 59, tzinfo=timezone(timedelta(hours=hours)))
    (pdu,) = write_deliver("+8613800138000", "1", at=at)
    read = decode_incoming(bytes.fromhex(pdu))

    assert isinstance(read, Incoming)
    assert read.at == at


def test_a_reply_without_a_possible_time_is_read_all_the_same() -> None:
    (pdu,) = write_deliver("+8613800138000", "1", at=datetime(2018, 6, 4, tzinfo=UTC))
    read = decode_incoming(bytes.fromhex(pdu.replace("81604000000000", "00000000000000")))

    assert isinstance(read, Incoming)
    assert read.text == "1"


def test_a_sender_with_a_name_is_read() -> None:
    pdu = "0004" + "0BD0" + "ED35BD2E4F01" + "0008" + "81604060500032"[:14] + "02" + "6D2A"
    read = decode_incoming(bytes.fromhex(pdu))

    assert isinstance(read, Incoming)
    assert read.text == "洪"


@given(reference=st.integers(0, 255), number=NUMBERS, status=st.integers(0, 127))
def test_a_report_is_read_as_it_was_written(reference: int, number: str, status: int) -> None:
    read = decode_incoming(bytes.fromhex(write_report(reference, number, status)))

    assert read == StatusReport(reference=reference, recipient=number, status=status)


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (0, Fate.DELIVERED),
        (2, Fate.DELIVERED),
        (0x30, Fate.UNDER_WAY),
        (0x41, Fate.FAILED),
        (0x63, Fate.FAILED),
    ],
)
def test_a_reports_status_tells_a_messages_fate(status: int, fate: Fate) -> None:
    assert StatusReport(reference=1, recipient="+861", status=status).fate is fate


@given(pdu=st.binary(max_size=180))
def test_no_bytes_are_read_as_anything_else_than_a_message_a_report_or_a_mistake(pdu: bytes) -> None:
    with suppress(PduError):
        decode_incoming(pdu)


@given(text=st.text(alphabet="洪a", max_size=70), cut=st.integers(1, 30))
def test_a_torn_message_is_a_mistake_or_a_shorter_text(text: str, cut: int) -> None:
    (pdu,) = write_deliver("+8613800138000", text)
    torn = bytes.fromhex(pdu)[:-cut]
    try:
        read = decode_incoming(torn)
    except PduError:
        return
    assert isinstance(read, Incoming)
    assert len(read.text) <= len(text)
