"""The channels that one modem carries: short messages and calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from alerting.channels.modem.call import CallTimes, Ear, ModemCall
from alerting.channels.modem.correspondence import Correspondence
from alerting.channels.modem.modem import ModemSettings, open_modem
from alerting.channels.modem.sms import ModemSms
from alerting.channels.replies import Replies


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemChannels:
    """What one modem can do."""

    sms: ModemSms
    call: ModemCall


@asynccontextmanager
async def open_modem_channels(
    settings: ModemSettings, replies: Replies, *, times: CallTimes | None = None
) -> AsyncIterator[ModemChannels]:
    """The channels on one modem; what people answer or press goes to ``replies``."""
    correspondence, ear = Correspondence(replies), Ear()
    async with open_modem(settings, correspondence, ear.notice) as modem:
        yield ModemChannels(
            sms=ModemSms(modem, correspondence), call=ModemCall(modem, ear, replies, times=times)
        )
