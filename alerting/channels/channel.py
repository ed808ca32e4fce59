"""What every channel is: a warning, a recipient, and delivery or an error that says whether to try again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from alerting.cap import CapAlert
from district.findings import Language
from rules.transition import Level


class ReceiptState(StrEnum):
    """What one person's channel is known to have done."""

    QUEUED = "queued"
    SENT = "sent"  # handed to a carrier that will take it further
    DELIVERED = "delivered"  # where the person looks
    REFUSED = "refused"  # this channel will never take it
    UNREACHABLE = "unreachable"  # no channel of the person's took it
    REPLACED = "replaced"  # a newer message of the thread went in its stead


class Receipt(NamedTuple):
    """What a channel knows of one message to one person."""

    state: ReceiptState
    reason: str = ""


class Texts(NamedTuple):
    """A warning in one language."""

    headline: str
    description: str
    instruction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningMessage:
    """One issued message as channels send it."""

    cap: CapAlert
    cap_xml: bytes  # exactly as issued
    thread: str
    level: Level
    texts: Mapping[Language, Texts]

    @property
    def identifier(self) -> str:
        """The CAP identifier."""
        return self.cap.identifier

    @property
    def sent(self) -> datetime:
        """When it was issued, in the district's zone."""
        return self.cap.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One person at one channel."""

    person: str
    name: str
    language: Language
    address: str  # what the channel needs: an e-mail address, a URL; empty for the console
    key: str  # the same at every attempt: by it a repeat is known


class Channel(Protocol):
    """Delivers one warning to one person."""

    async def send(self, warning: WarningMessage, to: Recipient) -> Receipt:
        """Deliver ``warning``.

        Raises:
            ChannelDownError: Worth another attempt.
            ChannelRefusedError: Not worth one; use the next channel.
        """
        ...
