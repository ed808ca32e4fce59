"""Benches of the channels that reach telephones: providers, a modem's short messages, its calls."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from alerting.channels.channel import Channel, Recipient
from alerting.channels.modem.call import CallTimes, ModemCall
from alerting.channels.modem.channels import ModemChannels, open_modem_channels
from alerting.channels.modem.modem import ModemSettings
from alerting.channels.modem.sms import ModemSms
from alerting.channels.provider_sms.aliyun import AliyunSettings, AliyunSms
from alerting.channels.provider_sms.tencent import TencentSettings, TencentSms
from alerting.channels.replies import LoggedReplies, Replies
from firmware_sim.gsm_modem import Callee, GsmModem
from tests.alerting.benches import IMPATIENT_S, PATIENT_S, Bench, person
from tests.alerting.servers import Mood
from tests.alerting.sms_servers import (
    ALIYUN_TEMPLATE,
    APP_ID,
    KEY_ID,
    KEY_SECRET,
    SIGN_NAME,
    TENCENT_TEMPLATE,
    AliyunServer,
    SmsServer,
    TencentServer,
    running_sms,
)
from tests.servers import free_port


class SmsBench(Bench):
    """People with telephones, and a provider that reaches them."""

    def __init__(self, server: SmsServer, channel_at: Callable[..., Channel]) -> None:
        self.server = server
        self.at = channel_at
        self.channel = channel_at(server=server.url)

    def recipient(self, number: int = 0) -> Recipient:
        return person(number, f"+8613800138{number:03}", "sms")

    def turns(self, mood: Mood) -> None:
        self.server.mood = mood

    def delivered(self) -> list[str]:
        return [key for key, _, _ in self.server.sent]

    def dead(self) -> Recipient:
        self.channel = self.at(server=f"http://127.0.0.1:{free_port()}")
        return self.recipient()


class ModemBench(Bench):
    """People with telephones, and a modem that is plugged in."""

    def __init__(self, modem: GsmModem, channel: ModemSms) -> None:
        self.channel = channel
        self._modem = modem

    def recipient(self, number: int = 0) -> Recipient:
        return person(number, f"+8613800138{number:03}", "modem-sms")

    def turns(self, mood: Mood) -> None:
        faults = self._modem.faults
        faults.cms_error = {Mood.BUSY: 42, Mood.REFUSES: 30}.get(mood)
        faults.slow_network = mood is Mood.SLOW

    def delivered(self) -> list[str]:
        numbers = {self.recipient(number).address: self.recipient(number).key for number in range(30)}
        return [key for address, key in numbers.items() for _ in self._modem.telephones.texts(address)]

    def dead(self) -> Recipient:
        self._modem.unplug()
        return self.recipient()

    def fails_after(self, parts: int | None) -> None:
        self._modem.faults.takes = parts

    def parts(self) -> list[str]:
        return [f"{one.part}: {one.text}" for one in self._modem.telephones.arrived]


class CallBench(Bench):
    """People with telephones who are called."""

    def __init__(self, modem: GsmModem, channel: ModemCall) -> None:
        self.channel = channel
        self._modem = modem

    def recipient(self, number: int = 0) -> Recipient:
        return person(number, f"+8613800138{number:03}", "modem-call")

    def turns(self, mood: Mood) -> None:
        self._modem.callee = {Mood.BUSY: Callee.BUSY, Mood.SLOW: Callee.AWAY}.get(mood, Callee.CONFIRMS)
        self._modem.faults.speechless = mood is Mood.REFUSES

    def delivered(self) -> list[str]:
        numbers = {self.recipient(number).address: self.recipient(number).key for number in range(30)}
        return [numbers[called] for called in self._modem.confirmed]

    def dead(self) -> Recipient:
        self._modem.unplug()
        return self.recipient()


def modem_settings(port: Path, *, pin: str | None = None, patience_s: float = PATIENT_S) -> ModemSettings:
    return ModemSettings(
        port=str(port),
        pin=pin,
        answer_s=patience_s,
        network_s=patience_s,
        look_every_s=IMPATIENT_S,
        settle_s=0.02,
        reopen_s=(0.02, 0.1),
    )


ALIYUN = AliyunSettings(
    access_key_id=KEY_ID,
    access_key_secret=KEY_SECRET,
    sign_name=SIGN_NAME,
    template=ALIYUN_TEMPLATE,
    variables={"title": "headline", "level": "level"},
)
TENCENT = TencentSettings(
    secret_id=KEY_ID,
    secret_key=KEY_SECRET,
    app_id=APP_ID,
    sign_name=SIGN_NAME,
    template=TENCENT_TEMPLATE,
    variables=("headline", "level"),
)


@asynccontextmanager
async def aliyun_bench(folder: Path | None = None, patience_s: float = PATIENT_S) -> AsyncIterator[SmsBench]:
    del folder
    async with running_sms(AliyunServer()) as server, aiohttp.ClientSession() as http:

        def channel_at(now_s: Callable[[], float] = time.time, **changes: Any) -> Channel:
            return AliyunSms(http, replace(ALIYUN, timeout_s=patience_s, **changes), now_s=now_s)

        yield SmsBench(server, channel_at)


@asynccontextmanager
async def tencent_bench(folder: Path | None = None, patience_s: float = PATIENT_S) -> AsyncIterator[SmsBench]:
    del folder
    async with running_sms(TencentServer()) as server, aiohttp.ClientSession() as http:

        def channel_at(now_s: Callable[[], float] = time.time, **changes: Any) -> Channel:
            return TencentSms(http, replace(TENCENT, timeout_s=patience_s, **changes), now_s=now_s)

        yield SmsBench(server, channel_at)


@asynccontextmanager
async def plugged_modem(
    folder: Path, replies: Replies, patience_s: float = PATIENT_S
) -> AsyncIterator[tuple[GsmModem, ModemChannels]]:
    modem = GsmModem(folder / "modem")
    modem.plug()
    times = CallTimes(ring_s=min(patience_s, 2.0), speak_s=patience_s, key_s=0.05, readings=2)
    settings = modem_settings(folder / "modem", patience_s=patience_s)
    try:
        async with open_modem_channels(settings, replies, times=times) as carried:
            await carried.sms.ready()
            yield modem, carried
    finally:
        await modem.close()


@asynccontextmanager
async def modem_bench(folder: Path, patience_s: float = PATIENT_S) -> AsyncIterator[ModemBench]:
    async with plugged_modem(folder, LoggedReplies(), patience_s) as (modem, carried):
        yield ModemBench(modem, carried.sms)


@asynccontextmanager
async def call_bench(folder: Path, patience_s: float = PATIENT_S) -> AsyncIterator[CallBench]:
    async with plugged_modem(folder, LoggedReplies(), patience_s) as (modem, carried):
        yield CallBench(modem, carried.call)
