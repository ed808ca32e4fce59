"""What comes back by a channel: what people answer, and what became of messages handed over before."""

from datetime import datetime
from typing import NamedTuple, Protocol

import structlog

from alerting.channels.channel import ReceiptState

log = structlog.get_logger(__name__)


class Reply(NamedTuple):
    """Something that a person sent us or pressed."""

    channel: str
    address: str  # as the channel knows the person: a telephone number with its country code
    text: str
    at: datetime  # by the channel's own clock
    ref: str = ""  # the thread that it is about, if the channel knows


class Outcome(NamedTuple):
    """What became of a message after its channel had taken it."""

    key: str  # of the recipient
    state: ReceiptState
    reason: str


class Replies(Protocol):
    """Takes what comes back; the same may be told again after a restart."""

    async def heard(self, reply: Reply) -> None:
        """Take a reply; on return it is on record, and the channel forgets it."""
        ...

    async def became(self, outcome: Outcome) -> None:
        """Take an outcome; of one message there may be several, the later the better known."""
        ...


class LoggedReplies:
    """Writes what comes back to the log, where nobody else takes it."""

    async def heard(self, reply: Reply) -> None:
        """Log that there was a reply; its words are not for a log."""
        log.info("reply-heard", channel=reply.channel, length=len(reply.text))

    async def became(self, outcome: Outcome) -> None:
        """Log the outcome."""
        log.info("delivery-became", delivery=outcome.key, state=outcome.state, reason=outcome.reason)
