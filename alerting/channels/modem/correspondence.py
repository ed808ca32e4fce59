"""What belongs together: the parts of a reply, and the reports of a message's parts."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from alerting.channels.channel import ReceiptState
from alerting.channels.modem.pdu import Fate, Incoming, Segment, StatusReport
from alerting.channels.replies import Outcome, Replies, Reply

CHANNEL = "modem-sms"
_MESSAGES_KEPT = 2048
_PARTS_WAIT_S = 600.0  # for the rest of a long reply, before what there is goes on without it
_MISSING = "…"


@dataclass(slots=True)
class Sending:
    """One message to one person, as far as it has come."""

    key: str
    number: str
    segments: tuple[Segment, ...]
    sent: int = 0
    references: dict[int, int] = field(default_factory=dict)  # the modem's reference of each part
    arrived: set[int] = field(default_factory=set)


class _Letter(NamedTuple):
    """What the parts of one reply have in common."""

    sender: str
    reference: int
    of: int
    alone: int  # tells replies of one part from each other


class Correspondence:
    """Remembers messages under way and hands on what comes back for them."""

    def __init__(self, replies: Replies, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._replies = replies
        self._now_s = now_s
        self._sendings: dict[str, Sending] = {}
        self._since: dict[_Letter, float] = {}  # when the first part of an incomplete reply was seen

    def sending(self, key: str, number: str, segments: tuple[Segment, ...]) -> Sending:
        """The message under ``key``: begun now, or at an earlier attempt."""
        known = self._sendings.get(key)
        if known is None or known.segments != segments:
            known = self._sendings[key] = Sending(key, number, segments)
            while len(self._sendings) > _MESSAGES_KEPT:
                del self._sendings[next(iter(self._sendings))]
        return known

    async def report(self, report: StatusReport) -> None:
        """Hand on what became of a message once all its parts are there, or one is given up."""
        found = self._reported(report)
        if found is None or report.fate is Fate.UNDER_WAY:
            return
        sending, part = found
        if report.fate is Fate.FAILED:
            reason = f"part {part} of {len(sending.segments)} was not delivered: status {report.status:#04x}"
            await self._replies.became(Outcome(sending.key, ReceiptState.UNREACHABLE, reason))
            return
        sending.arrived.add(part)
        if len(sending.arrived) == len(sending.segments):
            await self._replies.became(Outcome(sending.key, ReceiptState.DELIVERED, "on the telephone"))

    async def messages(self, stored: Mapping[int, Incoming]) -> Collection[int]:
        """Hand on the replies whose parts are all there, or have been waited for; which may be forgotten."""
        letters: dict[_Letter, dict[int, Incoming]] = {}
        for index, one in stored.items():
            letter = _Letter(one.sender, one.reference, one.of, index if one.of == 1 else 0)
            letters.setdefault(letter, {})[index] = one
        now_s = self._now_s()
        self._since = {letter: self._since.get(letter, now_s) for letter in letters}
        taken: set[int] = set()
        for letter, group in letters.items():
            parts = {one.part: one for one in group.values()}
            if len(parts) < letter.of and now_s - self._since[letter] < _PARTS_WAIT_S:
                continue
            texts = [parts[part].text if part in parts else _MISSING for part in range(1, letter.of + 1)]
            first = parts[min(parts)]
            await self._replies.heard(
                Reply(channel=CHANNEL, address=first.sender, text="".join(texts), at=first.at)
            )
            taken |= group.keys()
        return taken

    def _reported(self, report: StatusReport) -> tuple[Sending, int] | None:
        """The newest message that a report can be about: the modem's references begin again at 256."""
        for sending in reversed(self._sendings.values()):
            if sending.number.lstrip("+").endswith(report.recipient.lstrip("+")):
                for part, reference in sending.references.items():
                    if reference == report.reference and part not in sending.arrived:
                        return sending, part
        return None
