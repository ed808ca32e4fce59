"""Calls by a modem: a simulated one with people who confirm, listen, hang up or do not pick up."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from alerting.channels.replies import Outcome, Reply
from alerting.errors import ChannelDownError, ChannelRefusedError
from firmware_sim.gsm_modem import Callee
from tests.alerting.benches import person
from tests.alerting.telephone_benches import plugged_modem
from tests.alerting.warnings import TEXTS, sample_warning

WANG = person(1, "+8613800138000", "modem-call")


@dataclass
class Desk:
    """Whoever takes replies."""

    replies: list[Reply] = field(default_factory=list)

    async def heard(self, reply: Reply) -> None:
        self.replies.append(reply)

    async def became(self, outcome: Outcome) -> None:
        raise AssertionError(outcome)


async def test_whoever_presses_1_has_confirmed_the_calls_thread(tmp_path: Path) -> None:
    desk = Desk()
    async with plugged_modem(tmp_path, desk) as (modem, carried):
        receipt = await carried.call.send(sample_warning(), WANG)

    (reply,) = desk.replies
    assert (reply.address, reply.text, reply.ref) == (WANG.address, "1", "flood.river-01")
    assert "confirmed" in receipt.reason
    (spoken,) = modem.spoken
    assert TEXTS["zh"].headline in spoken
    assert TEXTS["zh"].instruction in spoken
    assert "请按1" in spoken
    assert modem.hung_up == 1


@pytest.mark.parametrize(
    ("callee", "readings"),
    [
        (Callee.BUSY, 0),
        (Callee.AWAY, 0),
        (Callee.HANGS_UP, 1),
        (Callee.LISTENS, 2),
        (Callee.PRESSES_NINE, 2),
    ],
)
async def test_a_call_that_is_not_confirmed_is_worth_another(
    tmp_path: Path, callee: Callee, readings: int
) -> None:
    desk = Desk()
    async with plugged_modem(tmp_path, desk) as (modem, carried):
        modem.callee = callee
        with pytest.raises(ChannelDownError):
            await carried.call.send(sample_warning(), WANG)

        assert desk.replies == []
        assert len(modem.spoken) == readings
        assert modem.hung_up == 1

        modem.callee = Callee.CONFIRMS
        await carried.call.send(sample_warning(), WANG)
        assert len(desk.replies) == 1


async def test_a_modem_that_cannot_speak_leaves_it_to_the_next_channel(tmp_path: Path) -> None:
    async with plugged_modem(tmp_path, Desk()) as (modem, carried):
        modem.faults.speechless = True
        with pytest.raises(ChannelRefusedError):
            await carried.call.send(sample_warning(), WANG)

        assert modem.hung_up == 1


async def test_short_messages_go_out_between_calls(tmp_path: Path) -> None:
    async with plugged_modem(tmp_path, Desk()) as (modem, carried):
        modem.faults.report_status = None
        await carried.call.send(sample_warning(), WANG)
        await carried.sms.send(sample_warning(), WANG)

        assert len(modem.telephones.texts(WANG.address)) == 1
