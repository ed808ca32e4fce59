"""Short messages by a modem: a simulated one at AT-command level, unplugged, refused, slow and cut short."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from alerting.channels.channel import ReceiptState, WarningMessage
from alerting.channels.modem.channels import open_modem_channels
from alerting.channels.modem.sms import ModemSms
from alerting.channels.replies import Outcome, Reply
from alerting.errors import ChannelDownError, ChannelRefusedError
from firmware_sim.gsm_modem import GsmModem, ModemFaults
from tests.alerting.benches import IMPATIENT_S, PATIENT_S, person, until, with_text
from tests.alerting.telephone_benches import modem_settings
from tests.alerting.warnings import sample_warning

WANG = "+8613800138000"
CHINESE_350 = ("下溪水位已达红色预警，请立即组织两岸群众向云岭小学转移，切勿涉水过桥。" * 10)[:350]
assert len(CHINESE_350) == 350


FAULTS: list[Callable[[GsmModem], None]] = [
    lambda modem: modem.unplug(),
    lambda modem: setattr(modem.faults, "half_answer", True),
    lambda modem: setattr(modem.faults, "answer_lost", True),
    lambda modem: setattr(modem.faults, "cms_error", 42),
    lambda modem: setattr(modem.faults, "takes", len(modem.telephones.arrived) + 2),
    lambda modem: setattr(modem.faults, "silent", True),
]


@pytest.fixture(scope="module")
def warning() -> WarningMessage:
    return sample_warning()


@dataclass
class Desk:
    """Whoever takes replies."""

    replies: list[Reply] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    in_trouble: bool = False

    async def heard(self, reply: Reply) -> None:
        if self.in_trouble:
            raise RuntimeError("the database is locked")
        self.replies.append(reply)

    async def became(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


@dataclass
class Room:
    modem: GsmModem
    desk: Desk
    sms: ModemSms


@asynccontextmanager
async def open_room(
    folder: Path, modem: GsmModem | None = None, pin: str | None = None, patience_s: float = PATIENT_S
) -> AsyncIterator[Room]:
    modem = modem or GsmModem(folder / "modem")
    modem.plug()
    desk = Desk()
    try:
        async with open_modem_channels(
            modem_settings(folder / "modem", pin=pin, patience_s=patience_s), desk
        ) as carried:
            yield Room(modem, desk, carried.sms)
    finally:
        await modem.close()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as one:
        await one.sms.ready()
        yield one


async def test_a_text_of_350_chinese_characters_arrives_whole_and_its_reply_comes_back(
    room: Room, warning: WarningMessage
) -> None:
    to = person(1, WANG, "modem-sms")
    receipt = await room.sms.send(with_text(warning, CHINESE_350), to)
    room.modem.receive(WANG, "收到，正在转移 4821")

    await until(lambda: bool(room.desk.replies and room.desk.outcomes))
    assert receipt.state is ReceiptState.SENT
    assert room.modem.telephones.texts(WANG) == [CHINESE_350]
    assert len(room.modem.telephones.arrived) == 6
    assert [(one.address, one.text) for one in room.desk.replies] == [(WANG, "收到，正在转移 4821")]
    assert [(one.key, one.state) for one in room.desk.outcomes] == [(to.key, ReceiptState.DELIVERED)]


async def test_a_message_that_the_telephone_never_got_is_reported(
    room: Room, warning: WarningMessage
) -> None:
    room.modem.faults.report_status = 0x41
    to = person(1, WANG, "modem-sms")
    await room.sms.send(with_text(warning, "洪水"), to)

    await until(lambda: bool(room.desk.outcomes))
    (outcome,) = room.desk.outcomes
    assert (outcome.key, outcome.state) == (to.key, ReceiptState.UNREACHABLE)
    assert "0x41" in outcome.reason


async def test_a_report_that_it_is_still_being_tried_says_nothing(
    room: Room, warning: WarningMessage
) -> None:
    room.modem.faults.report_status = 0x20
    await room.sms.send(with_text(warning, "洪水"), person(1, WANG, "modem-sms"))
    room.modem.faults.report_status = 0
    await room.sms.send(with_text(warning, "洪水"), person(2, WANG, "modem-sms"))

    await until(lambda: bool(room.desk.outcomes))
    assert [one.key for one in room.desk.outcomes] == [person(2, WANG, "modem-sms").key]


async def test_each_of_two_messages_to_one_telephone_gets_its_own_report(
    room: Room, warning: WarningMessage
) -> None:
    for number in (1, 2):
        await room.sms.send(with_text(warning, CHINESE_350), person(number, WANG, "modem-sms"))

    await until(lambda: len(room.desk.outcomes) == 2)
    assert [one.key for one in room.desk.outcomes] == [person(n, WANG, "modem-sms").key for n in (1, 2)]


async def test_a_long_reply_in_parts_is_told_once_and_whole(room: Room) -> None:
    room.modem.receive(WANG, CHINESE_350)

    await until(lambda: room.modem.stored == 0)
    assert [one.text for one in room.desk.replies] == [CHINESE_350]


async def test_replies_in_letters_and_from_short_numbers_are_read(room: Room) -> None:
    room.modem.receive("10086", "OK 4821", gsm7=True)

    await until(lambda: room.modem.stored == 0)
    assert [(one.address, one.text) for one in room.desk.replies] == [("10086", "OK 4821")]


async def test_replies_that_came_while_nobody_listened_are_taken_at_the_start(tmp_path: Path) -> None:
    modem = GsmModem(tmp_path / "modem")
    modem.receive(WANG, "收到")
    async with open_room(tmp_path, modem) as room:
        await until(lambda: modem.stored == 0)
        assert [one.text for one in room.desk.replies] == ["收到"]


async def test_a_reply_stays_on_the_sim_until_somebody_has_taken_it(room: Room) -> None:
    room.desk.in_trouble = True
    room.modem.receive(WANG, "收到")
    await until(lambda: room.modem.commands.count("AT+CMGL=4") >= 2)
    assert room.modem.stored == 1

    room.desk.in_trouble = False
    await until(lambda: room.modem.stored == 0)
    assert [one.text for one in room.desk.replies] == ["收到"]


async def test_a_modem_that_was_unplugged_serves_again_when_it_is_back(
    room: Room, warning: WarningMessage
) -> None:
    to = person(1, WANG, "modem-sms")
    room.modem.unplug()
    with pytest.raises(ChannelDownError):
        await room.sms.send(with_text(warning, "洪水"), to)

    room.modem.plug()
    await room.sms.ready()
    await room.sms.send(with_text(warning, "洪水"), to)
    assert room.modem.telephones.texts(WANG) == ["洪水"]


async def test_half_an_answer_is_no_success_and_the_dialogue_finds_its_step_again(
    tmp_path: Path, warning: WarningMessage
) -> None:
    to = person(1, WANG, "modem-sms")
    async with open_room(tmp_path, patience_s=IMPATIENT_S) as room:
        await room.sms.ready()
        room.modem.faults.half_answer = True
        with pytest.raises(ChannelDownError, match="no answer"):
            await room.sms.send(with_text(warning, "洪水"), to)

        room.modem.faults.half_answer = False
        await until(lambda: room.modem.commands[-1] == "AT+CMGL=4")
        await room.sms.send(with_text(warning, "洪水"), to)
        assert room.modem.telephones.texts(WANG) == ["洪水"]


@pytest.mark.parametrize("code", [1, 30, 304])
async def test_a_number_that_cannot_be_is_refused(room: Room, warning: WarningMessage, code: int) -> None:
    room.modem.faults.cms_error = code

    with pytest.raises(ChannelRefusedError, match=str(code)):
        await room.sms.send(with_text(warning, "洪水"), person(1, WANG, "modem-sms"))


@pytest.mark.parametrize("code", [38, 41, 42, 310, 331, 332, 500])
async def test_a_network_that_cannot_now_is_down(room: Room, warning: WarningMessage, code: int) -> None:
    room.modem.faults.cms_error = code

    with pytest.raises(ChannelDownError, match=str(code)):
        await room.sms.send(with_text(warning, "洪水"), person(1, WANG, "modem-sms"))


async def test_a_modem_without_a_sim_is_down_until_it_has_one(
    tmp_path: Path, warning: WarningMessage
) -> None:
    modem = GsmModem(tmp_path / "modem")
    modem.faults.sim_missing = True
    async with open_room(tmp_path, modem) as room:
        await until(lambda: "AT+CPIN?" in modem.commands)
        with pytest.raises(ChannelDownError):
            await room.sms.send(with_text(warning, "洪水"), person(1, WANG, "modem-sms"))

        modem.faults.sim_missing = False
        await room.sms.ready()
        await room.sms.send(with_text(warning, "洪水"), person(1, WANG, "modem-sms"))
    assert modem.telephones.texts(WANG) == ["洪水"]


async def test_a_sim_is_unlocked_with_its_pin(tmp_path: Path) -> None:
    modem = GsmModem(tmp_path / "modem", pin="4711")
    async with open_room(tmp_path, modem, pin="4711") as room:
        await room.sms.ready()

    assert modem.pin_attempts == ['"4711"']


async def test_a_wrong_pin_is_tried_once_for_three_would_lock_the_sim(tmp_path: Path) -> None:
    modem = GsmModem(tmp_path / "modem", pin="4711")
    async with open_room(tmp_path, modem, pin="0000"):
        await until(lambda: modem.commands.count("AT+CPIN?") >= 5)

    assert modem.pin_attempts == ['"0000"']


async def test_notices_in_the_middle_of_an_answer_disturb_nothing(
    room: Room, warning: WarningMessage
) -> None:
    sending = asyncio.create_task(
        room.sms.send(with_text(warning, CHINESE_350), person(1, WANG, "modem-sms"))
    )
    while not sending.done():
        room.modem.notice("RING")
        room.modem.notice("^RSSI: 17")
        await asyncio.sleep(0.005)

    assert (await sending).state is ReceiptState.SENT
    assert room.modem.telephones.texts(WANG) == [CHINESE_350]


@pytest.mark.parametrize("seed", [1, 2])
async def test_through_any_faults_every_message_arrives_whole(
    tmp_path: Path, warning: WarningMessage, seed: int
) -> None:
    dice = random.Random(seed)
    people = [person(number, f"+8613800138{number:03}", "modem-sms") for number in range(3)]
    async with open_room(tmp_path, patience_s=IMPATIENT_S) as room:
        for to in people:
            for attempt in range(12):
                room.modem.faults = ModemFaults()
                room.modem.plug()
                await room.sms.ready()
                fault = dice.choice(FAULTS) if attempt < 6 else None
                if fault is not None:
                    fault(room.modem)
                with suppress(ChannelDownError):
                    await room.sms.send(with_text(warning, CHINESE_350), to)
                    break

    for to in people:
        assert room.modem.telephones.texts(to.address) == [CHINESE_350]


async def test_a_pin_is_in_no_representation(tmp_path: Path) -> None:
    assert "4711" not in repr(modem_settings(tmp_path, pin="4711"))
