"""The channel of short messages by our own modem.

A modem sends one part at a time, about one in four seconds: for a few people without any network of ours, and
for when the provider is down. The parts of one person's message go together; after a failure in between,
the next attempt begins at the part that failed, and the telephone joins them all.
"""

import asyncio
import zlib

from alerting.channels.channel import Receipt, ReceiptState, Recipient, WarningMessage
from alerting.channels.modem.correspondence import CHANNEL, Correspondence
from alerting.channels.modem.modem import Modem
from alerting.channels.modem.pdu import encode_submit, split_sms
from alerting.errors import ChannelDownError, ChannelRefusedError, ModemLostError, ModemRefusedError, PduError

# +CMS ERROR codes that mean this message to this number, not this moment (24.011 Annex E-2, 27.005 3.2.5):
# unassigned number, barred, barred by the operator, unknown subscriber, not subscribed, invalid message,
# not allowed, not supported, invalid PDU or parameter.
_FOR_GOOD = frozenset({1, 8, 10, 30, 50, 95, 302, 303, 304, 305})


class ModemSms:
    """Sends each message as short messages to the person's telephone."""

    def __init__(self, modem: Modem, correspondence: Correspondence) -> None:
        self._modem = modem
        self._correspondence = correspondence
        self._turn = asyncio.Lock()

    async def ready(self) -> None:
        """Wait until the modem can be used."""
        await self._modem.ready()

    async def send(self, warning: WarningMessage, to: Recipient) -> Receipt:
        """Hand the parts that are still to be sent to the network.

        Raises:
            ChannelDownError: No modem, no SIM, no network, no answer.
            ChannelRefusedError: The network will not take this text for this number.
        """
        try:
            segments = split_sms("\n".join(filter(None, warning.texts[to.language])))
            sending = self._correspondence.sending(to.key, to.address, segments)
            reference = zlib.crc32(to.key.encode()) & 0xFF  # the same at the next attempt
            async with self._turn:
                for segment in segments[sending.sent :]:
                    pdu = encode_submit(to.address, segment, reference)
                    sending.references[segment.part] = await self._modem.submit(pdu)
                    sending.sent = segment.part
        except ModemRefusedError as exc:
            kind = ChannelRefusedError if exc.code in _FOR_GOOD else ChannelDownError
            raise kind(f"{CHANNEL}: {exc}") from exc
        except ModemLostError as exc:
            raise ChannelDownError(f"{CHANNEL}: {exc}") from exc
        except PduError as exc:
            raise ChannelRefusedError(f"{CHANNEL}: {exc}") from exc
        return Receipt(ReceiptState.SENT, f"in {len(segments)} parts" if len(segments) > 1 else "")
